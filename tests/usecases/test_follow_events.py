"""Batches of events over the real ledger: who is looked at, and what becomes of each message."""

import json
import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from tests.interleaving import LEDGER, LOOK, TENANT, UPDATE, Kind, WorldOperator, user
from tests.usecases.test_sync import ADA, BOB, LATER, NEW, OLD, Shop

from customerlink.adapters.dynamodb.newcomers import DynamoDbNewcomers
from customerlink.model.errors import ConfigurationError
from customerlink.model.events import EventKind, Passed, Served, due
from customerlink.model.message_fields import Unreadable
from customerlink.model.profile import Profile
from customerlink.model.sign_up_record import State
from customerlink.model.signup import Marker
from customerlink.model.sync_memory import DAY_SECONDS
from customerlink.model.sync_policy import DeletedUsers, SyncPolicy
from customerlink.model.trouble import Trouble
from customerlink.model.user import CustomerId, User
from customerlink.usecases.follow_events import (
    DEAD_AT,
    PARKED_AT,
    REPORTED_WITHIN_SECONDS,
    Ending,
    Follow,
    Message,
    Report,
)
from customerlink.usecases.synced import Synced, SyncOutcome
from sandbox.events import Document, auth0_event, changed, stripe_event

DONE, AGAIN, DEAD = Ending.DONE, Ending.AGAIN, Ending.DEAD
CREATED = "created#acme#auth0|bob"


class Told(Report):
    """What was told, in order."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.lines: list[object] = []

    def passed(self, why: Passed) -> None:
        """Note it."""
        self.lines.append(why)

    def unreadable(self, why: Unreadable) -> None:
        """Note it."""
        self.lines.append(str(why))

    def looked(self, user: User, kinds: Iterable[EventKind], synced: Synced) -> None:
        """Note the outcome, of how many events."""
        self.lines.append((user, synced.outcome, len([*kinds])))

    def failed(self, user: User, kinds: Iterable[EventKind], error: Exception) -> None:
        """Note the kind of trouble."""
        self.lines.append((user, type(error), len([*kinds])))

    def bug(self, error: Exception) -> None:
        """Note it."""
        self.lines.append(f"bug {type(error).__name__}")

    def parked(self, user: User) -> None:
        """Note it."""
        self.lines.append(f"parked {user.user_id}")


class Events(Shop):
    """A shop whose changes come as events."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        super().__init__()
        self.told = Told()
        self.has_time = True
        self.made: list[str] = []
        carry_out, read = self.outside.call, self.tenant.get
        self.trouble: dict[str, Exception] = {}

        def counted(text: str, effect: Callable[[], Any], given_up: Callable[[], Any]) -> Any:
            self.made.append(text)
            return carry_out(text, effect, given_up)

        def get(user_id: str) -> Profile | None:
            if user_id in self.trouble:
                raise self.trouble[user_id]
            return read(user_id)

        self.outside.call = counted  # type: ignore[method-assign]
        self.tenant.get = get  # type: ignore[method-assign]

    def calls(self, kind: str) -> int:
        """Return how many calls of a kind were made."""
        return sum(kind in each for each in self.made)

    def cannot_be_read(self, error: Exception) -> None:
        """Let Auth0 raise something of Ada."""
        self.trouble = {ADA.user_id: error}

    def following(self) -> Follow:
        """Return what follows events, in an invocation of its own."""
        newcomers = DynamoDbNewcomers(self.dynamodb, LEDGER, self.run(30.0))
        return Follow(
            Served(TENANT),
            self.syncing(),
            newcomers,
            trouble,
            self.told,
            self.clock,
            lambda: self.has_time,
        )

    def deliver(self, *bodies: str | Document, receives: int = 1) -> list[Ending]:
        """Deliver a batch; return what became of each message."""
        texts = [each if isinstance(each, str) else json.dumps(each) for each in bodies]
        batch = self.following().batch(
            Message(str(at), text, receives) for at, text in enumerate(texts)
        )
        return [batch.end(str(at)) for at in range(len(texts))]

    def renamed(self, name: str, who: User = ADA) -> Document:
        """Let a user have another name; return the event."""
        return self.becomes(who, name=name)

    def becomes(self, who: User = ADA, **changes: Any) -> Document:
        """Let a user's profile change; return the event."""
        before = as_event(self.tenant.profiles[who.user_id])
        self.moves(who, **changes)
        after = as_event(self.tenant.profiles[who.user_id])
        return auth0_event("user.updated", after, before)

    def edits(self, **changes: Any) -> Document:
        """Let somebody edit Ada's customer in the dashboard; return the event."""
        before = self.stripe.account.retrieve(self.adas)
        self.edit(**changes)
        after = self.stripe.account.retrieve(self.adas)
        return stripe_event("customer.updated", after, changed(before, after))

    def due_at(self, who: User = ADA) -> float | None:
        """Return when a user is due."""
        item = self.table.items.get(f"sync#{TENANT}#{who.user_id}", {})
        return float(item["open_since"]["N"]) if "open_since" in item else None

    def knows_no_address(self) -> None:
        """Let Ada have signed up with an address that she has not verified, before any event."""
        self.table.items.pop(f"sync#{TENANT}#{ADA.user_id}", None)
        self.moves(email=OLD, email_verified=False)


