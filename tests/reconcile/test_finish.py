"""Open sign-ups finished without their users."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from tests.fakes import ADA, FakeClock, FakeCustomers, FakeLedger, customer_of

from customerlink.customers import Done, Unknown
from customerlink.instruction import Reason
from customerlink.ledger import Busy, Linked
from customerlink.policy import OnFailure, Policy
from customerlink.provisioning import Provisioning
from customerlink.reconcile.finish import End, Profiles, finish
from customerlink.run import Run
from customerlink.signup import SignUp
from customerlink.user import CustomerId, UserId, registrant_id

PROFILE = {
    "user_id": ADA.user_id,
    "email": "ada@example.com",
    "email_verified": True,
    "name": "Ada",
    "customer_id": None,
    "marker": "unfinished",
    "identities": [],
}


@dataclass
class FakeProfiles(Profiles):
    """A tenant with one user, or none."""

    profile: dict[str, Any] | None = field(default_factory=lambda: dict(PROFILE))
    is_there_to_write: bool = True
    written: list[dict[str, str | None]] = field(default_factory=list)

    def get(self, user_id: str) -> dict[str, Any] | None:
        """Give the profile."""
        assert user_id == ADA.user_id
        return self.profile

    def merge_app_metadata(self, user_id: str, changes: Mapping[str, str | None]) -> bool:
        """Note the changes."""
        assert user_id == ADA.user_id
        self.written.append(dict(changes))
        return self.is_there_to_write


@dataclass
class Parts:
    """Everything that `finish` needs."""

    users: FakeProfiles = field(default_factory=FakeProfiles)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    customers: FakeCustomers = field(default_factory=FakeCustomers)
    signups: list[SignUp] = field(default_factory=list)
    policy: Policy = field(default_factory=Policy)

    def finish(self) -> tuple[End, Reason]:
        """Finish Ada's sign-up."""

        def pipeline(signup: SignUp) -> Provisioning:
            self.signups.append(signup)
            run = Run(FakeClock(), owner="repair")
            return Provisioning(signup, self.ledger, self.customers, self.policy, run)

        return finish(ADA, self.users, self.ledger, pipeline)


@pytest.fixture
def parts() -> Parts:
    """Give a user whose sign-up is open and whose customer was never made."""
    return Parts()


def test_finished(parts: Parts) -> None:
    """A customer, and the link in the profile beside the marker's removal."""
    assert parts.finish() == (End.FINISHED, Reason.CUSTOMER_CREATED)
    assert parts.users.written == [{"stripe_customer_id": "cus_new", "stripe_signup": None}]
    assert parts.signups[0].email == "ada@example.com"


def test_denied(parts: Parts) -> None:
    """Somebody else has the address: recorded for the next login, and nothing is written."""
    stranger = customer_of(replace(ADA, user_id=UserId("auth0|other")), "cus_theirs")
    parts.customers.listed["ada@example.com"] = (stranger,)

    assert parts.finish() == (End.DENIED, Reason.EMAIL_IN_USE)
    assert ("refuse", Reason.EMAIL_IN_USE) in parts.ledger.calls
    assert parts.users.written == []


def test_outage(parts: Parts) -> None:
    """It stays open."""
    parts.customers.created = [Unknown()]

    assert parts.finish() == (End.FAILED, Reason.PROVISIONING_FAILED)
    assert parts.users.written == []


def test_put_off(parts: Parts) -> None:
    """By policy nobody is denied in an outage; that is no end either."""
    parts.policy = Policy(on_failure=OnFailure.CONTINUE)
    parts.customers.created = [Unknown()]

    assert parts.finish() == (End.FAILED, Reason.DEFERRED)
    assert parts.users.written == []


def test_user_who_is_gone(parts: Parts) -> None:
    """The sign-up ends, without a call to Stripe."""
    parts.users.profile = None

    assert parts.finish() == (End.GONE, Reason.USER_GONE)
    assert parts.ledger.calls == [("open", None), ("refuse", Reason.USER_GONE)]
    assert parts.customers.calls == []


def test_registration_that_auth0_refused(parts: Parts) -> None:
    """Nobody is asked for a user whom Auth0 never had."""
    registrant = replace(ADA, user_id=registrant_id("a1b2"))

    assert finish(registrant, parts.users, parts.ledger, _no_pipeline) == (
        End.GONE,
        Reason.USER_GONE,
    )
    assert parts.ledger.calls[-1] == ("refuse", Reason.USER_GONE)


def _no_pipeline(_: SignUp) -> Provisioning:
    raise AssertionError("there is nobody to provision")


def test_user_who_is_gone_while_somebody_has_the_lease(parts: Parts) -> None:
    """Left for the next time."""
    parts.users.profile = None
    parts.ledger.opened = [Busy()]

    assert parts.finish() == (End.FAILED, Reason.IN_PROGRESS)


def test_user_who_goes_meanwhile(parts: Parts) -> None:
    """The customer is there, the profile is not: `orphaned` in verify."""
    parts.users.is_there_to_write = False

    assert parts.finish() == (End.GONE, Reason.USER_GONE)


@pytest.mark.parametrize("is_recorded", [True, False])
def test_link_that_is_true_already(parts: Parts, *, is_recorded: bool) -> None:
    """The ledger learns of it, if it does not know."""
    parts.users.profile = {**PROFILE, "customer_id": "cus_ada"}
    parts.customers.retrieved = Done(customer_of(ADA, "cus_ada"))
    if is_recorded:
        parts.ledger.opened = [Linked(CustomerId("cus_ada"), 1)]

    assert parts.finish() == (End.FINISHED, Reason.ALREADY_LINKED)
    assert (("link", "cus_ada") in parts.ledger.calls) is not is_recorded
    assert parts.users.written == [{"stripe_customer_id": "cus_ada", "stripe_signup": None}]
