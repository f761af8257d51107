"""`make mutate`: single edits of the real code, each of which the simulation or a test must catch.

First all at once, each in one process: the named test, or a seed that caught the mutant before and
the first few; then one by one what is left, on all processors.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tests.simulation.mutants import MUTANTS, SEEN, Mutant

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "customerlink"
FEW_SEEDS, MOST_SEEDS, ROUND = 100, 30_000, 1000

_HUNT = """
import sys
from tests.simulation.history import play
first, last, step, *seen = map(int, sys.argv[1:])
for seed in [*seen, *range(first, last, step)]:
    violation = play(seed).violation
    if violation:
        print(f"{seed}\\t{violation}")
        sys.exit(1)
"""


@contextmanager
def mutated(mutant: Mutant | None) -> Iterator[str]:
    """Return a folder with a copy of the package, in which the passage is replaced."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / PACKAGE.name
        shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
        if mutant is not None:
            source = (package / mutant.file).read_text()
            if source.count(mutant.old) != 1:
                raise LookupError(f"{mutant.name}: its passage is not in {mutant.file} once")
            (package / mutant.file).write_text(source.replace(mutant.old, mutant.new))
        yield folder


def quickly_caught(mutant: Mutant) -> str | None:
    """Return the named test that fails, or one of a few seeds with its violation."""
    with mutated(mutant) as folder:
        if mutant.caught_by is None:
            seen = SEEN.get(mutant.name)
            return _first_catch([_hunt(folder, 0, FEW_SEEDS, 1, *([] if seen is None else [seen]))])
        return f"test\t{mutant.caught_by}" if fails(folder, [mutant.caught_by]) else None


def caught(mutant: Mutant) -> str | None:
    """Return the first of many seeds that tells mutant and real code apart, and its violation."""
    if mutant.caught_by is not None:
        return None
    processes = os.cpu_count() or 1
    with mutated(mutant) as folder:
        for first in range(FEW_SEEDS, MOST_SEEDS, ROUND):
            last = first + ROUND
            hunts = [_hunt(folder, first + each, last, processes) for each in range(processes)]
            catch = _first_catch(hunts)
            if catch is not None:
                return catch
    return None


def fails(folder: str, tests: Iterable[str]) -> bool:
    """Return whether a test fails on the package in the folder, and not only to begin."""
    where = f"pythonpath={folder} {PACKAGE.parent} {ROOT}"
    command = [sys.executable, "-m", "pytest", "-o", where, "-p", "no:cacheprovider", "-x", "-q"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(
        [*command, *tests], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    end = (run.stdout.splitlines() or [""])[-1]
    is_failure = run.returncode == 1 and " failed" in end and " error" not in end
    if run.returncode and not is_failure:
        raise RuntimeError(f"a test does not run:\n{run.stdout}{run.stderr}")
    return is_failure


def _hunt(folder: str, *seeds: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _HUNT, *map(str, seeds)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{folder}:{PACKAGE.parent}:{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
    )


def _first_catch(hunts: "list[subprocess.Popen[str]]") -> str | None:
    catches = [hunt.communicate()[0].strip() for hunt in hunts]
    crashed = [
        hunt for hunt, catch in zip(hunts, catches, strict=True) if hunt.returncode and not catch
    ]
    if crashed:
        raise RuntimeError("a mutant does not run")
    return min(filter(None, catches), key=lambda catch: int(catch.split("\t")[0]), default=None)


def main() -> int:
    """Hunt them all; the exit status is 1 if one survives."""
    start = time.monotonic()
    tests = {each.caught_by for each in MUTANTS if each.caught_by}
    with mutated(None) as folder:
        if fails(folder, sorted(tests)):
            raise RuntimeError("a named test fails on the real code")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        quick = [*pool.map(quickly_caught, MUTANTS)]
    found = {
        mutant.name: catch or caught(mutant) for mutant, catch in zip(MUTANTS, quick, strict=True)
    }
    table = Table("mutant", "seed", "caught by")
    for name, catch in found.items():
        table.add_row(name, *(catch or "-\tsurvives").split("\t", 1))
    Console(width=160).print(table)
    catches = [*filter(None, found.values())]
    named = sum(catch.startswith("test") for catch in catches)
    seconds = time.monotonic() - start
    print(f"{len(catches)} of {len(MUTANTS)} mutants caught in {seconds:.0f} s,", end=" ")
    print(f"{named} of them by a named test")
    return int(len(catches) < len(MUTANTS))


if __name__ == "__main__":
    sys.exit(main())
