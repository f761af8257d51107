"""A line over time, with its axes, and the same in words and as a table."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from customerlink.cli.history import Run
from customerlink.cli.timeline import timeline

BEGIN = datetime(2026, 7, 1, 12, tzinfo=UTC)


def runs(*numbers: int, hours: float = 24) -> list[Run]:
    """Return runs at equal distances."""
    return [Run(BEGIN + timedelta(hours=hours * step), each) for step, each in enumerate(numbers)]


def test_first_run() -> None:
    """A line has two ends, so there is none yet."""
    shown = timeline(runs(3))

    assert shown == "<p>This is the first run that is remembered.</p>"


@pytest.mark.parametrize(
    ("history", "points", "top"),
    [
        (runs(2, 4, 0), "0,50 300,0 600,100", "4"),
        (runs(0, 0), "0,100 600,100", "1"),
        (runs(1000, 2500), "0,60 600,0", "2,500"),
        ([*runs(1, 1), Run(BEGIN + timedelta(days=10), 2)], "0,50 60,50 600,0", "2"),
        # Two runs of one moment are no division by zero.
        (runs(1, 2, hours=0), "0,50 0,0", "2"),
    ],
)
def test_axes(history: list[Run], points: str, top: str) -> None:
    """The highest number and nought beside it, the first and the last day below it."""
    shown = timeline(history)

    assert f'points="{points}"' in shown
    assert f"<span>{top}</span><span>0</span>" in shown
    days = re.findall(r"<span>(\d{4}-\d\d-\d\d)</span>", shown)
    assert days == [f"{history[0].at:%Y-%m-%d}", f"{history[-1].at:%Y-%m-%d}"]


def test_in_words() -> None:
    """What the line shows is what a screen reader reads, and everybody below it."""
    told = "3 runs; not in order: 2 at first, 4 at the most, 0 now."
    shown = timeline(runs(2, 4, 0))

    assert f'role="img" aria-label="{told}"' in shown
    assert f"<figcaption>{told}</figcaption>" in shown


@pytest.mark.parametrize(("number", "rows", "more"), [(2, 2, []), (30, 30, []), (68, 30, ["38"])])
def test_table(number: int, rows: int, more: list[str]) -> None:
    """The newest runs first, and how many more there are."""
    shown = timeline(runs(*range(number)))

    assert len(re.findall('<th scope="row">', shown)) == rows
    assert shown.index(f">{number - 1}</tr>") < shown.index(f">{number - 2}</tr>")
    assert re.findall(r"and (\d+) more", shown) == more
