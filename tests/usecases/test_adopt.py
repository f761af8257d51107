"""A customer that is to name the user: begun, claimed, changed, linked."""

from dataclasses import replace
from typing import Any

import pytest
from tests.fakes import ADA, NOW, customer_of
from tests.usecases.settling_case import (
    ADAS,
    BOB,
    FAILURES,
    LEASE,
    NOBODYS,
    RECENT,
    SENT,
    ACase,
    Case,
)

from customerlink.model.customer import Customer
from customerlink.model.instruction import Reason
from customerlink.model.policy import ExistingCustomer, Policy
from customerlink.model.sign_up_record import SETTLED_SECONDS, Adoption
from customerlink.model.user import CustomerId
from customerlink.ports.customers import Done, Refused, Unknown
from customerlink.usecases.open_sign_up import Unsettled


class TestAdoption:
    """`EXISTING_CUSTOMER=adopt`."""

    def case(self, a_case: ACase, *found: Customer, verified: bool = True, **ledger: Any) -> Case:
        """Return a user whose address customers have."""
        case = a_case(replace(ADAS, email_verified=verified), **ledger)
        case.policy = Policy(existing_customer=ExistingCustomer.ADOPT)
        case.stripe.listed["ada@example.com"] = found
        return case

    def test_adopted(self, a_case: ACase) -> None:
        """Begun, claimed, changed, linked, in this order."""
        case = self.case(a_case, NOBODYS)
        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_shop")

        assert ("adopt", "cus_shop") in case.stripe.calls
        assert case.ledger.calls[2:] == [
            ("begin_adoption", "cus_shop"),
            ("claim", "cus_shop"),
            ("link", "cus_shop"),
        ]

    @pytest.mark.parametrize(
        "found",
        [
            (NOBODYS, replace(NOBODYS, id=CustomerId("cus_2"))),
            (replace(NOBODYS, auth0_user_id=BOB.user_id),),
        ],
    )
    def test_more_than_one_or_somebodys(self, a_case: ACase, found: tuple[Customer, ...]) -> None:
        """Nothing is changed."""
        case = self.case(a_case, *found)
        in_the_way = tuple(each.id for each in found)
        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=in_the_way)

        assert "adopt" not in case.sent()
        assert "begin_adoption" not in str(case.ledger.calls)

    def test_unverified(self, a_case: ACase) -> None:
        """Whoever typed the address need not own it."""
        case = self.case(a_case, NOBODYS, verified=False)
        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=("cus_shop",))

        assert "adopt" not in case.sent()

    def test_claimed_by_another_user(self, a_case: ACase) -> None:
        """One of two gets it."""
        case = self.case(a_case, NOBODYS, claims=False)
        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=("cus_shop",))

        assert "adopt" not in case.sent()
        assert case.ledger.ended is not None
        assert (case.ledger.ended.adopting, case.ledger.ended.sends_update) == (None, False)

    def test_lease_was_taken_over(self, a_case: ACase) -> None:
        """Nothing is claimed, which nobody could undo."""
        case = self.case(a_case, NOBODYS, links=False)

        assert case.settling().settle() == Unsettled(Reason.IN_PROGRESS)
        assert "claim" not in str(case.ledger.calls)

    @pytest.mark.parametrize("failure", FAILURES[1:])
    def test_lost_answer(self, a_case: ACase, failure: object) -> None:
        """It stays open, for the next try to finish."""
        case = self.case(a_case, NOBODYS)
        case.stripe.adopted = failure
        case.assert_failed()

        assert case.ledger.ended is not None
        assert case.ledger.ended.adopting == Adoption(CustomerId("cus_shop"))
        assert case.ledger.ended.sends_update

    def test_customer_that_stripe_never_changes(self, a_case: ACase) -> None:
        """A reason of its own, which is recorded: no try is the last one for ever."""
        case = self.case(a_case, NOBODYS)
        case.stripe.adopted = Refused("metadata")
        case.assert_turned_down(Reason.CUSTOMER_UNUSABLE, in_the_way=("cus_shop",))

        assert case.ledger.ended is not None
        assert case.ledger.ended.adopting is None

    def test_answer_that_does_not_name_the_user(self, a_case: ACase) -> None:
        """It is not linked."""
        case = self.case(a_case, NOBODYS)
        case.stripe.adopted = Done(NOBODYS)

        case.assert_failed()

    def test_waits_for_a_create_that_may_be_under_way(self, a_case: ACase) -> None:
        """Or the user would have two."""
        case = self.case(a_case, NOBODYS, opened=[RECENT])
        case.assert_failed()
        assert "adopt" not in case.sent()

        settled = self.case(a_case, NOBODYS, opened=[SENT])
        settled.assert_linked(Reason.CUSTOMER_FOUND, "cus_shop")


