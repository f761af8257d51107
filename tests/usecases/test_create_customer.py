"""A customer for a user who has none, under the attempt's key or the next one's."""

from dataclasses import replace
from typing import Any

import pytest
from tests.fakes import ADA, NOW, FakeCustomers, customer_of
from tests.usecases.settling_case import (
    ADAS,
    BOB,
    COUNTESS,
    FAILURES,
    LEASE,
    RECENT,
    REGISTRANT,
    SENT,
    ACase,
)

from customerlink.model.customer import Customer, NewCustomer
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import (
    KEY_LIFETIME_SECONDS,
    LIST_LAG_SECONDS,
    SETTLED_SECONDS,
    Busy,
    Lease,
)
from customerlink.model.user import CustomerId
from customerlink.ports.customers import Done, KeyMismatch, KeySpent, Refused, Unknown
from customerlink.ports.deadline import LEDGER_RESERVE_SECONDS
from customerlink.ports.run import Run
from customerlink.usecases.open_sign_up import Unsettled


class KeepingCustomers(FakeCustomers):
    """A Stripe that keeps what it was to create."""

    def create(self, new: NewCustomer, idempotency_key: str) -> Any:
        """Note the parameters."""
        created = super().create(new, idempotency_key)
        self.calls.append(new)
        return created


class TestCreate:
    """Step 7."""

    def test_parameters(self, a_case: ACase) -> None:
        """Lower case, and the key of the attempt."""
        case = a_case()
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.stripe.calls[-1] == ("create", "ada@example.com", LEASE.idempotency_key())

    def test_frozen_parameters(self, a_case: ACase) -> None:
        """What an earlier invocation may have sent is sent again, whatever the profile says now."""
        earlier = NewCustomer.of(replace(ADAS, name="Miss Byron"), "ada@example.com")
        case = a_case(opened=[replace(SENT, create=earlier)])
        case.stripe = KeepingCustomers()
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.stripe.calls[-1] == earlier

    def test_stripe_refuses_the_address(self, a_case: ACase) -> None:
        """Its own reason, recorded."""
        case = a_case()
        case.stripe.created = [Refused("email")]

        case.assert_turned_down(Reason.EMAIL_INVALID)

    @pytest.mark.parametrize("param", ["name", "metadata", "preferred_locales[0]"])
    def test_stripe_refuses_what_the_profile_has(self, a_case: ACase, param: str) -> None:
        """No other try of the same helps: recorded, and until the profile was mended, denied."""
        case = a_case()
        case.stripe.created = [Refused(param)]

        case.assert_turned_down(Reason.CUSTOMER_UNUSABLE)

    @pytest.mark.parametrize("customer_id", ["cus/1", "cus 1", "x" * 256])
    @pytest.mark.parametrize("replayed", [True, False])
    def test_id_that_no_profile_can_take(
        self, a_case: ACase, customer_id: str, *, replayed: bool
    ) -> None:
        """It is refused before a link is written, and no second customer is made beside it."""
        case = a_case()
        case.stripe.created = [Done(customer_of(ADA, customer_id), replayed=replayed)]
        case.assert_turned_down(Reason.CUSTOMER_UNUSABLE, in_the_way=(customer_id,))

        assert case.sent().count("create") == 1

    @pytest.mark.parametrize("failure", [Refused(None), *FAILURES[1:]])
    def test_failure_leaves_the_sign_up_open(self, a_case: ACase, failure: object) -> None:
        """Nothing is deleted or refused."""
        case = a_case()
        case.stripe.created = [failure]

        case.assert_failed()
        assert case.ledger.calls[:3] == [("open", "ada@example.com"), "lock_email", "release"]

    @pytest.mark.parametrize(
        "answer", [customer_of(BOB), Customer(CustomerId("cus_new")), customer_of(REGISTRANT)]
    )
    def test_answer_that_is_not_the_users_customer(self, a_case: ACase, answer: Customer) -> None:
        """It is never linked; what became of the create is not known."""
        case = a_case()
        case.stripe.created = [Done(answer)]

        case.assert_failed()
        assert case.ledger.calls[-1] == "release"

    def test_ids_of_the_attempt(self, a_case: ACase) -> None:
        """The run tells which attempt it was."""
        case = a_case(opened=[replace(LEASE, attempt=3)])
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.run.trace.attempt == 3

    def test_frozen_parameters_that_stripe_refuses(self, a_case: ACase) -> None:
        """What the profile gives by now is created under the next key."""
        earlier = NewCustomer.of(replace(ADAS, name="Miss Byron"), "ada@example.com")
        case = a_case(opened=[replace(LEASE, create=earlier)])
        case.stripe.created = [Refused("name")]
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert "next_attempt" in case.ledger.calls


