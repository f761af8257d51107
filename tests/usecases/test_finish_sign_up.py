"""Open sign-ups finished without their users."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from tests.fakes import (
    ADA,
    NOW,
    PROFILE,
    FakeClock,
    FakeCustomers,
    FakeLedger,
    FakeProfiles,
    customer_of,
)

from customerlink.model.customer import NewCustomer
from customerlink.model.instruction import Reason
from customerlink.model.policy import OnFailure, Policy, VerifiedEmail
from customerlink.model.sign_up_record import Busy, Lease, Linked
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, UserId, registrant_id
from customerlink.ports.customers import Done, Unknown
from customerlink.ports.run import Run
from customerlink.usecases.finish_sign_up import FinishStatus, finish
from customerlink.usecases.settle import Creates, Settling

BEGUN = Lease(ADA, 2, 1, NOW, admitted=True)
CREATE = NewCustomer.of(SignUp(ADA, 1), "ada@example.com")
RECENT = replace(BEGUN, create=CREATE, was_sent=True, last_write=NOW - 1)
"""One whose create may still be under way."""


@dataclass
class Parts:
    """Everything that `finish` needs."""

    users: FakeProfiles = field(default_factory=FakeProfiles)
    ledger: FakeLedger = field(default_factory=lambda: FakeLedger(opened=[BEGUN]))
    customers: FakeCustomers = field(default_factory=FakeCustomers)
    signups: list[SignUp] = field(default_factory=list)
    policy: Policy = field(default_factory=Policy)

    def settling(self, signup: SignUp) -> Settling:
        """Return what the repair settles a record with."""
        self.signups.append(signup)
        ports = self.ledger, self.customers, self.policy, Run(FakeClock(), owner="repair")
        return Settling(signup, *ports, creates=Creates.IF_BEGUN)

    def finish(self) -> tuple[FinishStatus, Reason]:
        """Finish Ada's sign-up."""
        return finish(ADA, self.users, self.settling)

    def ends(self) -> list[Any]:
        """Return how the ledger was told of an end without a customer."""
        return [each for each in self.ledger.calls if each == "close" or each[0] == "refuse"]


@pytest.fixture
def parts() -> Parts:
    """Return a user whose sign-up is open and whose customer was never made."""
    return Parts()


def test_finished(parts: Parts) -> None:
    """A customer, and the link in the profile beside the marker's removal."""
    assert parts.finish() == (FinishStatus.FINISHED, Reason.CUSTOMER_CREATED)
    assert parts.users.written == [{"stripe_customer_id": "cus_new", "stripe_signup": None}]
    assert parts.signups[0].email == "ada@example.com"


def test_nothing_had_begun(parts: Parts) -> None:
    """Nobody waits for a customer, so none is made; the record is no longer open."""
    parts.ledger.opened = [replace(BEGUN, admitted=False)]

    assert parts.finish() == (FinishStatus.FINISHED, Reason.NOT_NEW)
    assert parts.ends() == ["close"]
    assert (parts.users.written, parts.ledger.calls[-1]) == ([], "unlock_email")


def test_denied(parts: Parts) -> None:
    """Somebody else has the address: for the next login to decide, and nothing is written."""
    stranger = customer_of(replace(ADA, user_id=UserId("auth0|other")), "cus_theirs")
    parts.customers.listed["ada@example.com"] = (stranger,)

    assert parts.finish() == (FinishStatus.DENIED, Reason.EMAIL_IN_USE)
    assert set(parts.ends()) == {"close"}
    assert parts.users.written == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"email": None}, Reason.EMAIL_MISSING),
        ({"email_verified": False}, Reason.DEFERRED),
        ({"customer_id": "cus_unknown"}, Reason.LINK_MISMATCH),
    ],
)
def test_denied_before_anything_is_opened(
    parts: Parts, changes: dict[str, Any], reason: Reason
) -> None:
    """The record leaves the index of open sign-ups all the same."""
    parts.policy = Policy(verified_email=VerifiedEmail.REQUIRED)
    parts.users.profile = replace(PROFILE, **changes)

    assert parts.finish() == (FinishStatus.DENIED, reason)
    assert parts.ends() == ["close"]
    assert parts.users.written == []