class TestBegunAdoption:
    """An adoption that an earlier invocation began."""

    def case(self, a_case: ACase, now_is: object, **more: Any) -> Case:
        """Return one whose update may be on its way."""
        lease = replace(LEASE, adopting=Adoption(CustomerId("cus_shop"), more.pop("other", None)))
        case = a_case(opened=[replace(lease, **more.pop("lease", {}))], **more)
        case.stripe.now["cus_shop"] = now_is
        return case

    @pytest.mark.parametrize("now_is", [NOBODYS, customer_of(ADA, "cus_shop")])
    def test_finished(self, a_case: ACase, now_is: Customer) -> None:
        """Whatever the address is now."""
        case = self.case(a_case, Done(now_is))

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_shop")
        assert case.ledger.calls[1:] == [("claim", "cus_shop"), ("link", "cus_shop")]

    def test_finished_in_place_of_another_account(self, a_case: ACase) -> None:
        """Whom it still names, or the user already."""
        case = self.case(a_case, Done(customer_of(BOB, "cus_shop")), other=BOB)

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_shop")

    @pytest.mark.parametrize("keys", [49, 50])
    def test_no_room_by_now(self, a_case: ACase, keys: int) -> None:
        """The shop has written more into it meanwhile: another one is made."""
        full = replace(NOBODYS, metadata_keys=frozenset(f"key{each}" for each in range(keys)))
        case = self.case(a_case, Done(full))

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert "adopt" not in case.sent()

    @pytest.mark.parametrize("now_is", [None, customer_of(BOB, "cus_shop")])
    def test_gone_or_anothers(self, a_case: ACase, now_is: Customer | None) -> None:
        """Another customer is made."""
        case = self.case(a_case, Done(now_is))

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert "claim" not in str(case.ledger.calls)

    def test_anothers_while_the_update_may_be_on_its_way(self, a_case: ACase) -> None:
        """It could name the user after all."""
        recent = {"last_write": NOW - SETTLED_SECONDS + 1}
        case = self.case(a_case, Done(customer_of(BOB, "cus_shop")), lease=recent)
        case.assert_failed()

        assert "create" not in case.sent()

    def test_claimed_by_another_user(self, a_case: ACase) -> None:
        """Another customer is made."""
        case = self.case(a_case, Done(NOBODYS), claims=False)

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert "adopt" not in case.sent()

    @pytest.mark.parametrize(
        ("now_is", "claims"), [(None, True), (customer_of(BOB, "cus_shop"), True), (NOBODYS, False)]
    )
    def test_abandoned(self, a_case: ACase, now_is: Customer | None, *, claims: bool) -> None:
        """However the sign-up ends, the adoption is forgotten with it."""
        case = self.case(a_case, Done(now_is), claims=claims)
        case.stripe.created = [Unknown()]
        case.assert_failed()

        assert case.ledger.ended is not None
        assert (case.ledger.ended.adopting, case.ledger.ended.sends_update) == (None, False)

    @pytest.mark.parametrize("failure", FAILURES)
    def test_not_known_now(self, a_case: ACase, failure: object) -> None:
        """A look-up that failed is no answer."""
        case = self.case(a_case, failure)
        case.assert_failed()

        assert case.sent() == ["retrieve"]

    def test_refused_while_an_earlier_update_may_be_on_its_way(self, a_case: ACase) -> None:
        """That one could name the user after all."""
        recent = {"last_write": NOW - SETTLED_SECONDS + 1}
        case = self.case(a_case, Done(NOBODYS), lease=recent)
        case.stripe.adopted = Refused("metadata")
        case.assert_failed()

        assert "create" not in case.sent()
