"""Backfill: a customer for every user without one, at a steady rate, resumed at will."""

import itertools
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from customerlink.adapters.token_bucket import TokenBucket
from customerlink.adapters.trouble import trouble_of
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.output import Output
from customerlink.cli.private_files import private
from customerlink.cli.session import DryRun, Json, Session, Yes, session
from customerlink.model.candidate import Candidate
from customerlink.model.customer_fields import NAME_ONLY, CustomerFields
from customerlink.model.errors import ConfigurationError
from customerlink.model.policy import ExistingCustomer, Policy, VerifiedEmail
from customerlink.model.row import Row, unread
from customerlink.model.sign_up_record import RECORD_LEASE_SECONDS, SETTLED_SECONDS
from customerlink.model.user import User
from customerlink.usecases.backfill import Backfilled, BackfillStatus, PacedProfiles, provision_one
from customerlink.usecases.rows import Rows

app = typer.Typer()

CREATIONS_PER_SECOND = 8.0
"""Two requests each: below the 25 a second of Stripe's sandboxes (live mode allows 100)."""

AUTH0_PER_SECOND = 10.0
"""Below the sustained rate of Auth0's production tenants, sign-ups beside it.

https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy
"""

# At some 0.3 s a user (docs/scale.md) these do fifty a second: the rates decide, not they.
WORKERS = 16
PAUSES = (RECORD_LEASE_SECONDS, SETTLED_SECONDS + 1.0)
"""Seconds before those whose provisioning failed are tried again: what a killed run held has ended
after the first, what it may have sent to Stripe after the second."""

_NO_COUNTS: Mapping[BackfillStatus, int] = {}