def test_denied_while_a_create_may_be_under_way(parts: Parts) -> None:
    """It stays open until that has ended."""
    parts.users.profile = replace(PROFILE, email=None)
    parts.ledger.opened = [RECENT]

    assert parts.finish() == (FinishStatus.FAILED, Reason.PROVISIONING_FAILED)
    assert parts.ends() == []


@pytest.mark.parametrize("on_failure", OnFailure)
def test_outage(parts: Parts, on_failure: OnFailure) -> None:
    """It stays open, whatever an outage does to a login."""
    parts.policy = Policy(on_failure=on_failure)
    parts.customers.created = [Unknown()]

    assert parts.finish() == (FinishStatus.FAILED, Reason.PROVISIONING_FAILED)
    assert (parts.ends(), parts.users.written) == ([], [])


def test_login_at_the_same_moment(parts: Parts) -> None:
    """Its own invocation finishes it."""
    parts.ledger.opened = [Busy()]

    assert parts.finish() == (FinishStatus.FAILED, Reason.IN_PROGRESS)
    assert parts.customers.calls == []


def test_user_who_is_gone(parts: Parts) -> None:
    """The sign-up ends, without a call to Stripe."""
    parts.users.profile = None

    assert parts.finish() == (FinishStatus.GONE, Reason.USER_GONE)
    assert parts.ledger.calls == [("open", None), "close"]
    assert parts.customers.calls == []


def test_registration_that_auth0_refused(parts: Parts) -> None:
    """Nobody is asked for a user whom Auth0 never had."""
    registrant = replace(ADA, user_id=registrant_id("a1b2"))
    parts.ledger.opened = [replace(BEGUN, user=registrant)]

    end = finish(registrant, parts.users, parts.settling)
    assert end == (FinishStatus.GONE, Reason.USER_GONE)
    assert parts.ledger.calls == [("open", None), "close"]
    assert parts.customers.calls == []


def test_registration_whose_create_may_be_under_way(parts: Parts) -> None:
    """Left for the next time."""
    registrant = replace(ADA, user_id=registrant_id("a1b2"))
    parts.ledger.opened = [replace(RECENT, user=registrant)]

    end = finish(registrant, parts.users, parts.settling)
    assert end == (FinishStatus.FAILED, Reason.PROVISIONING_FAILED)


def test_user_who_is_gone_while_somebody_has_the_lease(parts: Parts) -> None:
    """Left for the next time."""
    parts.users.profile = None
    parts.ledger.opened = [Busy()]

    assert parts.finish() == (FinishStatus.FAILED, Reason.IN_PROGRESS)


@pytest.mark.parametrize("call", ["open", "close"])
def test_user_who_is_gone_and_the_ledger_fails(parts: Parts, call: str) -> None:
    """Left for the next time."""
    parts.users.profile = None
    parts.ledger.broken = frozenset({call})

    assert parts.finish() == (FinishStatus.FAILED, Reason.PROVISIONING_FAILED)


def test_user_who_goes_meanwhile(parts: Parts) -> None:
    """The customer is there, the profile is not: `orphaned` in verify."""
    parts.users.is_there_to_write = False
    parts.ledger.opened = [BEGUN, Linked(CustomerId("cus_new"), 2)]
    parts.customers.retrieved = Done(customer_of(ADA))

    assert parts.finish() == (FinishStatus.GONE, Reason.USER_GONE)
    assert parts.ends() == []


@pytest.mark.parametrize("is_recorded", [True, False])
def test_link_that_is_true_already(parts: Parts, *, is_recorded: bool) -> None:
    """The ledger learns of it, if it does not know."""
    parts.users.profile = replace(PROFILE, customer_id=CustomerId("cus_ada"))
    parts.customers.retrieved = Done(customer_of(ADA, "cus_ada"))
    if is_recorded:
        parts.ledger.opened = [Linked(CustomerId("cus_ada"), 1)]

    assert parts.finish() == (FinishStatus.FINISHED, Reason.ALREADY_LINKED)
    assert (("link", "cus_ada") in parts.ledger.calls) is not is_recorded
    assert parts.users.written == [{"stripe_customer_id": "cus_ada", "stripe_signup": None}]
