"""Each invariant of the life after the sign-up is seen to break, in a world forged for it."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from tests.simulation.auth0 import TENANT, Auth0, User
from tests.simulation.faults import Faults
from tests.simulation.outside import World
from tests.simulation.reconciling import Attempt
from tests.simulation.scheduler import Scheduler
from tests.simulation.sync_oracle import SyncOracle
from tests.simulation.sync_rest import Rest

from customerlink.model.customer import DESCRIPTION
from customerlink.model.profile import Profile
from customerlink.model.sync import Decision, SyncAct, SyncReason, Verdict
from customerlink.model.sync_policy import DeletedUsers, EditedCustomers, SyncPolicy
from customerlink.model.user import CustomerId, UserId
from customerlink.usecases.synced import Synced, SyncOutcome

OLD, NEW = "old@example.com", "new@example.com"
DAY = 24 * 3600.0


class Forged:
    """Ada, who has a customer, and whatever is done to the two."""

    def __init__(self) -> None:
        """Start with both sides alike."""
        scheduler = Scheduler()
        nothing = Faults(Random(0), 0.0, 0, 0.0, frozenset())
        self.world = World(scheduler, nothing, Random(0))
        self.auth0, self.told = Auth0(self.world), list[str]()
        self.oracle = SyncOracle(self.world, self.auth0, self.told.append)
        self.oracle.watch_policy(SyncPolicy())
        self.world.on_changed = self.oracle.customer_changed
        self.ada = self.user("ada", OLD)
        self.adas = self.customer(self.ada)
        self.numbers = 0

    def user(self, name: str, email: str) -> User:
        """Let there be a user."""
        user = User(f"auth0|{name}", email, is_verified=True, name="Ada")
        self.auth0.users[user.user_id] = user
        self.oracle.user_changed(user)
        return user

    def customer(self, user: User | None) -> str:
        """Let there be a customer of a user's, or of nobody's."""
        named = {"auth0_user_id": user.user_id, "auth0_tenant": TENANT} if user else {}
        params = {"email": OLD, "name": "Ada", "description": DESCRIPTION, "metadata": named}
        made: str = self.world.create(params)["id"]
        if user is not None:
            user.metadata = {"stripe_customer_id": made}
        return made

    def changes(self, **values: Any) -> None:
        """Let Ada's profile change."""
        self.later(1)
        for name, value in values.items():
            setattr(self.ada, name, value)
        self.oracle.user_changed(self.ada)

    def edit(self, **values: Any) -> None:
        """Let a person change Ada's customer."""
        self.later(1)
        self.world.update(self.adas, values, by_person=True)

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.world.scheduler.now += seconds

    def attempt(self, customer_id: str | None = None, user: User | None = None) -> Attempt:
        """Let a reconciliation of Ada's read both sides."""
        self.later(1)
        self.numbers += 1
        user, now = user or self.ada, self.world.scheduler.now
        attempt = Attempt(self.world, user.user_id, self.numbers, self.oracle.called, started=now)
        self.oracle.begun(attempt)
        attempt.trail, attempt.read_since = ["get", "read", "look"], now
        attempt.looked(self.world.stripe.retrieve(customer_id or self.adas), now)
        return attempt

    def write(self, attempt: Attempt, customer_id: str | None = None, **values: Any) -> None:
        """Let it write to a customer."""
        self.later(1)
        attempt.called("update", customer_id or self.adas, values)
        self.world.update(customer_id or self.adas, values, by=attempt)

    def ends(self, attempt: Attempt, **verdicts: Verdict) -> None:
        """Let it end."""
        values = {"email": str(self.ada.email), "name": self.ada.full_name}
        decision = self.decision(SyncAct.COMPARE, values=values, **verdicts)
        attempt.synced = Synced(SyncOutcome.DONE, decision)
        self.world.table.items[f"signup#{TENANT}#{self.ada.user_id}"] = {
            "customer_id": {"S": self.adas}
        }
        self.oracle.ended(attempt)

    def decision(
        self, act: SyncAct, values: dict[str, str] | None = None, **verdicts: Verdict
    ) -> Decision:
        """Return what sync says of Ada."""
        found = verdicts, values or {}
        return Decision(act, SyncReason.DIFFERS, CustomerId(self.adas), *found)

    def rests(self, act: SyncAct = SyncAct.COMPARE, **verdicts: Verdict) -> None:
        """Let nothing be left to do."""
        decision = self.decision(act, {"email": str(self.ada.email), "name": "Ada"}, **verdicts)
        Rest(self.oracle, {self.ada.user_id: decision}).judge()

    def settled(self) -> None:
        """Let both sides be known to agree."""
        self.ends(self.attempt(), name=Verdict.AGREED, email=Verdict.AGREED)

    def gone(self, policy: DeletedUsers, days: float = 0.0) -> Attempt:
        """Let Ada be deleted some time ago, and looked at."""
        self.oracle.watch_policy(SyncPolicy(deleted_users=policy, deleted_users_days=1))
        self.oracle.user_deleted(self.auth0.users.pop(self.ada.user_id))
        self.later(days * DAY)
        return self.attempt()

    def parts(self, attempt: Attempt) -> None:
        """Let Ada's customer be deleted."""
        self.world.delete(self.adas, by=attempt)

    def unlinks(self, attempt: Attempt) -> None:
        """Let Ada's customer name nobody any more."""
        self.write(attempt, metadata={"auth0_user_id": "", "auth0_tenant": ""})


