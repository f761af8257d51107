"""Users provisioned side by side, until all are done with or somebody says stop."""

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial

from customerlink.adapters.trouble import trouble_of
from customerlink.model.candidate import Candidate
from customerlink.model.errors import CustomerLinkError
from customerlink.model.failure import Failure
from customerlink.model.sign_up_record import RECORD_LEASE_SECONDS, SETTLED_SECONDS
from customerlink.usecases.backfill import Backfilled, BackfillStatus
from customerlink.usecases.rows import Rows, Seen

# At some 0.3 s a user (docs/scale.md) these do fifty a second: the rates decide, not they.
WORKERS = 16
PAUSES = (RECORD_LEASE_SECONDS, SETTLED_SECONDS + 1.0)
"""Seconds before those whose provisioning failed are tried again: what a killed run held has ended
after the first, what it may have sent to Stripe after the second."""

LOOK_SECONDS = 0.2
"""How long Ctrl-C may go unnoticed."""


class NotBegunError(CustomerLinkError):
    """Somebody said stop before a turn came."""


class Stop:
    """What ends a run: nobody more is begun, and no wait goes on."""

    def __init__(self) -> None:
        """Let everything go on."""
        self._event = threading.Event()

    def __bool__(self) -> bool:
        """Return whether somebody said stop."""
        return self._event.is_set()

    def say(self) -> None:
        """Say stop."""
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Wait, unless somebody says stop; return whether they did."""
        return self._event.wait(seconds)

    def before_a_turn(self, seconds: float) -> None:
        """Wait for a turn; raise `NotBegunError` where somebody says stop."""
        if self.wait(seconds):
            raise NotBegunError


class Backfill:
    """Provisions users side by side, those whose provisioning failed once more at the end."""

    def __init__(self, provision: Callable[[Candidate], Backfilled], stop: Stop) -> None:
        """Take what provisions one user, from any thread; what it raises is that user's fate."""
        self._provision, self._stop = provision, stop

    def run(self, users: list[Candidate], say: Callable[[str], None]) -> Iterator[Backfilled]:
        """Return each user's fate as soon as it is known; failures come again at the end.

        Whose turn has not come when somebody says stop has none. `say` is told what it waits for.
        """
        for pause in PAUSES:
            failed = []
            for user, done in self._round(users, say):
                if done.status is BackfillStatus.FAILED and done.may_pass:
                    failed.append(user)
                else:
                    yield done
            if not failed or self._stop:
                return
            say(f"{len(failed)} failed for now; tried again in {pause:.0f} s")
            # Not a sleep: Ctrl-C ends this wait too.
            if self._stop.wait(pause):
                return
            users = failed
        yield from (done for _, done in self._round(users, say))

    def _round(
        self, users: list[Candidate], say: Callable[[str], None]
    ) -> Iterator[tuple[Candidate, Backfilled]]:
        waiting, rows, is_told = iter(users), Rows(trouble_of, time), False
        under_way: dict[Future[Backfilled | None], Candidate] = {}
        with ThreadPoolExecutor(WORKERS) as workers:
            while True:
                # Not everybody at once, but one user beside each that is under way.
                room = 0 if self._stop else 2 * WORKERS - len(under_way)
                for user in itertools.islice(waiting, room):
                    under_way[workers.submit(self._fate_of, rows, user)] = user
                if not under_way:
                    return
                finished, _ = wait(under_way, LOOK_SECONDS, FIRST_COMPLETED)
                for each in finished:
                    user, done = under_way.pop(each), None if each.cancelled() else each.result()
                    if done is not None:
                        yield user, done
                if self._stop and not is_told:
                    is_told = True
                    say(f"Stopping after {_still_running(under_way)}; again to quit now")

    def _fate_of(self, rows: Rows, user: Candidate) -> Backfilled | None:
        """Return what became of a user; None for one who was not begun."""
        done = rows.attempt(partial(self._begun, user), _seen, _failure)
        return None if done is None else Backfilled.of(user.user_id, done)

    def _begun(self, user: Candidate) -> Backfilled | None:
        try:
            return None if self._stop else self._provision(user)
        except NotBegunError:
            return None


def _still_running(under_way: Iterable[Future[Backfilled | None]]) -> int:
    """Return how many have to be waited for: neither who is queued, nor who waits for a turn."""
    left = [each for each in under_way if not each.cancel()]
    _, running = wait(left, LOOK_SECONDS)
    return len(running)


def _seen(done: Backfilled | None) -> Seen:
    return done.seen if done else Seen.NOTHING


def _failure(done: Backfilled | None) -> Failure | None:
    return done.failure if done else None