class TestSpentKey:
    """A key that stands for a request which ended in an error, or whose customer is gone."""

    def test_looks_again_before_the_next_attempt(self, a_case: ACase) -> None:
        """List, then the next key: the customer may be there all the same."""
        case = a_case()
        case.stripe.created = [KeySpent()]

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert case.sent() == [*("list", "list", "create"), *("list", "list", "create")]
        assert case.stripe.calls[2][2] != case.stripe.calls[5][2]
        assert "next_attempt" in case.ledger.calls

    def test_waits_for_the_list(self, a_case: ACase) -> None:
        """It may be a little behind what the spent key made."""
        case = a_case()
        case.stripe.created = [KeySpent()]
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.clock.now == NOW + LIST_LAG_SECONDS
        assert case.run.trace.steps["wait"] == LIST_LAG_SECONDS * 1000

    def test_no_time_to_wait(self, a_case: ACase) -> None:
        """The next try goes on from there."""
        case = a_case()
        case.stripe.created = [KeySpent()]
        budget = LEDGER_RESERVE_SECONDS + LIST_LAG_SECONDS
        case.run = Run(case.clock, "owner", budget)
        case.assert_failed()

        assert case.clock.now == NOW
        assert case.sent().count("create") == 1
        assert case.ledger.calls[-1] == "release"
        assert "next_attempt" not in case.ledger.calls

    def test_the_customer_is_there(self, a_case: ACase) -> None:
        """The replayed error hid a create that took effect."""
        case = a_case()
        case.stripe.created = [KeySpent()]
        case.stripe.listed = {"ada@example.com": [(), (customer_of(ADA, "cus_hidden"),)]}

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_hidden")
        assert "next_attempt" not in case.ledger.calls

    def test_the_look_up_fails(self, a_case: ACase) -> None:
        """No new attempt on a guess; and the list may not show yet what the spent key made."""
        case = a_case()
        case.stripe.created = [KeySpent()]
        case.stripe.listed = {"ada@example.com": [(), Unknown()]}
        case.assert_failed()

        assert "next_attempt" not in case.ledger.calls
        assert case.ledger.calls[-1] == "release"

    def test_second_key_is_spent_too(self, a_case: ACase) -> None:
        """The next try goes on from there."""
        case = a_case()
        case.stripe.created = [KeySpent(), KeySpent()]

        case.assert_failed()

    def test_another_invocation_raised_the_attempt(self, a_case: ACase) -> None:
        """Its lease, its sign-up."""
        case = a_case(raised=Busy())
        case.stripe.created = [KeySpent()]

        assert case.settling().settle() == Unsettled(Reason.IN_PROGRESS)

    def test_next_attempt_without_a_create(self, a_case: ACase) -> None:
        """A ledger that froze nothing is a bug, and nothing is sent in its place."""
        case = a_case(raised=replace(LEASE, attempt=2))
        case.stripe.created = [KeySpent()]
        with pytest.raises(AssertionError, match="frozen before it is sent"):
            case.settling().settle()

        assert case.sent().count("create") == 1

    def test_replayed_answer_is_checked(self, a_case: ACase) -> None:
        """It tells of the past; the customer is retrieved."""
        case = a_case()
        case.stripe.created = [Done(customer_of(ADA), replayed=True)]
        case.stripe.retrieved = Done(customer_of(ADA))

        case.assert_linked(Reason.CUSTOMER_CREATED)

    @pytest.mark.parametrize("now_is", [None, customer_of(BOB, "cus_gone")])
    def test_replayed_customer_is_gone(self, a_case: ACase, now_is: Customer | None) -> None:
        """Deleted or another's since: the key is spent, and the next one makes another."""
        case = a_case()
        case.stripe.created = [Done(customer_of(ADA, "cus_gone"), replayed=True)]
        case.stripe.retrieved = Done(now_is)

        case.assert_linked(Reason.CUSTOMER_CREATED, "cus_new")
        assert "next_attempt" in case.ledger.calls

    def test_replayed_customer_cannot_be_checked(self, a_case: ACase) -> None:
        """Not handed out."""
        case = a_case()
        case.stripe.created = [Done(customer_of(ADA), replayed=True)]
        case.stripe.retrieved = Unknown()

        case.assert_failed()


