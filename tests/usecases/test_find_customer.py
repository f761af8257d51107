"""Which customers there are for a user, wherever they may be found."""

from dataclasses import replace
from typing import Any

import pytest
from tests.fakes import ADA, customer_of
from tests.usecases.settling_case import (
    ADAS,
    BOB,
    COUNTESS,
    FAILURES,
    LEASE,
    NOBODYS,
    OLD,
    SENT,
    ACase,
    Case,
)

from customerlink.model.customer import Customer
from customerlink.model.instruction import Reason
from customerlink.model.policy import ExistingCustomer, Policy
from customerlink.model.sign_up_record import Lease, Linked
from customerlink.model.user import CustomerId
from customerlink.ports.customers import Done, Refused, Unknown
from customerlink.usecases.open_sign_up import Unsettled


class TestOwnCustomer:
    """The user's own, which is linked before anything else is decided."""

    def test_own_customer(self, a_case: ACase) -> None:
        """An earlier attempt's customer is linked; the oldest, should there be more."""
        case = a_case()
        case.stripe.listed = {
            "ada@example.com": (
                customer_of(ADA, "cus_young", created=2),
                customer_of(BOB, "cus_bobs", created=0),
                customer_of(ADA, OLD, created=1),
            ),
        }

        case.assert_linked(Reason.CUSTOMER_FOUND, OLD)
        assert ("link", OLD) in case.ledger.calls

    def test_own_customer_is_retrieved_before_it_is_linked(self, a_case: ACase) -> None:
        """A list may show what is deleted by now."""
        case = a_case()
        case.stripe.listed["ada@example.com"] = (
            customer_of(ADA, OLD, created=1),
            customer_of(ADA, "cus_young", created=2),
        )
        case.stripe.now[OLD] = Done(None)

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_young")
        assert case.sent() == ["list", "list", "retrieve", "retrieve"]

    @pytest.mark.parametrize("now_is", [None, customer_of(BOB, OLD)])
    def test_no_own_customer_is_left(self, a_case: ACase, now_is: Customer | None) -> None:
        """Gone, or another's by now: there is none."""
        case = a_case()
        case.stripe.listed["ada@example.com"] = (customer_of(ADA, OLD),)
        case.stripe.now[OLD] = Done(now_is)

        case.assert_linked(Reason.CUSTOMER_CREATED)

    @pytest.mark.parametrize("failure", FAILURES)
    def test_own_customer_that_cannot_be_retrieved(self, a_case: ACase, failure: object) -> None:
        """It is neither linked nor taken for gone."""
        case = a_case()
        case.stripe.listed["ada@example.com"] = (customer_of(ADA, OLD),)
        case.stripe.now[OLD] = failure
        case.assert_failed()

        assert "create" not in case.sent()


class TestAddresses:
    """Under which addresses is looked, and what of those who have them counts."""

    def test_both_cases_of_the_address_are_looked_up(self, a_case: ACase) -> None:
        """Stripe's filter is case-sensitive."""
        case = a_case()
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.stripe.calls[:2] == [("list", "Ada@example.com"), ("list", "ada@example.com")]

    def test_lower_case_address_is_looked_up_once(self, a_case: ACase) -> None:
        """Two calls to Stripe for the usual sign-up."""
        case = a_case(replace(ADAS, email="ada@example.com"))
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.sent() == ["list", "create"]

    @pytest.mark.parametrize(
        "lease",
        [
            replace(SENT, create=COUNTESS),
            replace(LEASE, earlier_emails=frozenset({"countess@example.com"}), was_sent=True),
        ],
    )
    def test_earlier_addresses_are_looked_up_too(self, a_case: ACase, lease: Lease) -> None:
        """A create whose answer was lost may have used the address of that time."""
        case = a_case(opened=[lease])
        case.stripe.listed["countess@example.com"] = (customer_of(ADA, "cus_countess"),)

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_countess")

    def test_others_at_an_earlier_address_do_not_matter(self, a_case: ACase) -> None:
        """Somebody may have taken the address that the user gave up."""
        case = a_case(opened=[replace(SENT, create=COUNTESS)])
        case.stripe.listed["countess@example.com"] = (customer_of(BOB),)

        case.assert_linked(Reason.CUSTOMER_CREATED)

    @pytest.mark.parametrize("failure", FAILURES)
    def test_failed_look_up(self, a_case: ACase, failure: object) -> None:
        """Never taken for "there is none"."""
        case = a_case()
        case.stripe.listed = {"ada@example.com": failure}

        case.assert_failed()
        assert case.sent() == ["list", "list"]
        assert "release" in case.ledger.calls

    def test_address_that_stripe_refuses(self, a_case: ACase) -> None:
        """The look-up says so before the create does."""
        case = a_case()
        case.stripe.listed = {"ada@example.com": Refused("email")}

        case.assert_turned_down(Reason.EMAIL_INVALID)


class TestKnownCustomer:
    """One that the caller knows of."""

    def test_customer_that_the_caller_knows_of(self, a_case: ACase) -> None:
        """It is looked at beside those that have the address."""
        case = a_case()
        case.how["known"] = (CustomerId("cus_known"),)
        case.stripe.now["cus_known"] = Done(customer_of(ADA, "cus_known"))

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_known")

    @pytest.mark.parametrize("now_is", [None, customer_of(BOB, "cus_known")])
    def test_known_customer_that_is_not_the_users(
        self, a_case: ACase, now_is: Customer | None
    ) -> None:
        """It counts for nothing."""
        case = a_case()
        case.how["known"] = (CustomerId("cus_known"),)
        case.stripe.now["cus_known"] = Done(now_is)

        case.assert_linked(Reason.CUSTOMER_CREATED)

    def test_known_customer_that_cannot_be_retrieved(self, a_case: ACase) -> None:
        """A look-up that failed is no answer."""
        case = a_case()
        case.how["known"] = (CustomerId("cus_known"),)
        case.stripe.now["cus_known"] = Unknown()
        case.assert_failed()

        assert "create" not in case.sent()


