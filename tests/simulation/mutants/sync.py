"""The life after the sign-up: each guard of a reconciliation taken out."""

from tests.simulation.mutants.mutant import CHECK, DECISION, SYNC, SYNC_LEDGER, Mutant

_TESTS = "tests/usecases/test_sync.py"
_TABLE = "tests/model/test_sync.py"

SYNCED = [
    Mutant(
        "sync writes without a word of it before",
        SYNC,
        "or not self.ledger.remember(self.lease, self.decision.intent(values))",
        "or not self.ledger.remember(self.lease, self.lease.memory)",
        caught_by=f"{_TESTS}::TestInterleavings::test_intent_before_effect",
    ),
    Mutant(
        "sync beside another one",
        SYNC_LEDGER,
        "attribute_not_exists(sync_until) OR sync_until < :now",
        "attribute_not_exists(sync_until) OR attribute_not_exists(nobody)",
        caught_by=f"{_TESTS}::TestInterleavings::test_two_at_once",
    ),
    Mutant(
        "sync by a zombie",
        SYNC_LEDGER,
        '_MINE = "sync_epoch = :epoch AND #owner = :owner"',
        '_MINE = "#owner = :owner AND attribute_not_exists(nobody)"',
        caught_by=f"{_TESTS}::TestInterleavings::test_zombie",
    ),
    Mutant(
        "sync gives the lease back while a write may be on its way",
        SYNC,
        "if isinstance(self.sent, Unknown):",
        "if self.sent is self:",
        caught_by=f"{_TESTS}::TestInterleavings::test_late_write",
    ),
    Mutant(
        "sync writes what was seen before the wait",
        SYNC,
        "is_as_it_was = again is not None and again.writes == self.decision.writes",
        "is_as_it_was = True",
        caught_by=f"{_TESTS}::TestInterleavings::test_change_meanwhile",
    ),
    Mutant(
        "sync clears what has another id by now",
        SYNC,
        "if again is None or again.act is not self.decision.act:",
        "if again is None:",
        caught_by=f"{_TESTS}::TestInterleavings::test_link_that_changes_meanwhile",
    ),
    Mutant(
        "sync gives away an address that its user keeps",
        SYNC,
        "return plan.customer_id == customer.id and EMAIL in plan.writes",
        "return True",
        caught_by=f"{_TESTS}::TestAddress::test_of_another_user",
    ),
    Mutant(
        "sync lets two users who swap wait for each other",
        SYNC,
        "may_share=lambda other: self.sync.is_about_to_move(other, self.user),",
        "may_share=lambda _: False,",
        caught_by=f"{_TESTS}::TestAddress::test_two_swap",
    ),
    Mutant(
        "sync looks an address up in lower case only",
        SYNC,
        "str(self.decision.address),",
        "writes[EMAIL],",
        caught_by=f"{_TESTS}::TestAddress::test_taken",
    ),
    Mutant(
        "sync takes 404 for deleted",
        DECISION,
        "    if absence is not Absence.DELETED:\n",
        "    if absence is Absence.OTHER_MODE:\n",
        caught_by=f"{_TABLE}::test_no_link_is_cleared_for_want_of_an_answer",
    ),
    Mutant(
        "sync beside a sign-up",
        DECISION,
        "if seen.is_open and not _is_linked(seen):",
        "if False:",
        caught_by=f"{_TABLE}::test_open_sign_up",
    ),
    Mutant(
        "sync takes its own write for an edit",
        DECISION,
        "if before == ours and not is_our_write:",
        "if before == ours:",
        caught_by=f"{_TABLE}::test_comparison",
    ),
    Mutant(
        "sync takes a former customer's values for this one's",
        DECISION,
        "if known.customer_id in (None, live.customer.id):",
        "if known.customer_id is not live:",
        caught_by=f"{_TABLE}::test_comparison",
    ),
    Mutant(
        "sync settles what it passed over",
        DECISION,
        "if each in _SETTLED}.union(written)",
        "if each in _SETTLED}.union(self.values)",
        caught_by=f"{_TABLE}::test_what_is_passed_over_is_not_settled",
    ),
    Mutant(
        "sync writes a difference that nobody knows the age of",
        DECISION,
        "return Verdict.CHANGED if is_applied else Verdict.UNKNOWN",
        "return Verdict.CHANGED",
        caught_by=f"{_TABLE}::test_comparison",
    ),
    Mutant(
        "sync argues with a third program",
        DECISION,
        "is_too_often = len(corrections) >= CORRECTIONS_A_DAY",
        "is_too_often = False",
        caught_by=f"{_TABLE}::TestHistories::test_writes_against_a_third_program",
    ),
    Mutant(
        "sync writes a customer that names somebody else",
        DECISION,
        "if others or not found.belongs_to(seen.user):",
        "if others:",
        caught_by=f"{_TESTS}::TestLink::test_customer_that_is_not_the_users",
    ),
    Mutant(
        "recorded link given up without Stripe's word",
        CHECK,
        "return Stale(None) if is_gone else failed",
        "return Stale(None)",
        caught_by="tests/usecases/test_interleavings.py::TestKeyOfAnotherAccount"
        "::test_no_second_customer",
    ),
]
