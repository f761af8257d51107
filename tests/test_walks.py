"""docs/walks.md: through files that exist, and never up."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "customerlink"
STOREYS = {
    "cli": 4,
    "functions": 4,
    "wiring": 3,
    "usecases": 2,
    "adapters": 2,
    "ports": 1,
    "model": 0,
}


def walks() -> dict[str, list[str]]:
    """Return the files that begin the steps of each numbered list."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in (ROOT / "docs" / "walks.md").read_text().splitlines():
        if line.startswith("## "):
            name = line.removeprefix("## ")
        elif line.endswith(":") and not line.startswith("#"):
            name = f"{name}, {line}"
        elif step := re.match(r"\d+\. `([^`]+\.py)`", line):
            found.setdefault(name, []).append(step[1])
    return found


def test_every_step_begins_with_a_file() -> None:
    """Four walks, and one of them twice: there and back."""
    numbered = re.findall(r"^\d+\. ", (ROOT / "docs" / "walks.md").read_text(), flags=re.MULTILINE)

    assert len(walks()) == 5
    assert sum(map(len, walks().values())) == len(numbered)


@pytest.mark.parametrize("walk", walks())
def test_files_exist(walk: str) -> None:
    """Whoever follows finds each."""
    assert [each for each in walks()[walk] if not (PACKAGE / each).is_file()] == []


@pytest.mark.parametrize("walk", walks())
def test_no_step_goes_up(walk: str) -> None:
    """A storey knows none above it."""
    storeys = [STOREYS[each.partition("/")[0]] for each in walks()[walk]]

    assert [pair for pair in pairwise(storeys) if pair[1] > pair[0]] == []
