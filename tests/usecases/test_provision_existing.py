"""A customer for a user who is not logging in: the profile as it is now, and the link in it."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from tests.fakes import ADA, PROFILE, FakeClock, FakeCustomers, FakeLedger, FakeProfiles
from tests.fakes import customer_of as of

from customerlink.model.instruction import Reason
from customerlink.model.policy import Policy, VerifiedEmail
from customerlink.model.sign_up_record import Busy, Linked
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, UserId
from customerlink.ports.customers import Done, Unknown
from customerlink.ports.run import Run
from customerlink.usecases.open_sign_up import Settled, Unsettled
from customerlink.usecases.provision_existing import GONE, provision_existing
from customerlink.usecases.settle import Settling

LINK = {"stripe_customer_id": "cus_new", "stripe_signup": None}
NEW = Settled(CustomerId("cus_new"), Reason.CUSTOMER_CREATED)
THEIRS = of(replace(ADA, user_id=UserId("auth0|other")), "cus_theirs")


@dataclass
class Parts:
    """What a user is provisioned with."""

    profiles: FakeProfiles = field(default_factory=FakeProfiles)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    customers: FakeCustomers = field(default_factory=FakeCustomers)
    policy: Policy = field(default_factory=Policy)
    signups: list[SignUp] = field(default_factory=list)

    def has(self, **changes: Any) -> None:
        """Let the profile be another one."""
        self.profiles.profile = replace(PROFILE, **changes)

    def provision(self) -> Settled | Unsettled:
        """Provision Ada."""

        def settling(signup: SignUp) -> Settling:
            self.signups.append(signup)
            run = Run(FakeClock(), owner="backfill")
            return Settling(signup, self.ledger, self.customers, self.policy, run)

        return provision_existing(ADA, self.profiles, settling)


@pytest.fixture
def parts() -> Parts:
    """Return a user without a customer."""
    return Parts()


def test_created(parts: Parts) -> None:
    """A customer, and the link in the profile beside the marker's removal."""
    assert parts.provision() == NEW
    assert parts.profiles.written == [LINK]


def test_profile_as_it_is_now(parts: Parts) -> None:
    """Nothing older counts, and it is no login."""
    fields = {"connection": "db", "fields": {"user_metadata.plan": "pro"}}
    parts.has(email="Ada@now.example.com", **fields)
    parts.provision()

    [signup] = parts.signups
    assert (signup.user, signup.logins_count, signup.marker) == (ADA, 0, None)
    assert (signup.email, signup.name, signup.email_verified) == (
        "Ada@now.example.com",
        "Ada",
        True,
    )
    assert (signup.connection, signup.profile) == ("db", {"user_metadata.plan": "pro"})


def test_found(parts: Parts) -> None:
    """The user's own customer was there already: the link is written all the same."""
    parts.customers.listed["ada@example.com"] = (of(ADA, "cus_own"),)

    assert parts.provision() == Settled(CustomerId("cus_own"), Reason.CUSTOMER_FOUND)
    assert parts.profiles.written == [{**LINK, "stripe_customer_id": "cus_own"}]


@pytest.mark.parametrize("marker", [None, "unfinished", "exempt"])
def test_true_link(parts: Parts, marker: str | None) -> None:
    """The profile is written only if a marker has to go."""
    parts.has(customer_id="cus_own", marker=marker)
    parts.customers.retrieved = Done(of(ADA, "cus_own"))

    assert parts.provision() == Settled(CustomerId("cus_own"), Reason.ALREADY_LINKED)
    assert bool(parts.profiles.written) is (marker is not None)


def test_registrations_customer(parts: Parts) -> None:
    """It names the user from then on, and the profile's registration is the proof."""
    parts.has(customer_id="cus_reg", registration_id="a1b2", marker=None)
    registrant = replace(ADA, user_id=UserId("registration|a1b2"))
    parts.customers.retrieved = Done(of(registrant, "cus_reg"))

    assert parts.provision() == Settled(CustomerId("cus_reg"), Reason.ALREADY_LINKED)
    assert ("adopt", "cus_reg") in parts.customers.calls
    assert parts.profiles.written == []


@pytest.mark.parametrize("marker", [None, "exempt"])
def test_recorded_link_that_the_profile_lacks(parts: Parts, marker: str | None) -> None:
    """The ledger had it."""
    parts.has(marker=marker)
    parts.ledger.opened = [Linked(CustomerId("cus_old"), 1)]
    parts.customers.retrieved = Done(of(ADA, "cus_old"))
    parts.provision()

    assert parts.profiles.written == [{**LINK, "stripe_customer_id": "cus_old"}]


def test_no_such_user(parts: Parts) -> None:
    """Nothing is asked of anybody else."""
    parts.profiles.profile = None

    assert parts.provision() == GONE
    assert (parts.signups, parts.profiles.written) == ([], [])


def test_user_who_goes_meanwhile(parts: Parts) -> None:
    """The customer is there, the profile is not: `orphaned` in verify."""
    parts.profiles.is_there_to_write = False

    assert parts.provision() == GONE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"email": None}, Reason.EMAIL_MISSING),
        ({"email": "ada"}, Reason.EMAIL_INVALID),
        ({"email_verified": False}, Reason.DEFERRED),
    ],
)
def test_no_usable_address(parts: Parts, changes: dict[str, Any], reason: Reason) -> None:
    """Nothing is opened, and nobody refused."""
    parts.policy = Policy(verified_email=VerifiedEmail.REQUIRED)
    parts.has(**changes)

    assert parts.provision() == Unsettled(reason)
    assert (parts.ledger.calls, parts.profiles.written) == ([], [])


def test_taken_address(parts: Parts) -> None:
    """Said with what has it; the record is closed, and nobody refused."""
    parts.customers.listed["ada@example.com"] = (THEIRS,)

    assert parts.provision() == Unsettled(Reason.EMAIL_IN_USE, in_the_way=(THEIRS.id,))
    assert "close" in parts.ledger.calls
    assert "refuse" not in str(parts.ledger.calls)
    assert parts.profiles.written == []


@pytest.mark.parametrize("theirs", [None, THEIRS])
def test_false_link(parts: Parts, theirs: Any) -> None:
    """It is left as it is: `dangling` or `mismatched` in verify."""
    parts.has(customer_id="cus_theirs")
    parts.customers.retrieved = Done(theirs)

    assert parts.provision() == Unsettled(Reason.LINK_MISMATCH)
    assert parts.profiles.written == []


def test_outage(parts: Parts) -> None:
    """Another try may do."""
    parts.customers.created = [Unknown()]

    assert parts.provision() == Unsettled(Reason.PROVISIONING_FAILED)
    assert parts.profiles.written == []


def test_login_at_the_same_moment(parts: Parts) -> None:
    """One of the two creates."""
    parts.ledger.opened = [Busy()]

    assert parts.provision() == Unsettled(Reason.IN_PROGRESS)
    assert parts.customers.calls == []


def test_profile_is_read_each_time(parts: Parts) -> None:
    """What an earlier try has read is not acted on."""
    parts.has(email=None)
    assert parts.provision() == Unsettled(Reason.EMAIL_MISSING)
    parts.has()

    assert parts.provision() == NEW
