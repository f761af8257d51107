"""Verify: what differs between both sides, told, drawn and remembered."""

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from customerlink.cli.dashboards import Dashboards
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.history import remembered
from customerlink.cli.output import Output
from customerlink.cli.private_files import replacing
from customerlink.cli.report import html as page
from customerlink.cli.session import Json, session
from customerlink.model.drift import MEANING, REPAIR, UNTOLD, Drift
from customerlink.usecases.compare import Report

app = typer.Typer()


@app.command(epilog="Examples: customerlink verify; customerlink verify 'auth0|64f…'")
def verify(  # noqa: PLR0913 (a flag each)
    context: typer.Context,
    user: Annotated[
        str | None, typer.Argument(help="One user's user_id or address; nobody named: everybody.")
    ] = None,
    *,
    kinds: Annotated[
        list[Drift] | None,
        typer.Option("--kind", help="Tell everybody of a kind, and nobody else; again for more."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with charts.")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where to compare, and to remember the counts.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare Auth0's users with Stripe's customers, and count what differs by kind.

    Exit code 0 only when everybody is linked, exempt, or was denied, and every address can be
    seen; with --kind, when nobody is of that kind, unless it is one of these. Nothing is changed.
    The Auth0 client needs the scope read:users; ids are printed, and addresses only where an id
    holds one.
    """
    now = session(context, as_json=as_json)
    # A page that cannot be written is told before the comparison, not after it.
    with replacing(html) if html else nullcontext() as part:
        comparison = now.comparison(folder)
        with now.output.busy("Comparing both sides"):
            report = comparison.one(user) if user else comparison.everybody(kinds or ())
        if report is None:
            raise CliError("The tenant has no such user.", "A user_id, or an address.")
        place = now.folder(folder)
        history = [] if user else remembered(report, place, now.config.mode)
        report = report.of(kinds) if kinds else report
        if part:
            part.write_text(page(report, history, Dashboards(now.config)), encoding="utf-8")
    _print(now.output, report)
    if not report.in_order:
        raise typer.Exit(Exit.FAILED)


def _print(output: Output, report: Report) -> None:
    is_part = len(report.counts) < len(Drift)
    title = "Both sides agree." if report.in_order else "The two sides differ."
    shown = report.shown
    digits = max(len(f"{number:,}") for number in shown.values())
    output.table(
        "Of the kinds that were named:" if is_part else title,
        [(kind, f"{number:>{digits},}", MEANING[kind]) for kind, number in shown.items()],
    )
    for kind in [each for each in shown if each not in UNTOLD and shown[each]]:
        output.say("")
        output.say(f"{kind}: {REPAIR[kind]}")
        samples = [
            f"  {each.user_id or '-'}  {each.customer_id or '-'}  {each.detail}".rstrip()
            for each in report.samples[kind]
        ]
        output.first(samples, shown[kind])
    for row in report.rows:
        output.say(str(row))
    output.document(
        {
            "at": report.at,
            "tenant": report.tenant,
            "in_order": report.in_order,
            "counts": report.counts,
            "rows": [each.document() for each in report.rows],
            "samples": {
                kind: [asdict(each) for each in found]
                for kind, found in report.samples.items()
                if found and kind not in UNTOLD
            },
        }
    )
