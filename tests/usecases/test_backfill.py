"""Users without a customer, one by one: what becomes of each, and at whose pace."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from tests.fakes import (
    ADA,
    PROFILE,
    FakeClock,
    FakeCustomers,
    FakeLedger,
    FakeProfiles,
    customer_of,
)
from tests.usecases.settling_case import BOB, OLD

from customerlink.model.instruction import Reason
from customerlink.model.policy import Policy, VerifiedEmail
from customerlink.model.profile import Profile
from customerlink.model.rates import Endpoint
from customerlink.model.sign_up_record import Busy
from customerlink.model.signup import SignUp
from customerlink.model.told import digest
from customerlink.model.user import CustomerId
from customerlink.ports.customers import Unknown
from customerlink.ports.rate import RateLimiter, Rates
from customerlink.ports.run import Run
from customerlink.usecases.backfill import (
    Backfilled,
    BackfillStatus,
    provision_one,
    seen_by,
    why_not,
)
from customerlink.usecases.open_sign_up import Unsettled
from customerlink.usecases.rows import Seen
from customerlink.usecases.settle import Settling


@dataclass
class Noted(RateLimiter, Rates):
    """Rates that note when a turn is taken, among all that happens."""

    happened: list[str]
    name: str = ""

    def of(self, endpoint: Endpoint) -> RateLimiter:
        """Return what notes an endpoint's."""
        return Noted(self.happened, f"turn at {endpoint}")

    def take(self) -> None:
        """Note it."""
        self.happened.append(self.name)

    def pause(self, seconds: float) -> None:
        """Nobody asks for one."""
        raise NotImplementedError

    def slow(self) -> None:
        """Nobody asks for it."""
        raise NotImplementedError


@dataclass
class NotedProfiles(FakeProfiles):
    """A tenant that notes what it is asked, among all that happens."""

    happened: list[str] = field(default_factory=list)

    def get(self, user_id: str) -> Profile | None:
        """Read a user."""
        self.happened.append("read")
        return super().get(user_id)

    def with_address(self, email: str) -> list[Profile]:
        """Find the users with an address."""
        self.happened.append("search")
        return super().with_address(email)

    def merge_app_metadata(self, user_id: str, changes: Any) -> bool:
        """Merge these keys."""
        self.happened.append("write")
        return super().merge_app_metadata(user_id, changes)


class Backfill:
    """Ada's turn in a backfill, over fakes."""

    def __init__(self) -> None:
        """Start without a customer."""
        self.happened: list[str] = []
        self.profiles = NotedProfiles(happened=self.happened)
        self.ledger = FakeLedger()
        self.customers = FakeCustomers()
        self.policy = Policy()

    def settling(self, signup: SignUp) -> Settling:
        """Return what settles a record."""
        self.happened.append("settle")
        run = Run(FakeClock(), "backfill")
        return Settling(signup, self.ledger, self.customers, self.policy, run)

    def run(self) -> Backfilled:
        """Give Ada a customer."""
        return provision_one(ADA, self.profiles, self.settling, Noted(self.happened))


@pytest.fixture
def backfill() -> Backfill:
    """Return a user without a customer."""
    return Backfill()


def test_created(backfill: Backfill) -> None:
    """The customer is made, and its id is in the profile."""
    created = Backfilled(ADA.user_id, BackfillStatus.CREATED, "customer_created", "cus_new")

    assert backfill.run() == created
    assert backfill.profiles.written == [{"stripe_customer_id": "cus_new", "stripe_signup": None}]


def test_found(backfill: Backfill) -> None:
    """The user's own customer was there already, and was not linked."""
    backfill.customers.listed["ada@example.com"] = (customer_of(ADA, OLD),)

    assert backfill.run() == Backfilled(ADA.user_id, BackfillStatus.FOUND, "customer_found", OLD)


@pytest.mark.parametrize(
    ("profile", "why"),
    [
        (None, "the user is gone"),
        (replace(PROFILE, email=None), "the user has no address"),
        (replace(PROFILE, email="no address"), "email_invalid"),
        (replace(PROFILE, email_verified=False), "the address is not verified"),
    ],
)
def test_skipped(backfill: Backfill, profile: Profile | None, why: str) -> None:
    """Another try would come to the same; somebody reads why."""
    backfill.policy = Policy(verified_email=VerifiedEmail.REQUIRED)
    backfill.profiles.profile = profile

    assert backfill.run() == Backfilled(ADA.user_id, BackfillStatus.SKIPPED, why)
    assert backfill.customers.calls == []