class TestOtherLetterCase:
    """Customers that the caller knows to share the address but for letter case."""

    CAPITALS = Customer(CustomerId("cus_capitals"), email="ADA@Example.COM")
    MORE = Customer(CustomerId("cus_more"), email="aDa@example.com")

    def case(self, a_case: ACase, *known: Customer, **changes: Any) -> Case:
        """Return a sign-up for which these are known."""
        case = a_case(replace(ADAS, **changes))
        case.how["known"] = tuple(each.id for each in known)
        case.stripe.now = {each.id: Done(each) for each in known}
        return case

    @pytest.mark.parametrize("number", [1, 2])
    def test_denied(self, a_case: ACase, number: int) -> None:
        """No second one is made: each of them is told."""
        known = (self.CAPITALS, self.MORE)[:number]
        outcome = self.case(a_case, *known).settling().settle()

        assert isinstance(outcome, Unsettled)
        assert outcome.reason is Reason.EMAIL_IN_USE
        assert outcome.in_the_way == tuple(each.id for each in known)

    def test_that_names_another_user(self, a_case: ACase) -> None:
        """It is in the way as well."""
        bobs = customer_of(BOB, "cus_bobs", email="ADA@example.com")
        outcome = self.case(a_case, bobs).settling().settle()

        assert (outcome.reason, outcome.in_the_way) == (Reason.EMAIL_IN_USE, ("cus_bobs",))  # type: ignore[union-attr]

    def test_adopted_by_policy(self, a_case: ACase) -> None:
        """The only one, nobody's, by a user who has proved to own the address."""
        case = self.case(a_case, self.CAPITALS, email_verified=True)
        case.policy = Policy(existing_customer=ExistingCustomer.ADOPT)

        case.assert_linked(Reason.CUSTOMER_FOUND, self.CAPITALS.id)

    @pytest.mark.parametrize(
        ("known", "verified"),
        [((CAPITALS,), False), ((CAPITALS, MORE), True),
         ((customer_of(BOB, "cus_bobs", email="ADA@example.com"),), True)],
    )  # fmt: skip
    def test_not_adopted(
        self, a_case: ACase, known: tuple[Customer, ...], *, verified: bool
    ) -> None:
        """Not proved, not the only one, or somebody's."""
        case = self.case(a_case, *known, email_verified=verified)
        case.policy = Policy(existing_customer=ExistingCustomer.ADOPT)

        assert case.settling().settle().reason is Reason.EMAIL_IN_USE

    def test_beside_one_that_is_listed(self, a_case: ACase) -> None:
        """The two are two, for adoption too; one that a list shows counts once."""
        case = self.case(a_case, self.CAPITALS, NOBODYS, email_verified=True)
        case.policy = Policy(existing_customer=ExistingCustomer.ADOPT)
        case.stripe.listed["ada@example.com"] = (NOBODYS,)
        outcome = case.settling().settle()

        assert isinstance(outcome, Unsettled)
        assert outcome.in_the_way == (NOBODYS.id, self.CAPITALS.id)

    def test_one_of_their_own(self, a_case: ACase) -> None:
        """It has come to name the user since."""
        case = self.case(a_case, customer_of(ADA, "cus_own", email="ADA@example.com"))

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_own")

    @pytest.mark.parametrize("now", [None, Customer(CustomerId("cus_1"), email="other@x.io")])
    def test_that_has_the_address_no_longer(self, a_case: ACase, now: Customer | None) -> None:
        """Deleted, or with another one: it is in nobody's way."""
        case = self.case(a_case, self.CAPITALS)
        case.stripe.now[self.CAPITALS.id] = Done(now)

        case.assert_linked(Reason.CUSTOMER_CREATED)

    @pytest.mark.parametrize("failure", FAILURES)
    def test_that_cannot_be_retrieved(self, a_case: ACase, failure: object) -> None:
        """A look-up that failed is no answer."""
        case = self.case(a_case, self.CAPITALS)
        case.stripe.now[self.CAPITALS.id] = failure
        case.assert_failed()

        assert "create" not in case.sent()

    def test_any_number(self, a_case: ACase) -> None:
        """Two are in the way, whatever the rest is, for which there may be no time."""
        known = [replace(self.CAPITALS, id=CustomerId(f"cus_{each}")) for each in range(100)]
        case = self.case(a_case, *known)

        assert case.settling().settle().reason is Reason.EMAIL_IN_USE
        assert case.sent().count("retrieve") == 2


class TestPassedOn:
    """One that was the user's: Stripe's list may be behind."""

    def test_own_customer_that_has_become_anothers(self, a_case: ACase) -> None:
        """A list that is behind shows it as the user's; it has the address all the same."""
        case = a_case()
        shown = customer_of(ADA, "cus_1", email="ada@example.com")
        case.stripe.listed["ada@example.com"] = (shown,)
        case.stripe.now[shown.id] = Done(customer_of(BOB, "cus_1", email="ada@example.com"))

        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=("cus_1",))

    def test_recorded_customer_is_anothers_and_has_the_address(self, a_case: ACase) -> None:
        """It stands in the way, although Stripe's list may not show it yet."""
        case = a_case(opened=[Linked(OLD, 1)], reopened=replace(LEASE, attempt=2))
        case.stripe.retrieved = Done(customer_of(BOB, OLD, email="ada@example.com"))

        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=(OLD,))
