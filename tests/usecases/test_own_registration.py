"""The user's own registration, whose end the profile does not say."""

from dataclasses import replace

import pytest
from tests.fakes import ADA, NOW, customer_of
from tests.usecases.settling_case import ADAS, BOB, FAILURES, LEASE, OLD, RECENT, REGISTRANT, ACase

from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import Busy, Lease, Linked
from customerlink.model.user import CustomerId
from customerlink.ports.customers import Done, Unknown
from customerlink.usecases.open_sign_up import Unsettled


class TestOwnRegistration:
    """The address is locked by the user's own registration, whose end the profile does not say."""

    SIGNUP = replace(ADAS, connection="db")

    def test_its_customer(self, a_case: ACase) -> None:
        """The registration is settled first, and its customer names the user."""
        opened = [LEASE, Linked(CustomerId("cus_reg"), 1)]
        case = a_case(self.SIGNUP, holders=[REGISTRANT], opened=opened)
        case.stripe.retrieved = Done(customer_of(REGISTRANT, "cus_reg", email="ada@example.com"))

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_reg")
        assert ("claim", "cus_reg") in case.ledger.calls
        assert "create" not in case.sent()

    def test_its_create_is_finished(self, a_case: ACase) -> None:
        """Under the registration's key, whose answer was lost."""
        begun = Lease(REGISTRANT, 2, 1, NOW, was_sent=True)
        case = a_case(self.SIGNUP, holders=[REGISTRANT, None], opened=[LEASE, begun])
        case.stripe.created = [Done(customer_of(REGISTRANT, "cus_reg"))]

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_reg")
        assert ("create", "ada@example.com", begun.idempotency_key()) in case.stripe.calls
        assert ("adopt", "cus_reg") in case.stripe.calls

    def test_nothing_had_begun(self, a_case: ACase) -> None:
        """The registration's record is closed, and the user gets a customer of their own."""
        case = a_case(self.SIGNUP, holders=[REGISTRANT, None, None])

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert "close" in case.ledger.calls
        assert case.sent().count("create") == 1

    def test_its_customer_is_the_users_by_now(self, a_case: ACase) -> None:
        """What stands in the registration's way is no other than the user's own."""
        case = a_case(self.SIGNUP, holders=[REGISTRANT, None])
        case.stripe.listed["ada@example.com"] = (customer_of(ADA, OLD),)

        case.assert_linked(Reason.CUSTOMER_FOUND, OLD)
        assert "create" not in case.sent()

    def test_something_stands_in_its_way(self, a_case: ACase) -> None:
        """It stands in the user's way too."""
        case = a_case(self.SIGNUP, holders=[REGISTRANT, None])
        case.stripe.listed["ada@example.com"] = (customer_of(BOB, "cus_bobs"),)
        outcome = case.settling().settle()

        assert outcome == Unsettled(Reason.EMAIL_IN_USE, in_the_way=(CustomerId("cus_bobs"),))
        assert ("refuse" in str(case.ledger.calls)) is case.is_admission

    def test_what_stands_in_its_way_is_gone_by_now(self, a_case: ACase) -> None:
        """The user is turned down for the registration's reason; the next try finds nothing."""
        case = a_case(self.SIGNUP, holders=[REGISTRANT, None])
        case.stripe.listed["ada@example.com"] = (customer_of(BOB, "cus_bobs"),)
        case.stripe.now["cus_bobs"] = Done(None)

        assert case.settling().settle() == Unsettled(Reason.EMAIL_IN_USE)
        assert "create" not in case.sent()

    @pytest.mark.parametrize("failure", FAILURES)
    def test_what_stands_in_its_way_cannot_be_looked_at(
        self, a_case: ACase, failure: object
    ) -> None:
        """Not knowing whose it is is no reason to turn anybody down."""
        case = a_case(self.SIGNUP, holders=[REGISTRANT, None])
        case.stripe.listed["ada@example.com"] = (customer_of(BOB, "cus_bobs"),)
        case.stripe.now["cus_bobs"] = failure
        outcome = case.settling().settle()

        assert outcome == Unsettled(Reason.PROVISIONING_FAILED)
        assert ("refuse", Reason.EMAIL_IN_USE) not in case.ledger.calls

    @pytest.mark.parametrize("registration", [Busy(), replace(RECENT, user=REGISTRANT)])
    def test_it_is_running(self, a_case: ACase, registration: Lease | Busy) -> None:
        """Another try, later: its customer may come yet."""
        opened = [LEASE, registration]
        case = a_case(self.SIGNUP, holders=[REGISTRANT], opened=opened)
        case.stripe.created = [Unknown()]
        case.assert_failed()

        assert case.ledger.calls[-1] == "release"
        assert ("link", "cus_new") not in case.ledger.calls

    def test_found_without_the_lock(self, a_case: ACase) -> None:
        """Its customer has the address: the user's, by connection and address."""
        case = a_case(self.SIGNUP)
        case.stripe.listed["ada@example.com"] = (customer_of(REGISTRANT, "cus_reg"),)

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_reg")
        assert ("begin_adoption", "cus_reg") in case.ledger.calls

    def test_another_connections(self, a_case: ACase) -> None:
        """An address is unique in a connection only."""
        case = a_case(replace(ADAS, connection="other"))
        case.stripe.listed["ada@example.com"] = (customer_of(REGISTRANT, "cus_reg"),)

        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=("cus_reg",))

    def test_own_customer_beside_it(self, a_case: ACase) -> None:
        """Whoever has one gets no second one of the registration's."""
        opened = [LEASE, Linked(CustomerId("cus_reg"), 1)]
        case = a_case(self.SIGNUP, holders=[REGISTRANT], opened=opened)
        case.stripe.listed["ada@example.com"] = (customer_of(ADA, OLD),)
        case.stripe.retrieved = Done(customer_of(REGISTRANT, "cus_reg", email="ada@example.com"))

        case.assert_linked(Reason.CUSTOMER_FOUND, OLD)

    def test_found_beside_another_customer(self, a_case: ACase) -> None:
        """Whoever else has the address."""
        case = a_case(self.SIGNUP)
        found = (customer_of(BOB, "cus_bobs"), customer_of(REGISTRANT, "cus_reg"))
        case.stripe.listed["ada@example.com"] = found

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_reg")