def trouble(error: Exception) -> Trouble:
    """Judge as the adapters do."""
    kinds = {OSError: Trouble.OUTAGE, ConfigurationError: Trouble.LASTING}
    return kinds.get(type(error), Trouble.OF_THE_ROW)


def as_event(profile: Profile) -> Document:
    """Return a user as Auth0's events have one."""
    return {
        "user_id": profile.user_id,
        "email": profile.email,
        "email_verified": profile.email_verified,
        "name": profile.name,
        "app_metadata": {"stripe_customer_id": profile.customer_id},
    }


@pytest.fixture
def shop() -> Events:
    """Return one with a customer of Ada's."""
    return Events()


STEPS = {
    "corrected, then verified": [{"email": NEW}, {"email_verified": True}],
    "both at once": [{"email": NEW, "email_verified": True}],
    "corrected twice": [{"email": "ada@slip.example"}, {"email": NEW}, {"email_verified": True}],
    "in other letter case": [{"email": NEW.upper()}, {"email_verified": True}],
    "looked at before": [{"name": "Countess"}, {"email": NEW}, {"email_verified": True}],
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("is_late", [False, True])
def test_an_address_that_was_never_verified(
    shop: Events, steps: list[dict[str, Any]], *, is_late: bool
) -> None:
    """Is corrected, and followed once the new one is verified: not before, and in any order."""
    shop.knows_no_address()
    events = []
    for step in steps:
        events.append(shop.becomes(**step))
        if not is_late:
            assert shop.deliver(events[-1]) == [DONE]
            assert shop.email() == (NEW if "email_verified" in step else OLD)
    for each in reversed(events):
        assert shop.deliver(each) == [DONE]

    assert shop.email() == NEW


@pytest.mark.parametrize("back", [OLD, NEW])
def test_an_edit_of_an_address_that_was_never_verified(shop: Events, back: str) -> None:
    """Stays, as any edit in Stripe, until Auth0's is another one, and is verified."""
    shop.knows_no_address()
    assert shop.deliver(shop.becomes(name="Countess")) == [DONE]
    assert shop.deliver(shop.edits(email="billing@example.com")) == [DONE]
    assert shop.deliver(shop.becomes(email=back, email_verified=True)) == [DONE]

    assert shop.email() == ("billing@example.com" if back == OLD else NEW)
    assert "held" not in shop.memory()


def test_a_change_is_followed(shop: Events) -> None:
    """By one event, and its echo from Stripe is done with by one read."""
    assert shop.deliver(shop.renamed("Countess")) == [DONE]
    assert shop.name() == "Countess"
    after = shop.stripe.account.retrieve(shop.adas)
    echo = stripe_event("customer.updated", after, {"name": "Ada"})
    looks = shop.calls(LOOK)

    assert shop.deliver(echo) == [DONE]
    assert shop.calls(LOOK) == looks
    assert shop.told.lines == [(ADA, SyncOutcome.DONE, 1), (ADA, SyncOutcome.NOTHING, 1)]


def test_what_comes_together_is_one_look(shop: Events) -> None:
    """Of each user, whatever came twice or in another order; others are looked at beside."""
    shop.linked(BOB, "bob@example.com", "Bob")
    first, second = shop.renamed("Countess"), shop.renamed("Ada L.")
    bobs = shop.renamed("Robert", BOB)

    assert shop.deliver(second, first, bobs, first, shop.edits(phone="1")) == [DONE] * 5
    assert shop.name() == "Ada L."
    assert shop.told.lines == [
        (ADA, SyncOutcome.DONE, 3),
        (BOB, SyncOutcome.DONE, 1),
        Passed.IRRELEVANT,
    ]


def test_late_and_twice(shop: Events) -> None:
    """Hours later, of a name that is no more, and again: both sides are read, none is written."""
    stale = shop.renamed("Countess")
    shop.deliver(shop.renamed("Ada L."))
    updates = shop.calls("stripe update")

    assert shop.deliver(stale) + shop.deliver(stale) == [DONE, DONE]
    assert (shop.name(), shop.calls("stripe update")) == ("Ada L.", updates)


def storm(shop: Events, users: int, changes: int) -> tuple[int, int]:
    """Let names change, and deliver the events late, twice and shuffled, with their echoes.

    Return how many events there were, and how many writes they led to.
    """
    chance = random.Random(7)
    people = [user(f"u{each}") for each in range(users)]
    made = {each: shop.linked(each, f"{each.user_id[6:]}@example.com") for each in people}
    waiting = [shop.renamed(f"Name {at}", chance.choice(people)) for at in range(changes)]
    shop.made.clear()
    waiting += chance.sample(waiting, changes // 2)
    chance.shuffle(waiting)
    count = 0
    while waiting:
        before = {each: shop.stripe.account.retrieve(made[each]) for each in people}
        some, waiting = waiting[:5], waiting[5:]
        assert shop.deliver(*some) == [DONE] * len(some)
        count += len(some)
        after = {each: shop.stripe.account.retrieve(made[each]) for each in people}
        waiting += [
            stripe_event("customer.updated", after[each], changed(before[each], after[each]))
            for each in people
            if before[each] != after[each]
        ]
    for each in people:
        assert shop.values(made[each])["name"] == shop.tenant.profiles[each.user_id].name
    return count, shop.calls(UPDATE)


def test_a_storm(shop: Events) -> None:
    """No more writes than users whose name has changed: events of one time lead to one look."""
    count, writes = storm(shop, users=20, changes=100)

    assert count > 150
    assert writes <= 20


def test_an_edit_stays(shop: Events) -> None:
    """As the policy has it by default, and its event says so."""
    assert shop.deliver(shop.edits(name="Edited")) == [DONE]
    assert shop.name() == "Edited"


def test_a_renamed_customer_leads_to_both(shop: Events) -> None:
    """The one whom it named and the one whom it names: neither is written to."""
    shop.tenant.add(BOB, "bob@example.com")
    event = shop.edits(metadata={"auth0_user_id": BOB.user_id})

    assert shop.deliver(event) == [DONE]
    assert {each[0] for each in shop.told.lines if isinstance(each, tuple)} == {ADA, BOB}


def test_a_deleted_customer(shop: Events) -> None:
    """The id leaves the profile."""
    shop.stripe.account.delete(shop.adas)
    body = {"id": shop.adas, "metadata": {"auth0_user_id": ADA.user_id, "auth0_tenant": "acme"}}

    assert shop.deliver(stripe_event("customer.deleted", body)) == [DONE]
    assert shop.tenant.profiles[ADA.user_id].customer_id is None


@pytest.mark.parametrize("body", ["", "[]", '{"source": "x"}'])
def test_nobody_can_read_it(shop: Events, body: str) -> None:
    """Dead at first sight, and nothing else stops."""
    assert shop.deliver(body, shop.renamed("Countess")) == [DEAD, DONE]
    assert shop.name() == "Countess"


def test_others_events_change_nothing(shop: Events) -> None:
    """Another tenant's, test data's under a live key, Auth0's test: told, and done with."""
    gone = {"user_id": ADA.user_id}
    events = [
        auth0_event("user.deleted", gone, tenant="other"),
        auth0_event("user.deleted", gone, is_test=True),
        stripe_event("customer.deleted", {"id": shop.adas}, is_live=True),
    ]
    before = shop.memory()

    assert shop.deliver(*events) == [DONE] * 3
    assert shop.told.lines == [Passed.OTHER_TENANT, Passed.TEST, Passed.OTHER_MODE]
    assert shop.memory() == before


class TestTrouble:
    """What another try may mend waits in the queue, and then in the ledger."""

    @pytest.fixture(params=["stripe", "lease", "sign-up", "tenant", "credentials"])
    def hindered(self, shop: Events, request: pytest.FixtureRequest) -> Events:
        """Return a shop in which Ada cannot be followed for now."""
        match request.param:
            case "stripe":
                shop.fails(LOOK, Kind.LOST, times=99)
            case "lease":
                WorldOperator(shop).sync_ledger().take(ADA)
            case "sign-up":
                shop.moves(marker=Marker.UNFINISHED)
                shop.table.items[f"signup#{TENANT}#{ADA.user_id}"]["state"] = {"S": State.OPEN}
            case "tenant":
                shop.cannot_be_read(OSError("ada@example.com"))
            case "credentials":
                shop.cannot_be_read(ConfigurationError("the secret is wrong"))
        return shop

    def test_waits_then_is_parked(self, hindered: Events) -> None:
        """The third time the message is done with, since the ledger knows when Ada is due."""
        event = hindered.renamed("Countess")
        for receives in range(1, PARKED_AT):
            assert hindered.deliver(event, receives=receives) == [AGAIN]
            assert hindered.due_at() is None

        assert hindered.deliver(event, receives=PARKED_AT) == [DONE]
        assert hindered.due_at() is not None
        assert hindered.told.lines[-1] == f"parked {ADA.user_id}"


def test_many_events_are_parked_once(shop: Events) -> None:
    """With whatever each of them said; one that came for the first time needs not wait either."""
    WorldOperator(shop).sync_ledger().take(ADA)
    first, second = shop.renamed("Countess"), shop.renamed("Ada L.")
    batch = shop.following().batch(
        [Message("1", json.dumps(first), PARKED_AT), Message("2", json.dumps(second), 1)]
    )

    assert [batch.end("1"), batch.end("2")] == [DONE, DONE]
    assert len(shop.memory()["hints"]["SS"]) == 3  # the address, and two names
    assert shop.told.lines.count(f"parked {ADA.user_id}") == 1


def test_what_is_parked_comes_back(shop: Events) -> None:
    """As a message of the repair's: followed once it is due, and then due no more."""
    shop.cannot_be_read(OSError())
    shop.deliver(shop.renamed("Countess"), receives=PARKED_AT)
    shop.trouble = {}
    shop.clock.sleep(LATER)
    looks = shop.calls(LOOK)
    assert shop.deliver(due(ADA)) == [DONE]
    assert (shop.name(), shop.calls(LOOK)) == ("Ada", looks)

    shop.clock.sleep(300)
    assert shop.deliver(due(ADA), due(ADA)) == [DONE, DONE]
    assert (shop.name(), shop.due_at()) == ("Countess", None)


@pytest.mark.parametrize("error", [None, OSError, ConfigurationError, KeyError])
def test_what_is_due_never_waits_in_the_queue(shop: Events, error: type[Exception] | None) -> None:
    """The ledger brings it again, and would fill the queue with it."""
    WorldOperator(shop).sync_ledger().park(ADA, 0.0, {})
    if error:
        shop.cannot_be_read(error())
    else:
        WorldOperator(shop).sync_ledger().take(ADA)

    assert shop.deliver(due(ADA), receives=9) == [DONE]
    assert shop.due_at() is not None


@pytest.mark.parametrize(
    ("receives", "ending"), [(1, AGAIN), (DEAD_AT - 1, AGAIN), (DEAD_AT, DEAD)]
)
@pytest.mark.parametrize("bug", [KeyError, TypeError, RecursionError])
def test_bugs(shop: Events, bug: type[Exception], receives: int, ending: Ending) -> None:
    """Of one user's: told, and for a person to see at the fifth time; others are followed."""
    shop.linked(BOB, "bob@example.com", "Bob")
    events = shop.renamed("Countess"), shop.renamed("Robert", BOB)
    shop.cannot_be_read(bug("ada@example.com"))

    assert shop.deliver(*events, receives=receives) == [ending, DONE]
    assert f"bug {bug.__name__}" in shop.told.lines


def test_bugs_end(shop: Events) -> None:
    """Before SQS gives the message up, so that what was told of it is ours."""
    shop.cannot_be_read(KeyError("ada@example.com"))
    event = shop.renamed("Countess")
    endings = [shop.deliver(event, receives=each)[0] for each in range(1, 11)]

    assert endings.index(DEAD) == DEAD_AT - 1 < 9


def test_no_time_left(shop: Events) -> None:
    """What is not begun stays in the queue, or is parked; nothing is lost."""
    shop.has_time = False
    event = shop.renamed("Countess")

    assert shop.deliver(event) == [AGAIN]
    assert shop.deliver(event, receives=3) == [DONE]
    assert shop.due_at() is not None


def test_a_silent_ledger_loses_nothing(shop: Events) -> None:
    """While nothing can be written down, whatever comes stays in the queue."""
    events = shop.renamed("Countess"), auth0_event("user.created", {"user_id": BOB.user_id})
    shop.fails("", Kind.LOST, times=99)

    assert shop.deliver(*events, receives=9) == [AGAIN, AGAIN]


def test_who_was_made_is_remembered(shop: Events) -> None:
    """For a quarter of an hour since; whenever the event comes, and however often."""
    made = {"user_id": BOB.user_id, "created_at": "2026-11-18T08:00:00Z"}
    assert shop.deliver(auth0_event("user.created", made)) == [DONE]
    noted = dict(shop.table.items[CREATED])
    assert shop.deliver(auth0_event("user.created", made)) == [DONE]

    assert shop.table.items[CREATED] == noted
    assert float(noted["open_since"]["N"]) == 1_794_988_800 + REPORTED_WITHIN_SECONDS
    assert shop.told.lines == []


@pytest.mark.parametrize("year", [2027, 2400, 9999])
def test_who_is_to_be_made_in_years(shop: Events, year: int) -> None:
    """Is one who was made now: else nobody would look before."""
    made = {"user_id": BOB.user_id, "created_at": f"{year}-12-31T08:00:00Z"}
    assert shop.deliver(auth0_event("user.created", made)) == [DONE]

    due_at = float(shop.table.items[CREATED]["open_since"]["N"])
    assert due_at == shop.clock.time() + REPORTED_WITHIN_SECONDS


def test_who_was_made_and_has_signed_up(shop: Events) -> None:
    """Is not noted: their first login was reported."""
    made = {"user_id": ADA.user_id, "created_at": "2026-11-18T08:00:00Z"}
    assert shop.deliver(auth0_event("user.created", made)) == [DONE]

    assert f"created#{TENANT}#{ADA.user_id}" not in shop.table.items


@pytest.mark.parametrize(
    ("changes", "is_known"),
    [
        ({}, True),
        ({"name": None}, True),
        ({"name": "Countess"}, False),
        ({"email": NEW}, False),
        ({"customer_id": None}, False),
        ({"customer_id": CustomerId("cus_2")}, False),
    ],
)
def test_without_what_was_before(shop: Events, changes: dict[str, Any], *, is_known: bool) -> None:
    """One read of the ledger tells whether what the event shows was applied."""
    shown = replace(shop.tenant.profiles[ADA.user_id], **changes)
    looks = shop.calls(LOOK)
    shop.deliver(auth0_event("user.updated", as_event(shown)))

    assert (shop.calls(LOOK) == looks) is is_known


def test_a_write_under_way_is_looked_at(shop: Events) -> None:
    """What was applied says nothing then, and nor does it by another key."""
    event = auth0_event("user.updated", as_event(shop.tenant.profiles[ADA.user_id]))
    for attribute, value in (("writing", {"M": {"name": {"SS": ["0"]}}}), ("keyed_by", {"S": "x"})):
        shop.memory()[attribute] = value
        looks = shop.calls(LOOK)
        shop.deliver(event)

        assert shop.calls(LOOK) > looks


@pytest.mark.parametrize("days", [1, 10, 29])
@pytest.mark.parametrize("kind", ["user.created", "user.updated"])
def test_who_is_back_was_not_gone(shop: Events, kind: str, days: int) -> None:
    """The first event that shows them ends the grace, though nothing of theirs has changed."""
    profile = shop.tenant.profiles.pop(ADA.user_id)
    policy = SyncPolicy(deleted_users=DeletedUsers.DELETE)
    shop.sync(ADA, policy)
    assert "gone_until" in shop.memory()
    shop.clock.sleep(days * DAY_SECONDS)
    shop.tenant.profiles[ADA.user_id] = profile

    assert shop.deliver(auth0_event(kind, as_event(profile))) == [DONE]
    assert "gone_until" not in shop.memory()
    del shop.tenant.profiles[ADA.user_id]
    shop.sync(ADA, policy)
    grace = float(shop.memory()["gone_until"]["N"]) - shop.clock.time()
    assert grace == policy.grace_seconds


def test_late_event_of_who_is_gone(shop: Events) -> None:
    """They were made before they went: their time stays as it was."""
    profile = shop.tenant.profiles.pop(ADA.user_id)
    shop.sync(ADA, SyncPolicy(deleted_users=DeletedUsers.DELETE))
    until = shop.memory()["gone_until"]

    assert shop.deliver(auth0_event("user.created", as_event(profile))) == [DONE]
    assert shop.memory()["gone_until"] == until