class TestKeyOfNoUse:
    """A key that stands for other parameters, or may be forgotten: the next attempt has to wait."""

    STALE = replace(SENT, attempt_since=NOW - KEY_LIFETIME_SECONDS - 1)
    """Stripe may have forgotten the key, and would create anew under it."""
    ELSEWHERE = replace(SENT, create=COUNTESS)
    """The frozen create has an address that is not the user's any more."""

    @pytest.mark.parametrize("lease", [STALE, ELSEWHERE])
    def test_once_all_has_settled(self, a_case: ACase, lease: Lease) -> None:
        """Look again, then the next attempt, under whose key alone is created."""
        settled = replace(lease, last_write=NOW - SETTLED_SECONDS - 1)
        case = a_case(opened=[settled])

        case.assert_linked(Reason.CUSTOMER_CREATED)
        raised = replace(settled, attempt=2)
        assert [each for each in case.stripe.calls if each[0] == "create"] == [
            ("create", "ada@example.com", raised.idempotency_key())
        ]
        assert case.sent()[-2] == "list"
        assert case.run.trace.attempt == 2

    @pytest.mark.parametrize("lease", [STALE, ELSEWHERE])
    def test_while_a_create_may_be_under_way(self, a_case: ACase, lease: Lease) -> None:
        """A second key would make a second customer beside the one that is still to come."""
        case = a_case(opened=[replace(lease, last_write=NOW - SETTLED_SECONDS + 1)])
        case.assert_failed()

        assert "create" not in case.sent()
        assert "next_attempt" not in case.ledger.calls
        assert case.ledger.calls[-1] == "release"

    def test_old_key_that_nobody_used(self, a_case: ACase) -> None:
        """It is as good as new."""
        unused = replace(LEASE, attempt_since=NOW - KEY_LIFETIME_SECONDS - 1)
        case = a_case(opened=[unused])
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.stripe.calls[-1][2] == unused.idempotency_key()

    def test_mismatch_of_a_key_that_nobody_is_known_to_have_used(self, a_case: ACase) -> None:
        """Somebody must have, so that the address stays locked and the next one waits too."""
        case = a_case(opened=[replace(LEASE, last_write=NOW - 1)])
        case.stripe.created = [KeyMismatch()]
        case.assert_failed()

        assert case.ledger.calls[-1] == "release"
        assert case.ledger.ended is not None
        assert (case.ledger.ended.was_sent, case.ledger.ended.sends_create) == (True, False)

    def test_mismatch_once_all_has_settled(self, a_case: ACase) -> None:
        """The key's own request must have ended by now: look again, then the next attempt."""
        case = a_case(opened=[replace(SENT, last_write=NOW - SETTLED_SECONDS - 1)])
        case.stripe.created = [KeyMismatch()]

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert "next_attempt" in case.ledger.calls

    def test_mismatch_while_the_first_request_may_be_under_way(self, a_case: ACase) -> None:
        """No second key beside it."""
        case = a_case(opened=[RECENT])
        case.stripe.created = [KeyMismatch()]
        case.assert_failed()

        assert "next_attempt" not in case.ledger.calls
        assert case.ledger.calls[-1] == "release"