def nobody_looked(world: Forged) -> None:
    """Write something without a look."""
    attempt = world.attempt()
    attempt.trail = ["look"]
    world.changes(name="Lady")
    world.write(attempt, name="Lady")


def waits(world: Forged) -> None:
    """Look, wait for a record, and write."""
    world.changes(name="Lady")
    attempt = world.attempt()
    attempt.called("write", "signup#acme#auth0|ada")
    world.write(attempt, name="Lady")


def anothers(world: Forged) -> None:
    """Write a customer that names somebody else."""
    bobs = world.customer(world.user("bob", NEW))
    world.changes(name="Lady")
    world.write(world.attempt(bobs), bobs, name="Lady")


def nobodys(world: Forged) -> None:
    """Take a customer of nobody's, of which no record says anything."""
    made = world.customer(None)
    world.write(world.attempt(made), made, metadata={"auth0_user_id": world.ada.user_id})


def the_shops(world: Forged) -> None:
    """Write a field that is the shop's."""
    world.changes(name="Lady")
    world.write(world.attempt(), name="Lady", phone="+1 555")


def not_auth0s(world: Forged) -> None:
    """Write what Auth0 does not have, or had before the profile was read."""
    world.changes(name="Lady")
    world.changes(name="Countess")
    world.write(world.attempt(), name="Lady")


def looked_meanwhile(world: Forged) -> None:
    """Write what lands after another one has looked."""
    world.changes(name="Lady")
    attempt = world.attempt()
    attempt.called("update", world.adas, {"name": "Lady"})
    world.attempt()
    world.world.update(world.adas, {"name": "Lady"}, by=attempt)


def over_an_edit(world: Forged) -> None:
    """Write over what a person wrote, and Auth0 has not changed since."""
    world.settled()
    world.edit(name="Shop's")
    world.write(world.attempt(), name="Ada")


def over_an_edit_of_before(world: Forged) -> None:
    """Write over what a person wrote before both sides were ever known to agree."""
    world.edit(name="Shop's")
    world.write(world.attempt(), name="Ada")


def clears(world: Forged) -> None:
    """Clear the link of a customer that is there."""
    link: dict[str, str | None] = {"stripe_customer_id": None}
    world.oracle.merged(world.attempt(), world.ada.user_id, link)


def clears_another(world: Forged) -> None:
    """Clear a link by what was seen of another customer."""
    world.world.delete(world.adas)
    attempt = world.attempt()
    attempt.read = Profile(UserId(world.ada.user_id), customer_id=CustomerId("cus_9"))
    world.oracle.merged(attempt, world.ada.user_id, {"stripe_customer_id": None})


def clears_by_another_key(world: Forged) -> None:
    """Clear a link by another account's key."""
    world.world.delete(world.adas)
    attempt = world.attempt()
    attempt.is_foreign = True
    world.oracle.merged(attempt, world.ada.user_id, {"stripe_customer_id": None})


def deletes_kept(world: Forged) -> None:
    """Delete, where policy keeps."""
    world.parts(world.gone(DeletedUsers.KEEP, days=2))


def deletes_unlinked(world: Forged) -> None:
    """Delete, where policy unlinks."""
    world.parts(world.gone(DeletedUsers.UNLINK, days=2))


def deletes_early(world: Forged) -> None:
    """Delete within the grace."""
    world.parts(world.gone(DeletedUsers.DELETE, days=0.9))


def deletes_of_who_is_there(world: Forged) -> None:
    """Delete the customer of a user who is there."""
    world.oracle.watch_policy(SyncPolicy(deleted_users=DeletedUsers.DELETE))
    world.parts(world.attempt())


