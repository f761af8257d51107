"""The function behind the queue, the repair's sweep and the command line, over the real use cases.

Powertools' part is left out: which messages of a batch come again is `follow_events`'s to say.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from tests.simulation.auth0 import TENANT, Auth0, ManagementError, User
from tests.simulation.events import Message, Queue
from tests.simulation.outside import EPOCH, SimulatedDynamoDb
from tests.simulation.reconciling import LEDGER, Reconciling, named
from tests.simulation.scheduler import Task
from tests.simulation.sync_oracle import SyncOracle

from customerlink.adapters.dynamodb.deletions import DynamoDbDeletions
from customerlink.adapters.trouble import trouble_of
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.events import EventKind, Passed, Served, due, read_event
from customerlink.model.message_fields import Unreadable
from customerlink.model.trouble import Trouble
from customerlink.model.user import Tenant, UserId
from customerlink.model.user import User as Named
from customerlink.ports.newcomers import Newcomers
from customerlink.ports.run import Run
from customerlink.usecases import follow_events
from customerlink.usecases.follow_events import Ending, Follow
from customerlink.usecases.synced import Synced
from customerlink.wiring.operator import SYNC_SECONDS

TIME_FOR_ONE_SECONDS = 10.0


class SyncFunction:
    """Every way in by which users are reconciled."""

    def __init__(
        self, auth0: Auth0, rng: Random, reconciling: Reconciling, oracle: SyncOracle
    ) -> None:
        """Work on the tenant."""
        self.auth0, self.world, self._rng = auth0, auth0.world, rng
        self._reconciling, self._oracle = reconciling, oracle
        self.queue = Queue(self.world, rng, self._invoked)
        self.taken: Counter[str] = Counter()

    def asks(self, user: User) -> None:
        """`customerlink sync USER --apply`."""
        self.taken["sync"] += 1

        def work(run: Run) -> None:
            try:
                self._reconciling.on(run).reconcile(named(user.user_id))
            except (ManagementError, LedgerUnavailableError) as trouble:
                self.world.tell(f"  {run.owner}: {user.user_id}: {type(trouble).__name__}")

        self.auth0.invoke(work, SYNC_SECONDS, "sync")

    def approves(self) -> None:
        """`customerlink approve-deletions --apply`: as many go as are seen to be held."""
        self.taken["approve-deletions"] += 1

        def work(run: Run) -> None:
            client: Any = SimulatedDynamoDb(self.world, run.owner)
            deletions = DynamoDbDeletions(client, LEDGER, run, Tenant(TENANT))
            a_day = self._reconciling.rules.policy.deletions_per_day
            try:
                held = [each for each in deletions.days() if each.is_held(a_day)]
                deletions.approve(held)
            except LedgerUnavailableError:
                return
            for each in held:
                self.world.tell(f"  {run.owner} approves {each.due} deletions")

        self.auth0.invoke(work, SYNC_SECONDS, "approve")

    def due(self) -> dict[str, float]:
        """Return who is to be looked at again, and when."""
        items = self.world.table.items.items()
        found = {key: each for key, each in items if key.startswith("sync#") and "is_open" in each}
        return {
            key.split("#", 2)[2]: float(each["open_since"]["N"]) - EPOCH
            for key, each in found.items()
        }

    def sweep(self) -> None:
        """Let the repair send those whose time has come to the queue; a message may be lost."""
        for user_id, moment in self.due().items():
            is_lost = not self.queue.is_calm and self._rng.random() < 0.1
            if moment <= self.world.scheduler.now and not is_lost:
                self.queue.send(due(Named(Tenant(TENANT), UserId(user_id))))

    def _invoked(self, batch: list[Message]) -> Task:
        self.taken["sync"] += 1
        return self.auth0.invoke(lambda run: self._handled(batch, run), SYNC_SECONDS, "sync")

    def _handled(self, batch: list[Message], run: Run) -> set[str]:
        rules = self._reconciling.rules
        served = Served(Tenant(TENANT), is_live=False, email_changes=rules.policy.email_changes)
        follow = Follow(
            served,
            self._reconciling.on(run),
            _Newcomers(),
            _trouble_of,
            _Report(self.world.tell),
            run.clock,
            lambda: run.deadline.remaining() >= TIME_FOR_ONE_SECONDS,
        )
        messages = [follow_events.Message(each.id, each.body, each.receives) for each in batch]
        following = follow.batch(messages)
        failed: set[str] = set()
        for each in batch:
            ending = following.end(each.id)
            if ending is Ending.AGAIN:
                failed.add(each.id)
            elif ending is Ending.DEAD:
                self.queue.dead.append(each)
            else:
                self._acknowledged(each, served)
        return failed

    def _acknowledged(self, message: Message, served: Served) -> None:
        found = read_event(message.body, served)
        for sighting in found if isinstance(found, tuple) else ():
            if sighting.kind is not EventKind.DUE and sighting.shown is None:
                self._oracle.acknowledged(sighting.user.user_id, message.sent)


class _Newcomers(Newcomers):
    """Nobody is noted: what becomes of first logins is another history."""

    def note(self, user: Named, due_at: float) -> None:
        """Note nobody."""

    def told(self, user: Named) -> None:
        """Tell of nobody."""

    def forget(self, user: Named) -> None:
        """Forget nobody."""

    def has_record(self, user: Named) -> bool:  # noqa: ARG002 (the port's signature)
        """Know nobody."""
        return False


class _Report(follow_events.Report):
    """What is told goes into the history's log."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def passed(self, why: Passed) -> None:
        """Tell nothing: most events are of no consequence."""

    def unreadable(self, why: Unreadable) -> None:
        """Tell of what must not be."""
        raise AssertionError(f"an event cannot be read: {why}")

    def looked(self, user: Named, kinds: Iterable[EventKind], synced: Synced) -> None:
        """Tell nothing: the reconciliation has."""

    def failed(self, user: Named, kinds: Iterable[EventKind], error: Exception) -> None:  # noqa: ARG002 (the port's)
        """Tell of an outage."""
        self._tell(f"  {user.user_id}: {type(error).__name__}")

    def bug(self, error: Exception) -> None:
        """Raise what nobody expected."""
        raise error

    def parked(self, user: Named) -> None:
        """Tell that the ledger owes a look."""
        self._tell(f"  {user.user_id} is parked")


def _trouble_of(error: Exception) -> Trouble:
    return Trouble.OUTAGE if isinstance(error, ManagementError) else trouble_of(error)
