"""docs/performance.md says what was measured, and how large what is built may be."""

import re
from pathlib import Path

import pytest
from benchmarks import functions, sign_up
from tools.build_artifact import FUNCTIONS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/performance.md").read_text()


def rows(text: str) -> list[list[str]]:
    """Return the rows of all of a text's tables, without a link's address."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in plain.splitlines()
        if line.startswith("|")
    ]


def test_the_ratios_are_those_of_the_results() -> None:
    """Row by row; each is one that is aimed at."""
    measured = [each for each in rows(sign_up.RESULTS.read_text()) if len(each) == 7]
    names = {each.name for each in sign_up.REACH}
    ratios = [each for each in measured if each[0] in names]

    assert {each[0] for each in ratios} == names
    assert [each for each in rows(PAGE) if each[0] in names] == ratios


def test_the_other_cold_starts_are_those_of_the_results() -> None:
    """The checkout's and the page's, beside the sign-up's."""
    measured = {
        each[0]: each[1] for each in rows(functions.RESULTS.read_text()) if "reached" in each
    }
    for name, page in {"the checkout": "checkout", "the page": "page"}.items():
        [row] = [each for each in rows(PAGE) if each[0].partition(" (")[0] == name]

        assert row[1].partition(" ")[0] == measured[f"{page}: cold start"]
        assert row[3] == measured[f"{page}: its processor time"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_built_is_as_large_as_the_page_says(name: str) -> None:
    """Megabytes, but for what an architecture or a version changes; and its budget."""
    built = ROOT / ".aws-sam/build" / name
    size = sum(each.stat().st_size for each in built.rglob("*") if each.is_file()) / 1e6
    [[_, _, now, budget, *_]] = [each for each in rows(PAGE) if each[0] == f"`{name}`"]

    assert float(now.partition(" ")[0]) == pytest.approx(size, rel=0.05, abs=0.3)
    assert int(budget) == FUNCTIONS[name].budget