def deletes_linked(world: Forged) -> None:
    """Delete the customer of an account that was linked into another one."""
    bob = world.user("bob", NEW)
    bob.identities = [world.ada.user_id]
    world.parts(world.gone(DeletedUsers.DELETE, days=2))


def deletes_subscribed(world: Forged) -> None:
    """Delete a customer with a subscription."""
    world.oracle.subscribed[world.adas] = 0.0
    world.parts(world.gone(DeletedUsers.DELETE, days=2))


def deletes_the_shops(world: Forged) -> None:
    """Delete a customer that a person has made."""
    world.edit(description="a regular")
    world.parts(world.gone(DeletedUsers.DELETE, days=2))


def deletes_claimed(world: Forged) -> None:
    """Delete a customer that was adopted."""
    world.world.table.items[f"adoption#{world.adas}"] = {}
    world.parts(world.gone(DeletedUsers.DELETE, days=2))


def deletes_carried(world: Forged) -> None:
    """Delete a customer whose id another user's profile has."""
    world.user("bob", NEW).metadata = {"stripe_customer_id": world.adas}
    world.parts(world.gone(DeletedUsers.DELETE, days=2))


def unlinks_early(world: Forged) -> None:
    """Unlink within the hour."""
    world.unlinks(world.gone(DeletedUsers.UNLINK, days=0.01))


def unlinks_of_who_is_there(world: Forged) -> None:
    """Unlink the customer of a user who is there."""
    world.oracle.watch_policy(SyncPolicy(deleted_users=DeletedUsers.UNLINK))
    world.unlinks(world.attempt())


def argues(world: Forged) -> None:
    """Correct a fourth time in a day."""
    world.oracle.watch_policy(SyncPolicy(edited_customers=EditedCustomers.RESTORE))
    world.settled()
    for _ in range(4):
        world.edit(name="Shop's")
        world.write(world.attempt(), name="Ada")


def echoes(world: Forged) -> None:
    """Answer its own write's event with another write."""
    world.settled()
    world.write(world.attempt(), name="Ada")


def writes_more_than_changes(world: Forged) -> None:
    """Write three times for one change."""
    world.oracle.changes.clear()
    for name in ("Lady", "Ada", "Countess"):
        world.oracle.had[world.ada.user_id, "name"].append((0.0, name))
        attempt = world.attempt()
        world.write(attempt, name=name)
        world.ends(attempt)
    world.ada.name = "Countess"
    world.rests()


def trespasses(world: Forged) -> None:
    """Let a login ask for what sync remembers."""
    world.oracle.trespassed("invocation-1", f"sync#{TENANT}#auth0|ada")


def loses_an_event(world: Forged) -> None:
    """Be done with an event that nobody has looked upon."""
    world.settled()
    world.later(1)
    world.oracle.acknowledged(world.ada.user_id, world.world.scheduler.now)


def differs(world: Forged) -> None:
    """Take for an edit what nobody has edited."""
    world.settled()
    world.changes(name="Lady")
    world.rests(name=Verdict.EDITED)


def differs_since(world: Forged) -> None:
    """Keep an edit although Auth0 has changed since."""
    world.settled()
    world.edit(name="Shop's")
    world.changes(name="Lady")
    world.rests(name=Verdict.EDITED)


def is_left(world: Forged) -> None:
    """Leave undone what could be done."""
    world.settled()
    world.changes(name="Lady")
    world.rests(name=Verdict.CHANGED)


def waits_for_each_other(world: Forged) -> None:
    """Leave two users who swapped, each to wait for the other."""
    bob = world.user("bob", OLD)
    bobs = world.customer(bob)
    world.settled()
    world.changes(email=NEW)
    world.world.update(bobs, {"email": NEW}, by_person=True)
    moving = Verdict.CHANGED
    adas = world.decision(SyncAct.COMPARE, {"email": NEW}, email=moving)
    found = Decision(
        SyncAct.COMPARE, SyncReason.DIFFERS, CustomerId(bobs), {"email": moving}, {"email": OLD}
    )
    Rest(world.oracle, {world.ada.user_id: adas, bob.user_id: found}).judge()


def is_held(world: Forged) -> None:
    """Hold a true link."""
    world.settled()
    world.changes(name="Lady")
    world.rests(SyncAct.HOLD)


def is_told_of(world: Forged) -> None:
    """Not know which is newer, although an event has said what Auth0 had."""
    world.changes(name="Lady")
    world.rests(name=Verdict.UNKNOWN)


