"""Repair: a plan to read, and the plan carried out."""

import codecs
from pathlib import Path
from typing import Annotated

import typer

from customerlink.adapters.stripe.listing import PER_SECOND
from customerlink.adapters.token_bucket import TokenBucket
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.session import Json, Session, Yes, session
from customerlink.model.drift import Drift
from customerlink.model.plan_size import FEW, header, is_too_much, taken_by, without_header
from customerlink.model.policy import Policy
from customerlink.model.repair_plan import SAFE, planned, read
from customerlink.model.row import unread
from customerlink.usecases.repair import Outcome
from customerlink.wiring.operator import repair as repair_of

app = typer.Typer()


@app.command(epilog="Example: customerlink repair > plan && customerlink repair --apply plan")
def repair(  # noqa: PLR0913 (a flag each)
    context: typer.Context,
    *,
    kinds: Annotated[
        list[Drift] | None, typer.Option("--kind", help="A kind to repair; again for more.")
    ] = None,
    apply: Annotated[Path | None, typer.Option(help="Carry out this plan.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where to compare.")] = None,
    force: Annotated[
        int | None,
        typer.Option(help="With --apply: how much the plan takes away, where that is too much."),
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Print a plan that mends what verify finds, one action a line; or carry one out.

    Without --kind it is for unrecorded and unclaimed, for which nothing is made and nothing taken
    away. Exit code 1 if lines of the export could not be read: they may be anybody. With --apply
    each line's expectation is looked at again before its change; what changed since is skipped and
    said. Only --kind abandoned deletes customers in Stripe. The Auth0 client needs read:users, and
    update:users to apply.
    """
    # What goes to stdout without --apply is the plan, and nothing else.
    now = session(context, as_json=True if apply is None else as_json)
    if apply is None:
        _print_plan(now, tuple(kinds or SAFE), folder)
    else:
        _carry_out(now, apply, force, yes=yes)


def _print_plan(now: Session, kinds: tuple[Drift, ...], folder: Path | None) -> None:
    report = now.comparison(folder).everybody(kinds)
    for row in report.rows:
        now.output.beside(str(row))
    steps = [*planned(each for kind in kinds for each in report.samples[kind])]
    taken = taken_by(steps)
    if taken > FEW:
        now.output.line(header(report.links))
    if is_too_much(taken, report.links):
        now.output.beside(_too_much(taken, report.links))
    for step in steps:
        now.output.line(step.line())
    if not steps:
        typer.echo("Nothing to repair.", err=True)
    if unread(report.rows):
        raise typer.Exit(Exit.FAILED)


def _carry_out(now: Session, plan: Path, force: int | None, *, yes: bool) -> None:
    if not plan.is_file():
        raise CliError(f"{plan} is no file.", "customerlink repair > plan", Exit.USAGE)
    lines, links = without_header(_text(plan).splitlines())
    steps = [*read(lines)]
    _check_size(taken_by(steps), links, force)
    if steps:
        now.confirm(f"Repair: {len(steps)} steps", yes=yes)
    probe, tenant = now.own_probe(), now.tenant_name()
    operator, pace = now.operator(probe.key, Policy()), TokenBucket(PER_SECOND)
    worker = repair_of(tenant, now.tenant().users, operator, pace)
    counts = dict.fromkeys(Outcome, 0)
    rows = []
    for each in worker.apply(steps):
        counts[each.outcome] += 1
        rows.append(each.row().document())
        now.output.step(str(each.row()))
    now.output.say(", ".join(f"{number} {kind}" for kind, number in counts.items()))
    now.output.document({"counts": counts, "steps": now.output.steps, "rows": rows})
    if counts[Outcome.FAILED]:
        raise typer.Exit(Exit.FAILED)


def _check_size(taken: int, links: int | None, force: int | None) -> None:
    """Refuse what is too much, unless somebody has said how much it is."""
    if force not in (None, taken) or (force is None and is_too_much(taken, links)):
        fix = f"Is the key the right account's, and its list whole? Then --force {taken}."
        raise CliError(_too_much(taken, links), fix, Exit.REFUSED)


def _too_much(taken: int, links: int | None) -> str:
    of = "an unknown number of" if links is None else f"{links}"
    return (
        f"The plan takes away {taken} of {of} links: --apply carries it out with --force {taken}."
    )


def _text(plan: Path) -> str:
    """Read a plan; what Windows PowerShell redirects is UTF-16, or has a byte order mark."""
    content = plan.read_bytes()
    is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if is_utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise CliError(f"{plan} is no text.", "customerlink repair > plan", Exit.USAGE) from None
