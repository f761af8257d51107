"""A batch of events is followed: each user is looked at once, and each message ends.

The queue is the trigger, and the ledger is the memory: what fails three times is owed there, and
what is owed comes back as a message of its own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from customerlink.model.customer_values import Former, Told, folded
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.events import EventKind, Passed, Served, Sighting, Sightings, read_event
from customerlink.model.frozen import field, frozen
from customerlink.model.message_fields import Unreadable
from customerlink.model.sync_memory import Digests, Memory
from customerlink.model.trouble import Trouble
from customerlink.model.user import User
from customerlink.ports.deadline import Clock
from customerlink.ports.newcomers import Newcomers
from customerlink.usecases.sync import Sync
from customerlink.usecases.synced import Synced, SyncOutcome

PARKED_AT = 3
"""From so many receives on, what another try may mend is the ledger's to remember."""

DEAD_AT = 5
"""From so many receives on, what a bug hinders is for a person to look at."""

REPORTED_WITHIN_SECONDS = 15 * 60.0
"""After so long nobody who was made has to log in any more for the first time unreported."""


class Ending(StrEnum):
    """What becomes of a message."""

    DONE = "done"
    AGAIN = "again"
    """It stays in the queue."""
    DEAD = "dead"
    """It goes to the dead letters."""


_WORST = (Ending.AGAIN, Ending.DEAD, Ending.DONE)
"""Of one message, that leads to several users: what is not done yet comes again."""


@frozen
class Message:
    """A message as the queue delivers it."""

    id: str
    body: str = field(repr=False)
    receives: int = 1
    """How often it was delivered, this time included."""


class Report(Protocol):
    """What is told of a batch: nothing personal."""

    def passed(self, why: Passed) -> None:
        """Tell of an event that leads to nobody."""
        ...

    def unreadable(self, why: Unreadable) -> None:
        """Tell of a message that is no event."""
        ...

    def looked(self, user: User, kinds: Iterable[EventKind], synced: Synced) -> None:
        """Tell what a look at a user led to."""
        ...

    def failed(self, user: User, kinds: Iterable[EventKind], error: Exception) -> None:
        """Tell of trouble with one of the services."""
        ...

    def bug(self, error: Exception) -> None:
        """Tell of what nobody expected."""
        ...

    def parked(self, user: User) -> None:
        """Tell that the ledger owes a user a look."""
        ...


@dataclass(frozen=True)
class Follow:
    """Follows events of one tenant and one Stripe account."""

    served: Served
    sync: Sync
    newcomers: Newcomers
    trouble_of: Callable[[Exception], Trouble]
    report: Report
    clock: Clock
    has_time: Callable[[], bool] = lambda: True
    """Whether a look at another user may begin."""

    def batch(self, messages: Iterable[Message]) -> "Batch":
        """Read some messages; nothing is done yet."""
        return Batch(self, {each.id: each for each in messages})


type _Look = Synced | Exception | None
"""What became of a look; None where it was not begun."""