def gives_up_early(world: Forged) -> None:
    """Call contested what was never corrected."""
    world.settled()
    world.edit(name="Shop's")
    world.rests(name=Verdict.CONTESTED)


def does_not_enrol(world: Forged) -> None:
    """Find a true link, and let the ledger not know of it."""
    attempt = world.attempt()
    attempt.synced = Synced(SyncOutcome.DONE, world.decision(SyncAct.COMPARE))
    world.oracle.ended(attempt)


BROKEN: list[tuple[Callable[[Forged], None], str]] = [
    *((each, "12:") for each in (nobody_looked, waits)),
    *((each, "14:") for each in (anothers, nobodys, the_shops)),
    *((each, "15:") for each in (not_auth0s, does_not_enrol)),
    *((each, "15:") for each in (differs, differs_since, is_left, waits_for_each_other)),
    *((each, "15:") for each in (is_held, is_told_of, gives_up_early)),
    *((each, "16:") for each in (over_an_edit, over_an_edit_of_before)),
    *((each, "17:") for each in (clears, clears_another, clears_by_another_key)),
    *((each, "18:") for each in (deletes_kept, deletes_unlinked, deletes_early, deletes_linked)),
    *((each, "18:") for each in (deletes_of_who_is_there, deletes_subscribed, deletes_claimed)),
    *(
        (each, "18:")
        for each in (deletes_the_shops, deletes_carried, unlinks_early, unlinks_of_who_is_there)
    ),
    *((each, "19:") for each in (argues, echoes, writes_more_than_changes)),
    (trespasses, "20:"),
    (loses_an_event, "21:"),
    (looked_meanwhile, "a write of sync-1 lands after another one has looked"),
]


@pytest.mark.parametrize(("forge", "text"), BROKEN, ids=lambda each: getattr(each, "__name__", ""))
def test_what_breaks_an_invariant(forge: Callable[[Forged], None], text: str) -> None:
    """It is told, by the number of the invariant, and nothing else is."""
    world = Forged()
    forge(world)

    assert world.told != []
    assert [each for each in world.told if not each.startswith(text)] == []


def follows(world: Forged) -> None:
    """Write what Auth0 has changed, over an edit of before too."""
    world.settled()
    world.edit(name="Shop's")
    world.changes(name="Lady")
    attempt = world.attempt()
    world.write(attempt, name="Lady")
    world.ends(attempt, name=Verdict.CHANGED, email=Verdict.AGREED)
    world.rests(name=Verdict.AGREED)


def keeps(world: Forged) -> None:
    """Leave an edit."""
    world.settled()
    world.edit(name="Shop's")
    world.rests(name=Verdict.EDITED)


def corrects(world: Forged) -> None:
    """Correct three times in a day."""
    world.oracle.watch_policy(SyncPolicy(edited_customers=EditedCustomers.RESTORE))
    world.settled()
    for _ in range(3):
        world.edit(name="Shop's")
        world.write(world.attempt(), name="Ada")


def clears_deleted(world: Forged) -> None:
    """Clear the link of a customer that was deleted."""
    world.world.delete(world.adas)
    world.oracle.merged(world.attempt(), world.ada.user_id, {"stripe_customer_id": None})


def deletes(world: Forged) -> None:
    """Delete after the grace."""
    world.parts(world.gone(DeletedUsers.DELETE, days=1))


def unlinks(world: Forged) -> None:
    """Unlink after an hour."""
    world.unlinks(world.gone(DeletedUsers.UNLINK, days=0.05))


def is_taken(world: Forged) -> None:
    """Wait for an address that somebody keeps."""
    world.settled()
    foreign = world.customer(None)
    world.world.update(foreign, {"email": NEW}, by_person=True)
    world.changes(email=NEW)
    world.rests(email=Verdict.CHANGED)


def looks_at_events(world: Forged) -> None:
    """Be done with an event once somebody has looked, or the ledger owes a look."""
    world.settled()
    world.oracle.acknowledged(world.ada.user_id, 0.5)
    world.later(1)
    world.world.table.items[f"sync#{TENANT}#{world.ada.user_id}"] = {"is_open": {"S": "sync"}}
    world.oracle.acknowledged(world.ada.user_id, world.world.scheduler.now)


@pytest.mark.parametrize(
    "live",
    [follows, keeps, corrects, clears_deleted, deletes, unlinks, is_taken, looks_at_events],
    ids=lambda each: each.__name__,
)
def test_what_breaks_none(live: Callable[[Forged], None]) -> None:
    """It is not told: a check that fails whatever happens would be no proof either."""
    world = Forged()
    live(world)

    assert world.told == []