def test_skipped_as_the_address_is_taken(backfill: Backfill) -> None:
    """By which customer is said, so that somebody can decide."""
    backfill.customers.listed["ada@example.com"] = (customer_of(BOB, "cus_bobs"),)
    why = "the address has cus_bobs"

    assert backfill.run() == Backfilled(ADA.user_id, BackfillStatus.SKIPPED, why)


def test_failed_at_stripe(backfill: Backfill) -> None:
    """Another try may mend it, and is told from what none can."""
    backfill.customers.listed["ada@example.com"] = Unknown()
    done = backfill.run()

    told = "provisioning_failed: earlier_try under_way"
    assert (done.status, done.why) == (BackfillStatus.FAILED, told)


@pytest.mark.parametrize(
    ("reason", "seen"),
    [
        (Reason.PROVISIONING_FAILED, Seen.DOWN),
        (Reason.EMAIL_MISSING, Seen.NOTHING),
        (Reason.DEFERRED, Seen.NOTHING),
        (Reason.IN_PROGRESS, Seen.NOTHING),
        (Reason.EMAIL_IN_USE, Seen.UP),
        (Reason.CUSTOMER_UNUSABLE, Seen.UP),
    ],
)
def test_what_an_end_says_of_stripe(reason: Reason, seen: Seen) -> None:
    """Nothing where Stripe was not asked."""
    assert seen_by(Unsettled(reason)) is seen


def test_failed_beside_a_login(backfill: Backfill) -> None:
    """The login that has the lease does it; whether it will, nobody knows yet."""
    backfill.ledger.opened = [Busy()]
    done = backfill.run()

    assert (done.status, done.why) == (BackfillStatus.FAILED, "in_progress")


def test_order(backfill: Backfill) -> None:
    """The turn comes first, since what is read before a wait may be stale after it."""
    backfill.run()

    assert backfill.happened == [
        *("turn at stripe-list", "turn at stripe-create"),
        *("turn at auth0-read-users", "turn at auth0-write-users"),
        *("read", "settle", "write"),
    ]


def test_all_that_are_in_the_way_are_named() -> None:
    """As in a repair's plan: somebody has to look at each of them."""
    several = Unsettled(Reason.EMAIL_IN_USE, in_the_way=(CustomerId("cus_1"), CustomerId("cus_2")))

    assert why_not(several) == "the address has cus_1 cus_2"


@pytest.mark.parametrize("reason", [Reason.EMAIL_IN_USE, Reason.CUSTOMER_UNUSABLE])
@pytest.mark.parametrize("chosen", ["ada@example.com", "Ada Lovelace", "+1 555"])
def test_id_that_a_shop_chose(reason: Reason, chosen: str) -> None:
    """It may be a person's address, and is told as a digest."""
    why = why_not(Unsettled(reason, in_the_way=(CustomerId(chosen),)))

    assert (chosen in why, digest(chosen) in why) == (False, True)


class TestLine:
    """What a report has of a user: ids, and no address."""

    DONE = Backfilled("auth0|ada", BackfillStatus.CREATED, "customer_created", "cus_1")

    def test_document(self) -> None:
        """One line of JSON, in the words of earlier reports."""
        line = self.DONE.line()

        assert line.endswith("\n")
        assert json.loads(line) == {
            "user_id": "auth0|ada",
            "fate": "created",
            "why": "customer_created",
            "customer_id": "cus_1",
        }

    @pytest.mark.parametrize("status", BackfillStatus)
    def test_read_again(self, status: BackfillStatus) -> None:
        """It is what was written, with a customer and without."""
        for done in (replace(self.DONE, status=status), Backfilled("auth0|bob", status, "why")):
            assert Backfilled.read(done.line()) == done

    @pytest.mark.parametrize("end", [1, 20])
    def test_that_is_not_whole(self, end: int) -> None:
        """Whoever wrote it died meanwhile: it says so by a `ValueError`."""
        with pytest.raises(ValueError, match="line 1"):
            Backfilled.read(self.DONE.line()[:end])
