"""What has become of a link that is there already, in the profile or in the ledger."""

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
    OLD,
    RECENT,
    REGISTRANT,
    ACase,
    Case,
)

from customerlink.model.customer import Customer
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import Adoption, Busy, Lease, Linked
from customerlink.model.user import CustomerId, User, registrant_id
from customerlink.ports.customers import Done
from customerlink.usecases.open_sign_up import Unsettled


class TestProfile:
    """A link that the profile carries."""

    SIGNUP = replace(ADAS, customer_id=CustomerId("cus_given"))

    def test_true_link(self, a_case: ACase) -> None:
        """An imported user comes with a link that is true on both sides."""
        case = a_case(self.SIGNUP)
        case.stripe.retrieved = Done(customer_of(ADA, "cus_given"))

        case.assert_linked(Reason.ALREADY_LINKED, "cus_given")
        assert case.ledger.calls == []

    @pytest.mark.parametrize(
        "found",
        [
            None,
            customer_of(BOB, "cus_given"),
            Customer(CustomerId("cus_given")),
            Customer(CustomerId("cus_given"), ADA.user_id, "another-tenant"),
        ],
    )
    def test_false_link(self, a_case: ACase, found: Customer | None) -> None:
        """Deleted, somebody else's, nobody's, another tenant's: nothing is written or created."""
        case = a_case(self.SIGNUP)
        case.stripe.retrieved = Done(found)

        assert case.settling().settle() == Unsettled(Reason.LINK_MISMATCH)
        assert case.stripe.calls == [("retrieve", "cus_given")]
        assert case.ledger.calls == []

    @pytest.mark.parametrize("failure", FAILURES)
    def test_failed_look_up(self, a_case: ACase, failure: object) -> None:
        """Not knowing is neither a true link nor a false one."""
        case = a_case(self.SIGNUP)
        case.stripe.retrieved = failure

        outcome = case.settling().settle()
        assert outcome == Unsettled(Reason.PROVISIONING_FAILED, is_recorded=False)
        assert case.ledger.calls == []


class TestRegistration:
    """A profile that carries the ids of its registration."""

    SIGNUP = replace(ADAS, customer_id=CustomerId("cus_reg"), registration_id="a1b2")
    REGISTERED = customer_of(User(ADA.tenant, registrant_id("a1b2")), "cus_reg")

    def case(self, a_case: ACase, found: Customer, **ledger: Any) -> Case:
        """Return a user whose registration made a customer."""
        case = a_case(self.SIGNUP, **ledger)
        case.stripe.retrieved = Done(found)
        return case

    def test_named_after_it(self, a_case: ACase) -> None:
        """Equal ids on both sides prove the link; begun, claimed, changed, recorded."""
        case = self.case(a_case, self.REGISTERED)

        case.assert_linked(Reason.ALREADY_LINKED, "cus_reg")
        assert case.ledger.calls == [
            ("open", None),
            ("begin_adoption", "cus_reg"),
            ("claim", "cus_reg"),
            ("link", "cus_reg"),
        ]
        assert case.sent() == ["retrieve", "retrieve", "adopt"]

    def test_claimed_by_another_user(self, a_case: ACase) -> None:
        """It is not changed."""
        case = self.case(a_case, self.REGISTERED, claims=False)
        case.assert_turned_down(Reason.LINK_MISMATCH, in_the_way=("cus_reg",))

        assert "adopt" not in case.sent()

    def test_waits_for_a_create_that_may_be_under_way(self, a_case: ACase) -> None:
        """Or the user would have two."""
        case = self.case(a_case, self.REGISTERED, opened=[RECENT])
        case.assert_failed()

        assert "adopt" not in case.sent()

    def test_somebody_else_registered_with_it_and_came_first(self, a_case: ACase) -> None:
        """The link counts as none, so that the user gets a customer."""
        theirs = customer_of(BOB, "cus_reg", registration_id="a1b2")

        self.case(a_case, theirs).assert_linked(Reason.CUSTOMER_CREATED)

    def test_another_registrations_customer(self, a_case: ACase) -> None:
        """The ids differ."""
        theirs = customer_of(User(ADA.tenant, registrant_id("ffff")), "cus_reg")

        case = self.case(a_case, theirs)
        assert case.settling().settle() == Unsettled(Reason.LINK_MISMATCH)

    def test_another_adoption_has_begun(self, a_case: ACase) -> None:
        """It is finished first: its update may be on its way."""
        begun = replace(LEASE, adopting=Adoption(CustomerId("cus_shop")))
        case = self.case(a_case, self.REGISTERED, opened=[begun])
        case.stripe.now["cus_shop"] = Done(NOBODYS)

        case.assert_linked(Reason.ALREADY_LINKED, "cus_shop")


