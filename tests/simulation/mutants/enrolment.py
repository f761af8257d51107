"""Switching sync on: each guard taken out of what enrols who is there already."""

from tests.simulation.mutants.mutant import ENROL, Mutant

_TESTS = "tests/usecases/test_enrol.py"

ENROLLED = [
    Mutant(
        "enrolment writes what has changed while sync was off",
        ENROL,
        "if decision.writes and not self._may_write:",
        "if decision.writes and self._may_write is None:",
        caught_by=f"{_TESTS}::test_changed_while_sync_was_off",
    ),
    Mutant(
        "enrolment writes though nobody asked for it",
        ENROL,
        "return self.sync.rules.policy.differences is Differences.APPLY",
        "return self.sync.rules.policy.differences is not None",
        caught_by=f"{_TESTS}::test_edited_in_stripe_while_sync_was_off",
    ),
    Mutant(
        "enrolment clears an id, or writes one",
        ENROL,
        "if decision.act is not SyncAct.COMPARE:",
        "if decision.act is None:",
        caught_by=f"{_TESTS}::test_customer_that_is_gone",
    ),
    Mutant(
        "enrolment lets linked accounts' customers follow",
        ENROL,
        "            return Enrolled(EnrolStatus.FOLLOWS)\n",
        "            return None\n",
        caught_by=f"{_TESTS}::test_linked_accounts",
    ),
]
