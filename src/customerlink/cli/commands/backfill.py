"""Backfill: a customer for every user without one, at a steady rate, resumed at will."""

import itertools
import json
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from customerlink.adapters.token_bucket import TokenBucket
from customerlink.cli.output import Output
from customerlink.cli.tenant import Tenant
from customerlink.model.sign_up_record import RECORD_LEASE_SECONDS, SETTLED_SECONDS
from customerlink.usecases.backfill import Backfilled, BackfillStatus, PacedProfiles, provision_one
from customerlink.wiring.provisioner import Provisioner

CREATIONS_PER_SECOND = 8.0
"""Two requests each: below the 25 a second of Stripe's sandboxes (live mode allows 100)."""

AUTH0_PER_SECOND = 10.0
"""Below the sustained rate of Auth0's production tenants, sign-ups beside it.

https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy
"""

WORKERS = 16
PAUSES = (RECORD_LEASE_SECONDS, SETTLED_SECONDS + 1.0)
"""Seconds before those whose provisioning failed are tried again: what a killed run held has ended
after the first, what it may have sent to Stripe after the second."""


class Checkpoint:
    """What is to be done and what is done, in two files: a line each, written before it counts."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; `todo` holds addresses, so nobody else may read it."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._todo, self._done = folder / "todo.jsonl", folder / "done.jsonl"

    @property
    def is_begun(self) -> bool:
        """Return whether there is something to resume."""
        return self._todo.exists()

    def begin(self, users: Iterable[dict[str, Any]]) -> None:
        """Write down whom to do; the file appears whole or not at all."""
        new = self._todo.with_suffix(".new")
        with new.open("w") as lines:
            new.chmod(0o600)
            for each in users:
                lines.write(json.dumps(each) + "\n")
        self._done.unlink(missing_ok=True)
        new.rename(self._todo)

    def left(self) -> list[dict[str, Any]]:
        """Return whom nobody has done yet; a line that a crash cut short counts as not done."""
        done = set()
        for each in self._done.read_text().splitlines() if self._done.exists() else ():
            try:
                done.add(json.loads(each)["user_id"])
            except ValueError:
                continue
        users = [json.loads(each) for each in self._todo.read_text().splitlines()]
        return [each for each in users if each["user_id"] not in done]

    @contextmanager
    def noting(self) -> Iterator[Callable[[Backfilled], None]]:
        """Open the second file; return what writes a line into it."""
        cut_short = self._done.exists() and not self._done.read_bytes().endswith(b"\n")
        with self._done.open("a", buffering=1) as lines:
            if cut_short:
                lines.write("\n")
            yield lambda done: print(done.line(), end="", file=lines)

    def finish(self) -> None:
        """Forget the addresses; what was done stays."""
        self._todo.unlink(missing_ok=True)


class Backfill:
    """Provisions users side by side, and writes the links into their profiles."""

    def __init__(self, provisioner: Provisioner, tenant: Tenant, auth0: TokenBucket) -> None:
        """Take what creates customers, the tenant, and the rate for its writes."""
        self._provisioner, self._tenant, self._auth0 = provisioner, tenant, auth0
        self._stop = threading.Event()

    def stop(self) -> None:
        """Begin nobody more; those who are under way are finished."""
        self._stop.set()

    def run(self, users: list[dict[str, Any]], say: Callable[[str], None]) -> Iterator[Backfilled]:
        """Return each user's fate as soon as it is known; failures come again at the end.

        `say` is told what it waits for meanwhile.
        """
        for pause in PAUSES:
            failed = []
            for user, done in self._round(users):
                if done.status is BackfillStatus.FAILED:
                    failed.append(user)
                else:
                    yield done
            if not failed or self._stop.is_set():
                return
            say(f"{len(failed)} failed for now; tried again in {pause:.0f} s")
            if self._stop.wait(pause):
                return
            users = failed
        yield from (done for _, done in self._round(users))

    def _round(self, users: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Backfilled]]:
        waiting = iter(users)
        under_way: dict[Future[Backfilled], dict[str, Any]] = {}
        with ThreadPoolExecutor(WORKERS) as workers:
            while True:
                room = 0 if self._stop.is_set() else 2 * WORKERS - len(under_way)
                for user in itertools.islice(waiting, room):
                    under_way[workers.submit(self._one, user)] = user
                if not under_way:
                    return
                finished, _ = wait(under_way, return_when=FIRST_COMPLETED)
                for each in finished:
                    yield under_way.pop(each), each.result()

    def _one(self, user: dict[str, Any]) -> Backfilled:
        who = self._provisioner.user(str(user["user_id"]))
        profiles = PacedProfiles(self._tenant.users, self._auth0)
        return provision_one(who, profiles, self._provisioner.settling, self._provisioner.bucket)


def run_backfill(
    worker: Backfill, checkpoint: Checkpoint, users: list[dict[str, Any]], output: Output
) -> dict[BackfillStatus, int]:
    """Run to the end or to Ctrl-C, each user noted as soon as done with; return the counts."""
    counts = dict.fromkeys(BackfillStatus, 0)
    before = signal.signal(signal.SIGINT, lambda *_: worker.stop())
    try:
        with checkpoint.noting() as note, output.progress("customers", len(users)) as advance:
            for done in worker.run(users, output.say):
                if done.status is not BackfillStatus.FAILED:
                    note(done)
                counts[done.status] += 1
                if done.status in (BackfillStatus.SKIPPED, BackfillStatus.FAILED):
                    output.say(f"{done.status}: {done.user_id}: {done.why}")
                advance()
    finally:
        signal.signal(signal.SIGINT, before)
    return counts
