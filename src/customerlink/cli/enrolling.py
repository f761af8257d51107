"""Enrolling a whole tenant, before anything tells of changes: who differs is listed, and stays."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import batched
from pathlib import Path

from customerlink.adapters.trouble import trouble_of
from customerlink.cli.errors import AGAIN, CliError, Exit
from customerlink.cli.private_files import private
from customerlink.cli.session import Session
from customerlink.cli.sync_worker import sync_worker
from customerlink.model.documents import json_object, lines
from customerlink.model.drift import Drift
from customerlink.model.row import unread
from customerlink.model.sync_policy import Differences
from customerlink.model.user import User, UserId
from customerlink.usecases.enrol import Enrolled, Enrolment, EnrolStatus
from customerlink.usecases.rows import RowFailed, Rows

KINDS = (Drift.LINKED, Drift.EMAIL_DRIFT)
"""Whose profile and customer name each other."""

AT_ONCE = 4
"""Users; the rates that all machines share decide how fast they go."""

GOOD_FOR_SECONDS = 24 * 3600.0
"""So long after it stopped an interrupted run goes on; later it begins anew."""

_TOLD = (EnrolStatus.DIFFERS, EnrolStatus.LEFT, EnrolStatus.AGAIN)


@dataclass(frozen=True)
class Enrolling:
    """One run, which goes on where an earlier one was interrupted."""

    now: Session
    differences: Differences

    def run(self) -> list[dict[str, str]]:
        """Enrol everybody who is not enrolled yet; list, and return, who differs or is left."""
        users, done = self._linked(), self._done()
        left = [each for each in users if each.user_id not in done]
        counts, rows = Counter(done.values()), []
        with self._file.open("a", buffering=1, encoding="utf-8") as noted:
            for user, ended in self._each(left):
                counts[ended.status] += 1
                if ended.status in _TOLD:
                    self.now.output.say(f"  {user.user_id}: {ended.status}: {ended.why}")
                    row = {"id": user.user_id, "outcome": ended.status.value, "reason": ended.why}
                    rows.append(row)
                if ended.status is not EnrolStatus.AGAIN:
                    print(json.dumps({"user_id": user.user_id, "status": ended.status}), file=noted)
        self._tell(counts)
        if counts[EnrolStatus.AGAIN]:
            text = f"{counts[EnrolStatus.AGAIN]} users could not be enrolled yet."
            raise CliError(text, AGAIN, Exit.UNREACHABLE)
        return rows

    def finish(self) -> None:
        """Forget how far it was: the next switching on looks at everybody again."""
        self._file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        folder = self.now.folder(None)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = private(folder / "enrolled")
        # Who has changed since then was told of by nobody.
        if time.time() - file.stat().st_mtime > GOOD_FOR_SECONDS:
            file.write_text("", encoding="utf-8")
        return file

    def _linked(self) -> list[User]:
        report, tenant = self.now.comparison(None).everybody(KINDS), self.now.tenant_name()
        if unread(report.rows):
            for row in report.rows:
                self.now.output.say(str(row))
            raise CliError("Lines of the export could not be read.", "customerlink verify")
        found = [each for kind in KINDS for each in report.samples[kind]]
        return [User(tenant, UserId(str(each.user_id))) for each in found]

    def _done(self) -> dict[str, EnrolStatus]:
        # Who was left, or differed, may not any more if somebody says that Auth0's counts.
        again = {EnrolStatus.DIFFERS} if self.differences is Differences.APPLY else set()
        known = dict(filter(None, map(_noted, lines(self._file.read_text(encoding="utf-8")))))
        return {user: status for user, status in known.items() if status not in again}

    def _each(self, users: list[User]) -> Iterator[tuple[User, Enrolled]]:
        policy = replace(self.now.deployment.sync_policy(), differences=self.differences)
        worker = sync_worker(self.now, policy)
        enrolment = Enrolment(worker)
        rows = Rows(trouble_of, worker.clock)

        def enrol(user: User) -> Enrolled:
            ended = rows.attempt(lambda: enrolment.enrol(user))
            if isinstance(ended, RowFailed):
                return Enrolled(EnrolStatus.AGAIN, ended.reason)
            return ended

        with (
            self.now.output.progress("Enrolling", len(users)) as advance,
            ThreadPoolExecutor(AT_ONCE) as pool,
        ):
            # A few at a time: who interrupts it does not wait for all of them.
            for few in batched(users, AT_ONCE * 5, strict=False):
                for each in zip(few, pool.map(enrol, few), strict=True):
                    advance()
                    yield each

    def _tell(self, counts: Counter[EnrolStatus]) -> None:
        enrolled = counts[EnrolStatus.ENROLLED] + counts[EnrolStatus.APPLIED]
        told = f"enrolled: {enrolled}"
        if differing := counts[EnrolStatus.DIFFERS]:
            told += f"; {differing} differ, and stay as they are (--drift apply writes Auth0's)"
        if following := counts[EnrolStatus.FOLLOWS]:
            told += f"; {following} with linked accounts are followed at their next event"
        if left := counts[EnrolStatus.LEFT]:
            told += f"; {left} are for a person to look at"
        self.now.output.step(told)


def _noted(line: str) -> tuple[str, EnrolStatus] | None:
    """Return who was done with, and how; None for what a crash cut short."""
    match json_object(line):
        case {"user_id": str(user_id), "status": str(status)} if status in EnrolStatus:
            return user_id, EnrolStatus(status)
    return None
