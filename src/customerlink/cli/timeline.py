"""How many were not in order, run by run: a line with its axes, and the same as a table."""

from collections.abc import Sequence

from customerlink.cli.history import Run

_ROWS = 30
"""The newest runs that the table has."""


def timeline(history: Sequence[Run]) -> str:
    """Return it as a part of a page, for at least one run."""
    if len(history) == 1:
        return "<p>This is the first run that is remembered.</p>"
    most = max(run.differing for run in history)
    first, last = history[0], history[-1]
    told = (
        f"{len(history):,} runs; not in order: {first.differing:,} at first, "
        f"{most:,} at the most, {last.differing:,} now."
    )
    return (
        f'<figure><div class="up" aria-hidden="true"><span>{most or 1:,}</span><span>0</span></div>'
        f'<svg viewBox="0 0 600 100" preserveAspectRatio="none" role="img" aria-label="{told}">'
        f'<polyline points="{_points(history, most or 1)}"/></svg>'
        f'<div class="along" aria-hidden="true">{_day(first)}{_day(last)}</div>'
        f"<figcaption>{told}</figcaption></figure>{_table(history)}"
    )


def _points(history: Sequence[Run], most: int) -> str:
    """Place each run by its time: a week without any is as wide as a week."""
    begin = history[0].at.timestamp()
    seconds = history[-1].at.timestamp() - begin or 1
    return " ".join(
        f"{600 * (run.at.timestamp() - begin) / seconds:.0f},{100 - 100 * run.differing / most:.0f}"
        for run in history
    )


def _day(run: Run) -> str:
    return f"<span>{run.at:%Y-%m-%d}</span>"


def _table(history: Sequence[Run]) -> str:
    newest = history[: -_ROWS - 1 : -1]
    rows = "".join(
        f'<tr><th scope="row">{run.at:%Y-%m-%d %H:%M}<td class="number">{run.differing:,}</tr>'
        for run in newest
    )
    more = len(history) - len(newest)
    return (
        "<details><summary>Each run</summary><table><thead>"
        f'<tr><th scope="col">run<th scope="col">not in order</thead><tbody>{rows}</tbody></table>'
        + (f"<p>and {more:,} more</p>" if more else "")
        + "</details>"
    )
