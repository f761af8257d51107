"""What a login is told, and who counts as new."""

from tests.simulation.mutants.mutant import CHECK, FIND, INSTRUCTION, ITEMS, OPEN, SIGN_UP, Mutant

LOGIN = [
    Mutant(
        "marker not set on denial",
        INSTRUCTION,
        "return Instruction(Decision.DENY, reason, _UNFINISHED)",
        "return Instruction(Decision.DENY, reason, {})",
    ),
    Mutant(
        "ledger not asked who is new",
        SIGN_UP,
        "self.settling.ledger.has_record(signup.user) or self._is_younger_than_deployment()",
        "self._is_younger_than_deployment()",
    ),
    Mutant(
        "account made after the installation taken for old",
        SIGN_UP,
        "self.settling.ledger.has_record(signup.user) or self._is_younger_than_deployment()",
        "self.settling.ledger.has_record(signup.user)",
        caught_by="tests/usecases/test_sign_up.py::TestNewUser::test_age_makes_a_later_login_new",
    ),
    Mutant(
        "account of this hour exempt",
        SIGN_UP,
        "return now - created > EXEMPT_FROM_AGE",
        "return True",
        caught_by="tests/usecases/test_sign_up.py::TestExempt::test_only_an_older_account",
    ),
    Mutant(
        "existing user with a link denied while Stripe is down",
        SIGN_UP,
        "(outcome.is_linked or not is_recorded)",
        "(not is_recorded)",
        caught_by="tests/usecases/test_sign_up.py::TestOnFailure::test_linked_without_a_login",
    ),
    Mutant(
        "registration's record reopened though its customer has the address",
        CHECK,
        "if _has_passed_on(signup, customer):",
        "if False:",
        caught_by="tests/usecases/test_check_link.py::TestRecord::test_registrations_customer_names_its_user_by_now",
    ),
    Mutant(
        "customer that has become another's not counted as in the way",
        FIND,
        "passed_on.append(customer)",
        "pass",
        caught_by="tests/usecases/test_find_customer.py::TestPassedOn::test_own_customer_that_has_become_anothers",
    ),
    Mutant(
        "marker written in an outage for a user of long standing",
        SIGN_UP,
        "        if not is_signing_up and (outcome.is_linked or not is_recorded):\n"
        "            return not_new(exempt=False)\n",
        "",
        caught_by="tests/usecases/test_sign_up.py::TestNewUser::test_known_and_then_the_ledger_fails",
    ),
    Mutant(
        "denied user let in while the ledger cannot be asked",
        SIGN_UP,
        "is_marked if not is_recorded else outcome.refused not in _NO_DENIALS",
        "outcome.refused not in _NO_DENIALS",
        caught_by="tests/usecases/test_sign_up.py::TestOnFailure::test_a_marker_may_stand_for_a_denial",
    ),
    Mutant(
        "denied user let in after a lost lease",
        OPEN,
        "return Unsettled(reason, self.lease.refused)",
        "return Unsettled(reason)",
    ),
    Mutant(
        "denied user let in who waits for another invocation",
        ITEMS,
        "return Busy(refusal(item))",
        "return Busy()",
    ),
    Mutant(
        "user let in whose customer may be somebody else's",
        SIGN_UP,
        "is_kept_out = may_be_denied or signup.customer_id is not None",
        "is_kept_out = may_be_denied",
        caught_by="tests/usecases/test_sign_up.py::TestOnFailure::test_an_id_in_doubt_stays_denied",
    ),
    Mutant(
        "redirect kept at a registration",
        SIGN_UP,
        "return replace(instruction, app_metadata={}, redirect=None)",
        "return replace(instruction, app_metadata={})",
        caught_by="tests/usecases/test_sign_up.py::TestAtRegistration::test_denied",
    ),
    Mutant(
        "refused beside the first login",
        SIGN_UP,
        "replace(self.settling, is_admission=False, creates=never)",
        "replace(self.settling, creates=never)",
        caught_by="tests/usecases/test_sign_up.py::TestAfterRegistration::test_claimed_by_another_user",
    ),
    Mutant(
        "customer made beside the first login",
        SIGN_UP,
        "replace(self.settling, is_admission=False, creates=never)",
        "replace(self.settling, is_admission=False)",
        caught_by="tests/usecases/test_sign_up.py::TestAfterRegistration::test_no_customer_is_made",
    ),
]