@app.command(epilog="Example: customerlink backfill --per-second 25")
def backfill(  # noqa: PLR0913 (a flag each)
    context: typer.Context,
    *,
    per_second: Annotated[
        float, typer.Option(min=0.1, help="Creations a second; each asks Stripe twice.")
    ] = CREATIONS_PER_SECOND,
    auth0_per_second: Annotated[
        float, typer.Option(min=0.1, help="Writes to Auth0 a second.")
    ] = AUTH0_PER_SECOND,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Link the only customer with a verified address.")
    ] = False,
    verified_only: Annotated[
        bool, typer.Option("--verified-only", help="Pass over users who have not verified theirs.")
    ] = False,
    customer_fields: Annotated[
        str, typer.Option(help="The template's parameter CustomerFields, if it has a value.")
    ] = "",
    folder: Annotated[Path | None, typer.Option(help="Where the checkpoint is.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Make a customer for every user without one, those of before the installation included.

    Both sides are compared first: an address that is there already is told, never duplicated.
    Ctrl-C stops after those who are under way; the same command goes on. The Auth0 client needs
    read:users and update:users.
    """
    now = session(context, as_json=as_json)
    output, place = now.output, now.folder(folder)
    policy = Policy(
        verified_email=VerifiedEmail.REQUIRED if verified_only else VerifiedEmail.OPTIONAL,
        existing_customer=ExistingCustomer.ADOPT if adopt else ExistingCustomer.DENY,
        customer_fields=_fields(customer_fields),
    )
    # Another tenant's list, or the other mode's, is none to go on with.
    tenant = now.tenant_name()
    checkpoint = Checkpoint(place / "backfill" / f"{tenant}-{now.config.mode}")
    if fresh or not checkpoint.is_begun:
        _begin(now, checkpoint, place)
    else:
        output.say(f"the list of {checkpoint.began_at()}; --fresh compares anew")
    rows, users = checkpoint.rows(), checkpoint.left()
    for each in rows:
        output.say(str(each))
    output.step(f"{len(users):,} users without a customer")
    if dry_run or not users:
        _end(output, checkpoint, rows, left=len(users), is_done=not unread(rows))
        return
    now.confirm(f"Backfill: {len(users):,} users", yes=yes)
    operator, creations = now.operator(now.own_probe().key, policy), TokenBucket(per_second)
    profiles = PacedProfiles(now.tenant().users, TokenBucket(auth0_per_second))

    def provision(candidate: Candidate) -> Backfilled:
        settling = partial(operator.settling, known=candidate.known)
        return provision_one(User(tenant, candidate.user_id), profiles, settling, creations)

    counts = run_backfill(Backfill(provision), checkpoint, users, output, rows)
    left = len(checkpoint.left())
    output.say(", ".join(f"{number:,} {fate}" for fate, number in counts.items()))
    is_done = not left and not counts[BackfillStatus.FAILED] and not unread(rows)
    _end(output, checkpoint, rows, left=left, counts=counts, is_done=is_done)


def _begin(now: Session, checkpoint: "Checkpoint", place: Path) -> None:
    """Compare both sides; write down whom to do, and what could not be read."""
    found = now.comparison(place).without_customer()
    checkpoint.begin(found.users, found.rows)


def _end(  # noqa: PLR0913 (what there is to tell)
    output: Output,
    checkpoint: "Checkpoint",
    rows: Sequence[Row],
    *,
    left: int,
    is_done: bool,
    counts: Mapping[BackfillStatus, int] = _NO_COUNTS,
) -> None:
    """Tell machines; fail where somebody is left, and compare anew next time where nobody is."""
    if not left:
        checkpoint.finish()
    documents = [each.document() for each in rows]
    output.document({"left": left, "counts": counts, "rows": documents})
    if not is_done:
        raise typer.Exit(Exit.FAILED)


def _fields(text: str) -> CustomerFields:
    try:
        return CustomerFields.parse(text) if text else NAME_ONLY
    except ConfigurationError as problem:
        raise CliError(f"--customer-fields {problem}.", "docs/policies.md", Exit.USAGE) from None


class Checkpoint:
    """What is to be done, what could not be read, and what is done: three files, a line each."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; an earlier release's `todo` has addresses: nobody else may read it."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._todo, self._done = folder / "todo.jsonl", folder / "done.jsonl"
        self._rows = folder / "rows.jsonl"

    @property
    def is_begun(self) -> bool:
        """Return whether there is something to resume."""
        return self._todo.exists()

    def began_at(self) -> str:
        """Return when both sides were compared."""
        moment = datetime.fromtimestamp(self._todo.stat().st_mtime, UTC)
        return moment.isoformat(sep=" ", timespec="minutes")

    def begin(self, users: Iterable[Candidate], rows: Iterable[Row] = ()) -> None:
        """Write down whom to do, and what was odd; whole, or nothing is begun."""
        new = self._todo.with_suffix(".new")
        _write(new, (each.line() for each in users))
        # The old list ends first and the new one counts last: a crash in between has both sides
        # compared again, and leaves no user who counts as done and is not, and no lost line untold.
        self._todo.unlink(missing_ok=True)
        self._done.unlink(missing_ok=True)
        _write(self._rows, (each.line() for each in rows))
        new.rename(self._todo)

    def rows(self) -> list[Row]:
        """Return what was odd in the comparison: a later run knows no more of it."""
        lines = self._rows.read_text().splitlines() if self._rows.exists() else ()
        return [Row.read(each) for each in lines]

    def left(self) -> list[Candidate]:
        """Return whom nobody has done yet; a line that a crash cut short counts as not done."""
        done = set()
        for each in self._done.read_text().splitlines() if self._done.exists() else ():
            try:
                done.add(Backfilled.read(each).user_id)
            except ValueError:
                # Cut short by a crash. The user is done again, and the ledger finds the customer.
                continue
        users = [Candidate.read(each) for each in self._todo.read_text().splitlines()]
        return [each for each in users if each.user_id not in done]

    @contextmanager
    def noting(self) -> Iterator[Callable[[Backfilled], None]]:
        """Open the second file; return what writes a line into it."""
        cut_short = self._done.exists() and not self._done.read_bytes().endswith(b"\n")
        # Line by line: a run that is killed has noted everybody but those under way.
        with private(self._done).open("a", buffering=1) as lines:
            # A crash left half a line, which would spoil the next one.
            if cut_short:
                lines.write("\n")
            yield lambda done: print(done.line(), end="", file=lines)

    def finish(self) -> None:
        """Forget whom there was to do; what was done stays."""
        self._todo.unlink(missing_ok=True)
        self._rows.unlink(missing_ok=True)


def _write(file: Path, lines: Iterable[str]) -> None:
    """Write a file that nobody else may read."""
    with private(file).open("w") as opened:
        opened.writelines(lines)


class Backfill:
    """Provisions users side by side, those whose provisioning failed once more at the end."""

    def __init__(self, provision: Callable[[Candidate], Backfilled]) -> None:
        """Take what provisions one user, from any thread; what it raises is that user's fate."""
        self._provision = provision
        self._stop = threading.Event()

    def stop(self) -> None:
        """Begin nobody more; those who are under way are finished."""
        self._stop.set()

    def run(self, users: list[Candidate], say: Callable[[str], None]) -> Iterator[Backfilled]:
        """Return each user's fate as soon as it is known; failures come again at the end.

        `say` is told what it waits for meanwhile.
        """
        for pause in PAUSES:
            failed = []
            for user, done in self._round(users):
                if done.status is BackfillStatus.FAILED and done.may_pass:
                    failed.append(user)
                else:
                    yield done
            if not failed or self._stop.is_set():
                return
            say(f"{len(failed)} failed for now; tried again in {pause:.0f} s")
            # Not a sleep: Ctrl-C ends this wait too.
            if self._stop.wait(pause):
                return
            users = failed
        yield from (done for _, done in self._round(users))

    def _round(self, users: list[Candidate]) -> Iterator[tuple[Candidate, Backfilled]]:
        waiting, rows = iter(users), Rows(trouble_of, time)
        under_way: dict[Future[Backfilled], Candidate] = {}
        with ThreadPoolExecutor(WORKERS) as workers:
            while True:
                # What the pool has been given is carried out, Ctrl-C or not: so it is not given
                # everybody, but one user beside each that is under way.
                room = 0 if self._stop.is_set() else 2 * WORKERS - len(under_way)
                for user in itertools.islice(waiting, room):
                    under_way[workers.submit(self._fate_of, rows, user)] = user
                if not under_way:
                    return
                finished, _ = wait(under_way, return_when=FIRST_COMPLETED)
                for each in finished:
                    yield under_way.pop(each), each.result()

    def _fate_of(self, rows: Rows, user: Candidate) -> Backfilled:
        done = rows.attempt(lambda: self._provision(user), lambda done: done.seen)
        return Backfilled.of(user.user_id, done)


def run_backfill(
    worker: Backfill,
    checkpoint: Checkpoint,
    users: list[Candidate],
    output: Output,
    rows: list[Row],
) -> dict[BackfillStatus, int]:
    """Run to the end or to Ctrl-C, each user noted as soon as done with; return the counts.

    Who has no customer then is told, and added to the rows.
    """
    counts = dict.fromkeys(BackfillStatus, 0)
    # An exception amid a write would leave a customer that nobody has noted.
    before = signal.signal(signal.SIGINT, lambda *_: worker.stop())
    try:
        with checkpoint.noting() as note, output.progress("customers", len(users)) as advance:
            for done in worker.run(users, output.say):
                if done.status is not BackfillStatus.FAILED:
                    note(done)
                counts[done.status] += 1
                if done.status in (BackfillStatus.SKIPPED, BackfillStatus.FAILED):
                    rows.append(done.row())
                    output.say(str(done.row()))
                advance()
    finally:
        signal.signal(signal.SIGINT, before)
    return counts
