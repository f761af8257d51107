"""Repair: a plan to read, and the plan carried out."""

import codecs
from collections.abc import Collection
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from customerlink.cli.errors import CliError, Exit
from customerlink.cli.output import Output
from customerlink.cli.session import Json, Session, Yes, session
from customerlink.model.counted import counted
from customerlink.model.documents import lines
from customerlink.model.drift import Drift, Finding
from customerlink.model.listed_customer import SERVED
from customerlink.model.plan_size import FEW, header, is_too_much, links_said, taken_by
from customerlink.model.policy import Policy
from customerlink.model.repair_plan import SAFE, Step, planned, read
from customerlink.model.row import unread
from customerlink.model.sync import SyncRules
from customerlink.usecases.compare import Report
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

    --apply takes the lines, and the document that --json makes of them.

    Without --kind it is for unrecorded and unclaimed, for which nothing is made and nothing taken
    away. Exit code 1 if lines of the export could not be read: they may be anybody. With --apply
    each line's expectation is looked at again before its change; what changed since is skipped and
    said. Only --kind abandoned deletes customers in Stripe. The Auth0 client needs read:users, and
    update:users to apply.
    """
    if apply is not None:
        _carry_out(session(context, as_json=as_json), apply, force, yes=yes)
        return
    # What goes to stdout without --apply is the plan, and nothing else.
    now = session(context, as_json=True)
    report, steps = _planned(now, tuple(kinds or SAFE), folder)
    if as_json:
        rows = [each.document() for each in report.rows]
        plan = [asdict(each) for each in steps]
        now.output.document({"links": report.links, "plan": plan, "rows": rows})
    else:
        _print_plan(now.output, report, steps)
    if unread(report.rows):
        raise typer.Exit(Exit.FAILED)


def _planned(
    now: Session, kinds: tuple[Drift, ...], folder: Path | None
) -> tuple[Report, list[Step]]:
    report, served = now.comparison(folder).everybody(kinds), now.deployment.outputs.tenants
    found = (each for kind in kinds for each in report.samples[kind])
    return report, [*planned(_unless_served(each, served) for each in found)]


def _unless_served(found: Finding, served: Collection[str]) -> Finding:
    """Return a finding with what repair would stop at: it is that tenant's, and no wrong name."""
    is_served = found.drift is Drift.OTHER_TENANT and found.detail in served
    return replace(found, obstacle=SERVED) if is_served else found


def _print_plan(output: Output, report: Report, steps: list[Step]) -> None:
    for row in report.rows:
        output.beside(str(row))
    taken = taken_by(steps)
    if taken > FEW:
        output.line(header(report.links))
    if is_too_much(taken, report.links):
        output.beside(_too_much(taken, report.links))
    for step in steps:
        output.line(step.line())
    if not steps:
        typer.echo("Nothing to repair.", err=True)


def _carry_out(now: Session, plan: Path, force: int | None, *, yes: bool) -> None:
    if not plan.is_file():
        raise CliError(f"{plan} is no file.", "customerlink repair > plan", Exit.USAGE)
    told = lines(_text(plan))
    steps = [*read(told)]
    _check_size(taken_by(steps), links_said(told), force)
    if steps:
        now.confirm(f"Repair: {counted(len(steps), 'step')}", yes=yes)
    probe, tenant = now.own_probe(), now.tenant_name()
    operator = now.operator(probe.key, Policy())
    # Who says the number says that the key is the right account's.
    sure = force is not None
    changes = now.deployment.sync_policy().email_changes
    users, rules = now.tenant().users, SyncRules.of_addresses(now.digests(), changes)
    served = now.deployment.outputs.tenants
    worker = repair_of(tenant, users, operator, rules, served=served, unknown_is_gone=sure)
    counts = dict.fromkeys(Outcome, 0)
    rows = []
    for each in worker.apply(steps):
        counts[each.outcome] += 1
        rows.append(each.row().document())
        now.output.step(str(each.row()))
    now.output.say(", ".join(f"{number} {kind}" for kind, number in counts.items()))
    now.output.document({"counts": counts, "steps": now.output.steps, "rows": rows})
    if counts[Outcome.FAILED]:
        now.output.say("What was done stands: the same command tries the rest again.")
        raise typer.Exit(Exit.FAILED)


def _check_size(taken: int, links: int | None, force: int | None) -> None:
    """Refuse what is too much, unless somebody has said how much it is."""
    if force not in (None, taken) or (force is None and is_too_much(taken, links)):
        fix = f"Is the key the right account's, and its list whole? Then --force {taken}."
        raise CliError(_too_much(taken, links), fix, Exit.REFUSED)


def _too_much(taken: int, links: int | None) -> str:
    of = "an unknown number of links" if links is None else counted(links, "link")
    return f"The plan takes away {taken} of {of}: --apply carries it out with --force {taken}."


def _text(plan: Path) -> str:
    """Read a plan; what Windows PowerShell redirects is UTF-16, or has a byte order mark."""
    content = plan.read_bytes()
    is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if is_utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise CliError(f"{plan} is no text.", "customerlink repair > plan", Exit.USAGE) from None
