"""The list of mutants, without hunting any: each edit applies, and each named test is there."""

import os
import subprocess
import sys
from collections import Counter

import pytest
from tests.simulation.mutants import MUTANTS, SEEN, Mutant
from tests.simulation.mutate import PACKAGE, ROOT

FEWEST = 55


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_its_passage_stands_there_once(mutant: Mutant) -> None:
    """And what takes its place is something else that Python reads."""
    source = (PACKAGE / mutant.file).read_text()
    assert source.count(mutant.old) == 1
    mutated = source.replace(mutant.old, mutant.new)

    assert mutated != source
    compile(mutated, mutant.file, "exec")


def test_names() -> None:
    """Each has one of its own, and seeds belong to those that the simulation catches."""
    counts = Counter(each.name for each in MUTANTS)
    assert {name for name, count in counts.items() if count > 1} == set()
    assert len(MUTANTS) >= FEWEST

    assert set(SEEN) <= {each.name for each in MUTANTS if each.caught_by is None}


def test_named_tests_are_there() -> None:
    """Pytest finds each of them."""
    nodes = sorted({each.caught_by for each in MUTANTS if each.caught_by})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    found = subprocess.run(
        [*command, *nodes], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
    )

    assert found.returncode == 0, found.stdout + found.stderr
