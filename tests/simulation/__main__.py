"""`make simulate`: play histories, and tell the shortest one that goes wrong.

make simulate N=100000            so many seeds, from 0 on
make simulate SEED=4711           one seed, told step by step
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import batched
from multiprocessing import get_context
from typing import Self

from tests.simulation.history import Outcome, play

BATCH = 250


@dataclass
class Report:
    """What many histories came to."""

    histories: int = 0
    steps: int = 0
    logins: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    failed: list[int] = field(default_factory=list)

    def __iadd__(self, other: "Report") -> Self:
        """Add another batch's."""
        self.histories += other.histories
        self.steps += other.steps
        self.logins += other.logins
        self.faults += other.faults
        self.failed += other.failed
        return self


def play_batch(seeds: Iterable[int]) -> Report:
    """Play some seeds."""
    report = Report()
    for seed in seeds:
        outcome = play(seed)
        failed = [seed] if outcome.violation else []
        report += Report(1, outcome.steps, outcome.logins, outcome.faults, failed)
    return report


def play_many(seeds: Iterable[int]) -> Iterator[Report]:
    """Play seeds on all processors, batch by batch."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
        yield from processes.map(play_batch, batched(seeds, BATCH, strict=False))


def shortest(seed: int) -> Outcome:
    """Leave out every login and fault that the violation does not need."""
    best = play(seed)
    logins: frozenset[int] = frozenset()
    faults: frozenset[int] = frozenset()
    for number in range(best.planned):
        shorter = play(seed, faults, logins | {number})
        if shorter.violation:
            best, logins = shorter, logins | {number}
    for number in range(best.drawn):
        shorter = play(seed, faults | {number}, logins)
        if shorter.violation:
            best, faults = shorter, faults | {number}
    return best


def tell(outcome: Outcome) -> None:
    """Print a history."""
    print(f"seed {outcome.seed}: {outcome.violation or 'every invariant holds'}")
    print("\n".join(outcome.log))


def main() -> int:
    """Play what was asked for; the exit status is 1 if an invariant did not hold."""
    parser = argparse.ArgumentParser(prog="make simulate")
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    if options.seed is not None:
        outcome = shortest(options.seed)
        tell(outcome)
        return int(outcome.violation is not None)
    start, total = time.monotonic(), Report()
    for report in play_many(range(options.histories)):
        total += report
    seconds = time.monotonic() - start
    print(
        f"{total.histories} histories (seeds 0 to {options.histories - 1}), {total.logins} logins"
    )
    print(f"{total.steps} steps, {60 * total.histories / seconds:,.0f} histories a minute")
    for kind, count in total.faults.most_common():
        print(f"{count:8}  {kind}")
    if total.failed:
        print(f"{len(total.failed)} histories break an invariant; the first, shortened:\n")
        tell(shortest(total.failed[0]))
        return 1
    print("every invariant holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
