"""Both sides follow each other by themselves, through the stand-ins' APIs and the real function.

What is changed in either is told by it, and comes by rules and queue to where it is followed.
"""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from benchmarks.sync import linked_customer

from sandbox.aws import SECRET
from sandbox.buses import Delivery
from sandbox.following import Following, following
from sandbox.posts import Posts
from sandbox.sandbox import Sandbox
from sandbox.stripe_account import Fault, FaultKind, Permission

NUMBERS = itertools.count(1)
DAY = 24 * 3600.0

type Change = Callable[["Pair"], None]
type Case = tuple[list[Change], Mapping[str, object]]


@dataclass
class Clock:
    """The function's time, which a test may move."""

    ahead: float = 0.0
    monotonic: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], None] = field(default=time.sleep)

    def time(self) -> float:
        """Return unix seconds."""
        return time.time() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let the function look at this one."""
    clock = Clock()
    monkeypatch.setattr("customerlink.wiring.sync.time", clock)
    return clock


@dataclass
class Pair:
    """A user and their customer, where both sides tell."""

    told: Following
    clock: Clock
    user_id: str
    customer_id: str
    email: str

    @property
    def box(self) -> Sandbox:
        """Return where they are."""
        return self.told.box

    def user(self, **changes: Any) -> None:
        """Change the profile."""
        self.box.management.users.patch(self.user_id, changes)

    def customer(self, **changes: Any) -> None:
        """Change the customer."""
        self.box.stripe.update(self.customer_id, changes)

    def gone(self) -> None:
        """Delete the user."""
        self.box.management.users.delete(self.user_id)

    def deleted(self) -> None:
        """Delete the customer."""
        self.box.stripe.delete(self.customer_id)

    def passes(self, seconds: float) -> None:
        """Let what is told be followed, time pass, and what is due be called up."""
        self.told.run()
        self.clock.ahead += seconds
        self.told.call_up()

    def seen(self) -> dict[str, object]:
        """Return how it stands, by what a case may expect."""
        customer = self.box.stripe.retrieve(self.customer_id)
        profile = self.box.tenant.users.get(self.user_id, {})
        metadata = profile.get("app_metadata", {})
        return {
            "email": customer.get("email"),
            "moved": customer.get("email") != self.email,
            "name": customer.get("name"),
            "names": customer.get("metadata", {}).get("auth0_user_id") == self.user_id,
            "deleted": customer.get("deleted", False),
            "linked": metadata.get("stripe_customer_id") == self.customer_id,
            "another": metadata.get("stripe_customer_id") not in (None, self.customer_id),
            "marker": metadata.get("stripe_signup"),
        }


def signed_up(told: Following, clock: Clock) -> Pair:
    """Let somebody sign up."""
    email = f"follows-{next(NUMBERS)}@example.com"
    user = told.box.tenant.add_user(email=email, email_verified=True, name="Ada")
    customer = linked_customer(told.box, user)
    told.run()
    return Pair(told, clock, user, customer, email)


KEPT: dict[str, object] = {"names": True, "linked": True, "deleted": False}
CLEARED = {"deleted": True, "linked": False, "another": False, "marker": "unfinished"}

CASES: dict[str, dict[str, Case]] = {
    "": {
        "a new address": (
            [lambda ada: ada.user(email="new-1@example.com")],
            {"email": "new-1@example.com", **KEPT},
        ),
        "a new name": ([lambda ada: ada.user(name="Countess")], {"name": "Countess", **KEPT}),
        "an address that is not verified": (
            [lambda ada: ada.user(email="new-2@example.com", email_verified=False, name="Ada L.")],
            {"moved": False, "name": "Ada L.", **KEPT},
        ),
        "edited in Stripe": (
            [lambda ada: ada.customer(name="Countess")],
            {"name": "Countess", **KEPT},
        ),
        "emptied in Stripe": (
            [lambda ada: ada.customer(metadata={"auth0_user_id": "", "auth0_tenant": ""})],
            KEPT,
        ),
        "deleted in Stripe": ([Pair.deleted], CLEARED),
        "gone in Auth0": (
            [Pair.gone, lambda ada: ada.passes(400 * DAY)],
            {"deleted": False, "names": True},
        ),
    },
    "EDITED_CUSTOMERS=restore DELETED_CUSTOMERS=recreate DELETED_USERS=unlink": {
        "edited in Stripe": (
            [lambda ada: ada.user(name="Ada L."), lambda ada: ada.customer(name="Countess")],
            {"name": "Ada L.", **KEPT},
        ),
        "deleted in Stripe": ([Pair.deleted], {"deleted": True, "another": True, "marker": None}),
        "gone in Auth0, not yet": (
            [Pair.gone, lambda ada: ada.passes(3000)],
            {"deleted": False, "names": True},
        ),
        "gone in Auth0": (
            [Pair.gone, lambda ada: ada.passes(3700)],
            {"deleted": False, "names": False},
        ),
    },
    "EDITED_CUSTOMERS=report DELETED_CUSTOMERS=report DELETED_USERS=delete DELETED_USERS_DAYS=7": {
        "edited in Stripe": (
            [lambda ada: ada.customer(name="Countess")],
            {"name": "Countess", **KEPT},
        ),
        "deleted in Stripe": ([Pair.deleted], {"deleted": True, "linked": True}),
        "gone in Auth0, not yet": (
            [Pair.gone, lambda ada: ada.passes(6 * DAY)],
            {"deleted": False, "names": True},
        ),
        "gone in Auth0": ([Pair.gone, lambda ada: ada.passes(7 * DAY + 60)], {"deleted": True}),
    },
}
"""By the deployment's policies: what happens, and how it stands afterwards."""


