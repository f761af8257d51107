"""Many histories on all processors, and the shortest form of one."""

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
