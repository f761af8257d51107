"""What grows with the work: the charts, and the pages that show them."""

import re

import pytest
from benchmarks import diff, growth
from benchmarks.chart import COLOURS, Panel, panels
from tests.e2e.runtime import ROOT

FIGURES: growth.Figures = {
    "verify": [[100, 1.0, 50], [1_000, 10.0, 60], [10_000, 100.0, 70]],
    "backfill": [[5, 5.0], [10, 9.9], [20, 15.0]],
    "sign-up": [[10, 0.2, 30, 20], [100, 2.1, 300, 200]],
}


def test_each_figure_has_a_panel() -> None:
    """With how much work there was below it."""
    drawn = growth.pictures(FIGURES)

    assert {name: svg.count("<polyline") // 2 for name, svg in drawn.items()} == {
        "verify": 2,
        "backfill": 1,
        "sign-up": 3,
    }
    assert "verify: seconds" in drawn["verify"]
    assert "users/s that the limits leave" in drawn["backfill"]


@pytest.mark.parametrize(
    ("points", "is_straight"),
    [
        ({1: 2, 10: 20, 100: 200}, True),
        ({1: 2, 10: 20, 100: 100}, False),
        ({1: 5, 10: 5, 100: 5}, False),
    ],
)
def test_what_is_in_proportion_lies_on_the_dashed_line(
    points: dict[float, float], *, is_straight: bool
) -> None:
    """On a machine of any speed; what grows less, or not at all, lies elsewhere."""
    svg = panels([Panel("a", "b", points)])
    dashes, line = re.findall(r'points="([\d., -]+)"', svg)
    first, *_, last = line.split(" ")

    assert (dashes.split(" ") == [first, last]) is is_straight
    assert svg.count("<circle") == 3
    assert COLOURS["ours"] in svg


def test_the_memory_of_a_comparison_is_its_own() -> None:
    """However much the process has that starts it."""
    held = b"x" * 500 * 2**20
    _, megabytes, _ = diff.compared(100)

    assert 20 < megabytes < len(held) / 2**20


def test_figures_are_put_as_text() -> None:
    """Whole ones whole, with thousands apart; of the others one decimal."""
    assert growth.cells([10_000_000, 12.34, 0.0]) == ["10,000,000", "12.3", "0"]


def test_the_page_shows_what_was_measured() -> None:
    """Each chart, and every figure of the ten million."""
    page = (ROOT / "docs/scale.md").read_text()
    measured = growth.RESULTS.read_text()

    assert all(f"](growth-{name}.svg)" in page for name in growth.HEADS)
    assert all((ROOT / f"docs/growth-{name}.svg").exists() for name in growth.HEADS)
    assert all(row in page for row in measured.splitlines() if row.startswith("| 10,000,000"))
    assert "| 10,000,000" in measured