@pytest.fixture
def reads_subscriptions(box: Sandbox) -> Iterator[None]:
    """Put a key into the secret that shows a customer's subscriptions, as deletions need."""
    aws = box.aws.secrets_manager
    was = aws.get_secret_value(SecretId=SECRET)["SecretString"]
    key = box.stripe.add_key(Permission.NONE, reads=["subscription"])
    secret = json.loads(was) | {"stripe_subscriptions_key": key}
    aws.put_secret_value(SecretId=SECRET, SecretString=json.dumps(secret))
    yield
    aws.put_secret_value(SecretId=SECRET, SecretString=was)


@pytest.mark.usefixtures("reads_subscriptions")
@pytest.mark.parametrize("policies", CASES, ids=lambda each: each or "the defaults")
def test_the_kinds_of_change(box: Sandbox, clock: Clock, policies: str) -> None:
    """Each by itself, by the policy; and what either side tells twice changes nothing more."""
    chosen = {
        f"CUSTOMERLINK_{name}": value
        for name, value in (each.split("=") for each in policies.split())
    }
    delivery, seen = Delivery(twice=1.0, clock=clock.time), {}
    with following(box, settings=chosen, delivery=delivery) as told:
        for name, (changes, expected) in CASES[policies].items():
            ada = signed_up(told, clock)
            for change in changes:
                change(ada)
                told.run()
            found = ada.seen()
            seen[name] = {each: found[each] for each in expected}
            assert told.dead() == []

    assert seen == {name: expected for name, (_, expected) in CASES[policies].items()}


def test_posted_events(box: Sandbox, clock: Clock) -> None:
    """What either side posts is followed as what comes by EventBridge; twice, it changes no more.

    While the function does not take it, each side keeps what it has to tell.
    """
    way = Delivery(twice=1.0, clock=clock.time)
    by_post = {"CUSTOMERLINK_SYNC_BY": "webhook"}
    with following(box, settings=by_post, delivery=way, again_seconds=0) as told:
        ada, taken = signed_up(told, clock), box.gateway.events
        box.gateway.events = lambda _: {"statusCode": 503, "headers": JSON, "body": "{}"}
        ada.user(name="Countess")
        told.run()
        before, box.gateway.events = ada.seen()["name"], taken
        told.run()

        assert isinstance(told.buses, Posts)
        assert told.buses.refused > 0
        assert (before, ada.seen()["name"]) == ("Ada", "Countess")
        ada.deleted()
        told.run()
        assert {name: ada.seen()[name] for name in CLEARED} == CLEARED
        assert told.dead() == []


JSON = {"content-type": "application/json"}


def test_linked_accounts(box: Sandbox, clock: Clock) -> None:
    """The secondary's customer follows, or gives way where the primary has one."""
    with following(box, delivery=Delivery(clock=clock.time)) as told:
        ada, grace = signed_up(told, clock), signed_up(told, clock)
        alone = box.tenant.add_user(email_verified=False, name="Ada")
        for primary, secondary in ((alone, ada), (grace.user_id, signed_up(told, clock))):
            provider, _, name = secondary.user_id.partition("|")
            box.management.users.link(primary, {"provider": provider, "user_id": name})
            told.run()
            customer = box.stripe.retrieve(secondary.customer_id)["metadata"]
            metadata = box.tenant.users[primary]["app_metadata"]
            has = metadata["stripe_customer_id"]
            is_same = has == secondary.customer_id
            assert customer.get("superseded_by") == (None if is_same else has)
            assert box.stripe.retrieve(has)["metadata"]["auth0_user_id"] == primary
            assert is_same is (primary == alone)


def test_two_swap_their_addresses(box: Sandbox, clock: Clock) -> None:
    """Both customers have the other's in the end, whatever comes first."""
    with following(box, delivery=Delivery(clock=clock.time), again_seconds=0) as told:
        ada, grace = signed_up(told, clock), signed_up(told, clock)
        # The locks of the sign-ups are over.
        clock.ahead += 100
        ada.user(email=grace.email)
        grace.user(email=ada.email)
        told.run()

        assert (ada.seen()["email"], grace.seen()["email"]) == (grace.email, ada.email)


def test_an_outage(box: Sandbox, clock: Clock) -> None:
    """Tried twice more by the queue, then owed by the ledger, and followed once it is over."""
    lines: list[str] = []
    with following(
        box, delivery=Delivery(clock=clock.time), again_seconds=0, tell=lines.append
    ) as told:
        ada = signed_up(told, clock)
        lines.clear()
        box.stripe.faults.append(Fault(FaultKind.DOWN, "GET", times=999))
        ada.user(name="Countess")
        told.run()
        box.stripe.faults.clear()
        before = ada.seen()["name"]
        ada.passes(301)
        told.run()

        again = ["user.updated: comes again"] * 2
        assert lines[:3] == [*again, "user.updated: followed"]
        assert (before, ada.seen()["name"]) == ("Ada", "Countess")
        assert lines[3] == "due: followed"
        assert told.dead() == []


@pytest.mark.parametrize("body", ["no JSON", "{}", '{"source": "x", "detail": {"type": 5}}'])
def test_what_nobody_can_read(box: Sandbox, clock: Clock, body: str) -> None:
    """Among the dead letters at first sight; what came beside it is followed."""
    with following(box, delivery=Delivery(clock=clock.time), again_seconds=0) as told:
        ada = signed_up(told, clock)
        ada.user(name="Countess")
        told.send([body])
        told.run()

        assert told.dead() == [body]
        assert ada.seen()["name"] == "Countess"
