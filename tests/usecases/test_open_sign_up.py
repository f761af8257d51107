"""How a sign-up ends whose lease an invocation has, and when the address is free again."""

from dataclasses import replace
from typing import Any

import pytest
from tests.fakes import customer_of
from tests.usecases.settling_case import BOB, LEASE, RECENT, SENT, ACase, Case

from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import Lease
from customerlink.model.user import CustomerId
from customerlink.ports.customers import Unknown
from customerlink.usecases.open_sign_up import Unsettled


class TestLink:
    """The link is recorded."""

    def test_order(self, a_case: ACase) -> None:
        """The lock is not given back: Stripe's list may not know of the customer yet."""
        case = a_case()
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.ledger.calls == [
            ("open", "ada@example.com"),
            "lock_email",
            ("link", "cus_new"),
        ]

    def test_lease_was_taken_over(self, a_case: ACase) -> None:
        """The other invocation links; this one tries again."""
        case = a_case(links=False, opened=[replace(LEASE, refused=Reason.EMAIL_IN_USE)])

        outcome = case.settling().settle()
        assert outcome == Unsettled(Reason.IN_PROGRESS, Reason.EMAIL_IN_USE)


class TestUnlock:
    """When the address is free for others again."""

    def case(self, a_case: ACase, **ledger: Any) -> Case:
        """Return a sign-up whose look-up fails."""
        case = a_case(**ledger)
        case.stripe.listed["ada@example.com"] = Unknown()
        return case

    @pytest.mark.parametrize("lease", [LEASE, SENT])
    def test_after_a_failure_with_no_create_on_its_way(self, a_case: ACase, lease: Lease) -> None:
        """Nobody sent one, or it must have arrived."""
        case = self.case(a_case, opened=[lease])
        case.assert_failed()

        assert case.ledger.calls[-2:] == ["release", "unlock_email"]

    def test_not_while_an_earlier_create_may_be_on_its_way(self, a_case: ACase) -> None:
        """Nobody else with the address may pass the look-up before it has arrived."""
        case = self.case(a_case, opened=[RECENT])
        case.assert_failed()

        assert "unlock_email" not in case.ledger.calls

    def test_not_after_a_create_whose_answer_was_lost(self, a_case: ACase) -> None:
        """It may still be on its way."""
        case = a_case()
        case.stripe.created = [Unknown()]
        case.assert_failed()

        assert case.ledger.calls[-1] == "release"

    def test_not_after_a_refusal_while_a_create_may_be_on_its_way(self, a_case: ACase) -> None:
        """A refusal is no proof that nothing comes."""
        case = a_case(opened=[RECENT])
        case.stripe.listed["ada@example.com"] = (customer_of(BOB, "cus_bobs"),)
        outcome = case.settling().settle()

        assert outcome == Unsettled(Reason.EMAIL_IN_USE, in_the_way=(CustomerId("cus_bobs"),))
        assert "unlock_email" not in case.ledger.calls

    def test_lock_that_cannot_be_given_back(self, a_case: ACase) -> None:
        """Its lease ends by itself: no reason for another answer."""
        case = a_case(broken=frozenset({"unlock_email"}))
        case.stripe.listed["ada@example.com"] = (customer_of(BOB, "cus_bobs"),)

        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=("cus_bobs",))

    def test_record_stays_open_while_a_create_may_be_on_its_way(self) -> None:
        """Without the person: for the repair to find what comes of it."""
        case = Case(is_admission=False, opened=[RECENT])
        case.stripe.listed["ada@example.com"] = (customer_of(BOB, "cus_bobs"),)
        case.settling().settle()

        assert case.ledger.calls[-1] == "release"
