"""A verification as a page: counts, how they went, samples; nothing is fetched from anywhere."""

from collections.abc import Mapping, Sequence
from html import escape

from customerlink.cli.output import plain
from customerlink.model.drift import IN_ORDER, MEANING, REPAIR, UNTOLD, Drift
from customerlink.model.row import Row
from customerlink.usecases.compare import Report

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Customer Link: {tenant}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
          border-bottom: 1px solid #8884 }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums }}
rect.good {{ fill: #2a7d4f }} rect.bad {{ fill: #b3402e }}
polyline {{ fill: none; stroke: #b3402e }}
code {{ font-size: .85em; overflow-wrap: anywhere }}
</style>
<h1>{verdict}</h1>
<p>Tenant <b>{tenant}</b>, {at}.</p>
<table><tr><th>kind<th>count<th><th>meaning<th>repair</tr>{rows}</table>
<h2>Over time</h2>{history}
<h2>Samples</h2>{samples}{odd}
</html>
"""


def html(report: Report, history: Sequence[Mapping[str, int]]) -> str:
    """Return the page; `history` has the counts of every run that is remembered."""
    most = max(report.counts.values(), default=0) or 1
    verdict = "Both sides agree" if report.in_order else "The two sides differ"
    return _PAGE.format(
        verdict=verdict,
        tenant=_shown(report.tenant),
        at=_shown(report.at),
        rows="".join(_row(kind, number, most) for kind, number in report.counts.items()),
        history=_history(history),
        samples="".join(_samples(kind, report) for kind in Drift),
        odd=_odd(report.rows),
    )


def _shown(text: str) -> str:
    """Return text as a page shows it, whoever chose it."""
    return escape(plain(text))


def _row(kind: Drift, number: int, most: int) -> str:
    colour = "good" if kind in IN_ORDER else "bad"
    width = round(160 * number / most)
    bar = f'<svg width="160" height="12"><rect class="{colour}" width="{width}" height="12"/></svg>'
    return (
        f'<tr><td>{kind}<td class="number">{number:,}<td>{bar}'
        f"<td>{_shown(MEANING[kind])}<td>{_shown(REPAIR[kind])}</tr>"
    )


def _history(history: Sequence[Mapping[str, int]]) -> str:
    """Draw how many were not in order, run by run."""
    numbers = [
        sum(number for kind, number in each.items() if Drift(kind) not in IN_ORDER)
        for each in history
    ]
    if len(numbers) < 2:  # noqa: PLR2004 (a line has two ends)
        return "<p>This is the first run that is remembered.</p>"
    most, steps = max(numbers) or 1, len(numbers) - 1
    points = " ".join(
        f"{600 * index / steps:.0f},{110 - 100 * number / most:.0f}"
        for index, number in enumerate(numbers)
    )
    return (
        f'<svg width="600" height="120" role="img"><polyline points="{points}"/></svg>'
        f"<p>{len(numbers)} runs; not in order: {numbers[0]:,} at first, {numbers[-1]:,} now.</p>"
    )


def _odd(rows: Sequence[Row]) -> str:
    items = "".join(f"<li><code>{escape(str(each))}</code>" for each in rows)
    return f"<h2>Rows</h2><ul>{items}</ul>" if items else ""


def _samples(kind: Drift, report: Report) -> str:
    if kind in UNTOLD or not report.samples[kind]:
        return ""
    items = "".join(
        f"<li><code>{_shown(each.user_id or '')} {_shown(each.customer_id or '')} "
        f"{_shown(each.detail)}</code>"
        for each in report.samples[kind]
    )
    more = report.counts[kind] - len(report.samples[kind])
    return f"<h3>{kind}</h3><ul>{items}</ul>" + (f"<p>and {more:,} more</p>" if more > 0 else "")