class TestRecord:
    """A link that the ledger has."""

    def test_recorded_link_is_replayed(self, a_case: ACase) -> None:
        """A concurrent or a lost sign-up's link, after a look that it is still true."""
        case = a_case(opened=[Linked(OLD, 1)])
        case.stripe.retrieved = Done(customer_of(ADA, OLD))

        case.assert_linked(Reason.CUSTOMER_FOUND, OLD)
        assert case.stripe.calls == [("retrieve", OLD)]

    @pytest.mark.parametrize("failure", FAILURES)
    def test_recorded_link_that_cannot_be_checked(self, a_case: ACase, failure: object) -> None:
        """A customer that may be gone is not handed out."""
        case = a_case(opened=[Linked(OLD, 1)])
        case.stripe.retrieved = failure

        case.assert_failed()
        assert case.ledger.calls == [("open", "ada@example.com")]

    @pytest.mark.parametrize("now_is", [None, Customer(OLD), customer_of(BOB, OLD)])
    def test_recorded_customer_is_gone(self, a_case: ACase, now_is: Customer | None) -> None:
        """Deleted, or another's: the sign-up starts over with the next attempt's key."""
        second = replace(LEASE, attempt=2)
        case = a_case(opened=[Linked(OLD, 1)], reopened=second)
        case.stripe.retrieved = Done(now_is)

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert case.stripe.calls[-1] == ("create", "ada@example.com", second.idempotency_key())

    def test_registrations_customer_names_its_user_by_now(self, a_case: ACase) -> None:
        """It has the address, and the record goes on saying so: the list may be behind."""
        registrant = User(ADA.tenant, registrant_id("r1"))
        signup = replace(ADAS, user=registrant)
        case = a_case(signup, opened=[Linked(CustomerId("cus_1"), 1)], reopened=Busy())
        case.stripe.retrieved = Done(customer_of(ADA, "cus_1", email="ada@example.com"))
        outcome = case.settling().settle()

        assert outcome == Unsettled(Reason.EMAIL_IN_USE, in_the_way=(CustomerId("cus_1"),))
        assert "reopen" not in str(case.ledger.calls)

    def test_registrant_who_has_moved(self, a_case: ACase) -> None:
        """Whoever registers with an address gets no customer that has another by now."""
        second = Lease(REGISTRANT, 2, 2, NOW)
        case = a_case(replace(ADAS, user=REGISTRANT), opened=[Linked(OLD, 1)], reopened=second)
        case.stripe.retrieved = Done(customer_of(REGISTRANT, OLD, email="countess@example.com"))

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert ("reopen", OLD) in case.ledger.calls

    def test_registrant_who_registers_again(self, a_case: ACase) -> None:
        """The same customer, whatever the letter case of the address."""
        case = a_case(replace(ADAS, user=REGISTRANT), opened=[Linked(OLD, 1)])
        case.stripe.retrieved = Done(customer_of(REGISTRANT, OLD, email="ada@example.com"))

        case.assert_linked(Reason.CUSTOMER_FOUND, OLD)
