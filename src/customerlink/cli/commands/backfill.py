"""Backfill: a customer for every user without one, at a steady rate, resumed at will."""

import math
import os
import signal
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from customerlink.adapters.token_bucket import Taken
from customerlink.cli.checkpoint import Checkpoint
from customerlink.cli.errors import CliError, DeclinedError, Exit, InterruptError
from customerlink.cli.output import Output
from customerlink.cli.session import DryRun, Json, Session, Yes, session
from customerlink.cli.side_by_side import Backfill, Stop
from customerlink.model.candidate import Candidate
from customerlink.model.counted import counted
from customerlink.model.customer_fields import NAME_ONLY, CustomerFields
from customerlink.model.errors import ConfigurationError
from customerlink.model.policy import ExistingCustomer, Policy, VerifiedEmail
from customerlink.model.rates import Limits
from customerlink.model.row import Row, unread
from customerlink.model.user import User
from customerlink.usecases.backfill import (
    Backfilled,
    BackfillStatus,
    foreseen,
    provision_one,
)

app = typer.Typer()

SHOWN = 10
"""Users of each outcome that a dry run names in a terminal; machines are told all of them."""


@app.command(epilog="Example: customerlink --plan essentials backfill")
def backfill(  # noqa: PLR0913 (a flag each)
    context: typer.Context,
    *,
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
    Ctrl-C stops after those who are under way; the same command goes on with its list, and then
    with who came since. --dry-run tells what would become of whom, as far as the comparison tells.
    The Auth0 client needs read:users, and update:users unless it is a dry run.
    """
    now = session(context, as_json=as_json)
    place = now.folder(folder)
    policy = Policy(
        verified_email=VerifiedEmail.REQUIRED if verified_only else VerifiedEmail.OPTIONAL,
        existing_customer=ExistingCustomer.ADOPT if adopt else ExistingCustomer.DENY,
        customer_fields=_fields(customer_fields),
    )
    if dry_run:
        _foretell(now, place, policy)
        return
    # Another tenant's list, or the other mode's, is none to go on with.
    checkpoint = Checkpoint(place / "backfill" / f"{now.tenant_name()}-{now.config.mode}")
    with checkpoint.alone():
        run = Run(now, checkpoint, place, partial(_provisioning, now, policy), yes=yes)
        run.everybody(fresh=fresh)
    if run.stop:
        now.output.beside(str(InterruptError()))
        raise typer.Exit(Exit.INTERRUPTED)
    if not run.is_done:
        raise typer.Exit(Exit.FAILED)


def _foretell(now: Session, place: Path, policy: Policy) -> None:
    """Tell what would become of whom, as far as a comparison tells; nothing is left of it."""
    found, output = now.comparison(place).prospects(), now.output
    fates = [foreseen(each, policy).row() for each in found.users]
    _tell_odd(output, found.rows)
    output.step(f"{counted(len(fates), 'user')} without a customer")
    by_outcome = {kind: [each for each in fates if each.outcome == kind] for kind in BackfillStatus}
    for kind, those in by_outcome.items():
        if those:
            output.say(f"{len(those):,} would be {kind}")
            output.first([f"  {each.id}: {each.reason}" for each in those[:SHOWN]], len(those))
    counts = {kind: len(those) for kind, those in by_outcome.items() if those}
    rows = [each.document() for each in (*found.rows, *fates)]
    output.document({"left": len(fates), "counts": counts, "rows": rows})
    if unread(found.rows):
        raise typer.Exit(Exit.FAILED)


def _tell_odd(output: Output, rows: Sequence[Row]) -> None:
    for each in rows:
        output.say(str(each))


def _provisioning(now: Session, policy: Policy, stop: Stop) -> Callable[[Candidate], Backfilled]:
    """Return what gives one user a customer, once their turn has come."""
    rates = now.rates(stop.before_a_turn)
    operator = replace(now.operator(now.own_probe().key, policy), rates=rates)
    profiles, tenant = now.tenant(Taken(rates)).users, now.tenant_name()

    def provision(candidate: Candidate) -> Backfilled:
        settling = partial(operator.settling, known=candidate.known)
        return provision_one(User(tenant, candidate.user_id), profiles, settling, rates)

    return provision


@dataclass
class Run:
    """One run: the list that is there, and then a new comparison's, or only the latter."""

    now: Session
    checkpoint: Checkpoint
    place: Path
    provisioning: Callable[[Stop], Callable[[Candidate], Backfilled]]
    yes: bool
    stop: Stop = field(default_factory=Stop)
    counts: dict[BackfillStatus, int] = field(default_factory=dict)
    told: list[Row] = field(default_factory=list)
    """Who was begun, and has no customer."""
    is_done: bool = False

    def everybody(self, *, fresh: bool) -> None:
        """Provision everybody, and tell how it went."""
        is_resumed = self.checkpoint.is_begun and not fresh
        if is_resumed:
            self.now.output.say(f"{self.checkpoint.standing()}; --fresh compares anew")
        else:
            self._compare()
        is_whole = self._list()
        if is_resumed and is_whole:
            # The list was older than who came since.
            self._compare(besides=self.checkpoint.done())
            is_whole = self._list()
        self._end(is_whole=is_whole)

    def _compare(self, besides: Collection[str] = ()) -> None:
        """Compare both sides; write down whom to do, and what could not be read."""
        found = self.now.comparison(self.place).without_customer()
        users = [each for each in found.users if each.user_id not in besides]
        self.checkpoint.begin(users, found.rows)

    def _list(self) -> bool:
        """Provision who is left of the list; return whether nobody is, nor waits for a new one."""
        output, users = self.now.output, self.checkpoint.left()
        _tell_odd(output, self.checkpoint.rows())
        output.step(f"{counted(len(users), 'user')} without a customer")
        if users:
            output.say(_at_best(self.now.limits, len(users)))
            if not self._is_confirmed(f"Backfill: {counted(len(users), 'user')}"):
                return False
            worker = Backfill(self.provisioning(self.stop), self.stop)
            with _interruptible(self.stop, output):
                self._work(worker, users)
            output.say(", ".join(f"{number:,} {fate}" for fate, number in self.counts.items()))
        return not self.stop and not self.checkpoint.left()

    def _is_confirmed(self, what: str) -> bool:
        """Ask; a no after users were done with ends the run as it is, counts and all."""
        try:
            self.now.confirm(what, yes=self.yes)
        except DeclinedError:
            if not self.counts:
                raise
            self.now.output.say("Nothing more was changed.")
            return False
        return True

    def _work(self, worker: Backfill, users: list[Candidate]) -> None:
        """Run to the end or to Ctrl-C; note each as soon as done with, tell who has none then."""
        output = self.now.output
        self.counts = self.counts or dict.fromkeys(BackfillStatus, 0)
        with self.checkpoint.noting() as note, output.progress("customers", len(users)) as advance:
            for done in worker.run(users, output.meanwhile):
                if done.status is not BackfillStatus.FAILED:
                    note(done)
                self.counts[done.status] += 1
                if done.status in (BackfillStatus.SKIPPED, BackfillStatus.FAILED):
                    self.told.append(done.row())
                    output.say(str(done.row()))
                advance()

    def _end(self, *, is_whole: bool) -> None:
        """Tell machines; forget a list that is done, so that the next run compares anew."""
        odd, left = self.checkpoint.rows(), len(self.checkpoint.left())
        self.is_done = is_whole and not unread(odd)
        if is_whole:
            self.checkpoint.finish()
        rows = [each.document() for each in (*odd, *self.told)]
        self.now.output.document({"left": left, "counts": self.counts, "rows": rows})


def _at_best(limits: Limits, users: int) -> str:
    """Say how fast it goes at the most, and by what."""
    seconds = users / limits.users_per_second
    given = limits.auth0_per_second
    by = f"{given:g} requests a second to Auth0" if given else f"Auth0's plan {limits.plan}"
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    time = f"{hours:,} h {minutes} min" if hours else f"{minutes} min"
    return f"At most {limits.users_per_second:.1f} users a second by {by}: about {time}"


@contextmanager
def _interruptible(stop: Stop, output: Output) -> Iterator[None]:
    """Let Ctrl-C say stop, and a second one end the process as it is.

    An exception amid a write would leave a customer that nobody has noted.
    """

    def interrupt(*_: object) -> None:
        if stop:
            output.at_once(str(InterruptError()))
            # Threads that wait for an answer would keep the process; each line is on disk by now.
            os._exit(Exit.INTERRUPTED)
        stop.say()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _fields(text: str) -> CustomerFields:
    try:
        return CustomerFields.parse(text) if text else NAME_ONLY
    except ConfigurationError as problem:
        raise CliError(f"--customer-fields {problem}.", "docs/policies.md", Exit.USAGE) from None