class Batch:
    """Messages that were delivered together: what they say of one user is one reason to look."""

    def __init__(self, follow: Follow, messages: dict[str, Message]) -> None:
        """Read them, and group them by user."""
        self._follow, self._messages = follow, messages
        self._read = {key: read_event(each.body, follow.served) for key, each in messages.items()}
        self._about: dict[User, list[tuple[Sighting, int]]] = {}
        for key, found in self._read.items():
            for sighting in found if isinstance(found, tuple) else ():
                about = self._about.setdefault(sighting.user, [])
                about.append((sighting, messages[key].receives))
        self._looks: dict[User, _Look] = {}
        self._parked: set[User] = set()

    @property
    def is_refused(self) -> bool:
        """Return whether a service has refused our credentials, as all the next ones would be."""
        raised = [each for each in self._looks.values() if isinstance(each, Exception)]
        return Trouble.LASTING in map(self._follow.trouble_of, raised)

    def end(self, key: str) -> Ending:
        """Do what a message asks for, unless it is done, and say what becomes of it."""
        found, message = self._read[key], self._messages[key]
        if isinstance(found, Unreadable):
            self._follow.report.unreadable(found)
            return Ending.DEAD
        if isinstance(found, Passed):
            self._follow.report.passed(found)
            return Ending.DONE
        return self._worst(found, message)

    def _worst(self, sightings: Sightings, message: Message) -> Ending:
        # All of them, even if one ends badly: the others are not to wait for it.
        endings = [self._end(each, message) for each in sightings]
        return next(each for each in _WORST if each in endings)

    def _end(self, sighting: Sighting, message: Message) -> Ending:
        noted = self._noted(sighting) if sighting.kind is EventKind.USER_CREATED else None
        if noted is not None:
            return noted
        user = sighting.user
        if user not in self._looks:
            self._looks[user] = self._looked_at(user)
        look = self._looks[user]
        if isinstance(look, Synced) and look.outcome is not SyncOutcome.AGAIN:
            return Ending.DONE
        # What is due stays so until it is done: the ledger brings it again, and the queue need not.
        if sighting.kind is EventKind.DUE:
            return Ending.DONE
        if isinstance(look, Exception) and self._is_bug(look):
            return Ending.DEAD if message.receives >= DEAD_AT else Ending.AGAIN
        return self._put_off(user)

    def _is_bug(self, error: Exception) -> bool:
        return self._follow.trouble_of(error) is Trouble.OF_THE_ROW

    def _looked_at(self, user: User) -> _Look:
        follow, about = self._follow, [each for each, _ in self._about[user]]
        if not follow.has_time():
            return None
        kinds = [each.kind for each in about]
        try:
            synced = self._known(user, about) or follow.sync.reconcile(user, _told(about))
        except Exception as error:  # noqa: BLE001 (one user's; its text may be personal)
            follow.report.failed(user, kinds, error)
            if self._is_bug(error):
                follow.report.bug(error)
            return error
        follow.report.looked(user, kinds, synced)
        return synced

    def _known(self, user: User, about: list[Sighting]) -> Synced | None:
        """Return that there is nothing to do, where one read of the ledger tells."""
        if not all(each.shown or each.kind is EventKind.DUE for each in about):
            return None
        sync, now = self._follow.sync, self._follow.clock.time()
        try:
            memory = sync.invocations.sync_ledger().recall(user)
        except LedgerUnavailableError:
            return None
        digests = sync.rules.digests
        is_known = all(_is_known(each, memory, digests, now) for each in about)
        return Synced(SyncOutcome.NOTHING) if is_known else None

    def _put_off(self, user: User) -> Ending:
        """Leave it to the queue at first, and then to the ledger: many events become one look."""
        about = self._about[user]
        if max(receives for _, receives in about) < PARKED_AT:
            return Ending.AGAIN
        if user not in self._parked:
            try:
                self._follow.sync.park(user, _told(each for each, _ in about))
            except LedgerUnavailableError:
                return Ending.AGAIN
            self._parked.add(user)
            self._follow.report.parked(user)
        return Ending.DONE

    def _noted(self, sighting: Sighting) -> Ending | None:
        """Remember whom Auth0 has made: their first login is to be reported.

        None where they were gone before, under the same id: whoever is back is looked at.
        """
        user, newcomers = sighting.user, self._follow.newcomers
        try:
            if not newcomers.has_record(user):
                newcomers.note(user, self._made_at(sighting) + REPORTED_WITHIN_SECONDS)
            memory = self._follow.sync.invocations.sync_ledger().recall(user)
        except LedgerUnavailableError:
            return Ending.AGAIN
        return Ending.DONE if memory.gone_since is None else None

    def _made_at(self, sighting: Sighting) -> float:
        """Return when a user was made; who is to be made in years would be looked at in years."""
        now, made = self._follow.clock.time(), sighting.created_at
        return min(made.timestamp(), now) if made else now


def _told(about: Iterable[Sighting]) -> Told:
    """Return all that events say of a user, as one."""
    told = [each.told for each in about]
    return Told(
        hints=tuple(hint for each in told for hint in each.hints),
        edits=tuple(edit for each in told for edit in each.edits),
    )


def _is_known(sighting: Sighting, memory: Memory, digests: Digests, now: float) -> bool:
    """Return whether what an event shows was applied last: an echo, or what nobody cares for."""
    if sighting.kind is EventKind.DUE:
        return memory.due_at is None or memory.due_at > now
    return sighting.shown is not None and _is_applied(sighting.shown, memory, digests)


def _is_applied(shown: Former, memory: Memory, digests: Digests) -> bool:
    # With a write under way, or another key, what was applied says nothing. And whoever is back
    # is not to be taken for gone: a later deletion waits its whole time.
    is_of_it = memory.customer_id == shown.customer_id and memory.keyed_by == digests.name
    return (
        is_of_it
        and not memory.writing
        and memory.gone_since is None
        and all(
            memory.applied.get(name) == digests.of(name, folded(name, value))
            for name, value in shown.values.items()
        )
    )
