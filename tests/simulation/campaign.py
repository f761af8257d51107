"""Many histories on all processors, and the shortest form of one."""

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import batched
from multiprocessing import get_context
from typing import Self

from rich.table import Table
from tests.simulation.history import Outcome, play

BATCH = 250
ALL = "all"


@dataclass
class Report:
    """What many histories came to."""

    histories: int = 0
    steps: int = 0
    logins: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    failed: list[int] = field(default_factory=list)
    acts: Counter[str] = field(default_factory=Counter)
    """How often each way in was taken."""
    histories_of: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Histories by a way in and a policy that were both in them."""
    faults_of: Counter[str] = field(default_factory=Counter)
    """Faults in the histories of a way in."""

    def __iadd__(self, other: "Report") -> Self:
        """Add another batch's."""
        self.histories += other.histories
        self.steps += other.steps
        self.logins += other.logins
        self.faults += other.faults
        self.failed += other.failed
        self.acts += other.acts
        self.histories_of += other.histories_of
        self.faults_of += other.faults_of
        return self

    def table(self) -> Table:
        """Return the ways in, and in how many histories each met each policy."""
        policies = sorted({policy for _, policy in self.histories_of} - {ALL})
        table = Table("way in", "taken", "histories", "faults", *policies)
        for entry in self.acts:
            counts = [self.histories_of[entry, each] for each in (ALL, *policies)]
            cells = [self.acts[entry], counts[0], self.faults_of[entry], *counts[1:]]
            table.add_row(entry, *(f"{each:,}" for each in cells))
        return table


def play_batch(seeds: Iterable[int]) -> Report:
    """Play some seeds."""
    report = Report()
    for seed in seeds:
        outcome = play(seed)
        failed = [seed] if outcome.violation else []
        report += Report(
            histories=1,
            steps=outcome.steps,
            logins=outcome.logins,
            faults=outcome.faults,
            failed=failed,
            acts=outcome.entries,
            histories_of=Counter(
                (entry, policy) for entry in outcome.entries for policy in (ALL, *outcome.policies)
            ),
            faults_of=Counter(dict.fromkeys(outcome.entries, outcome.faults.total())),
        )
    return report


def play_many(seeds: Iterable[int]) -> Iterator[Report]:
    """Play seeds on all processors, batch by batch."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
        yield from processes.map(play_batch, batched(seeds, BATCH, strict=False))


def shortest(seed: int) -> Outcome:
    """Leave out every act and fault that the violation does not need."""
    best = play(seed)
    acts: frozenset[int] = frozenset()
    faults: frozenset[int] = frozenset()
    for number in range(best.planned):
        shorter = play(seed, faults, acts | {number})
        if shorter.violation:
            best, acts = shorter, acts | {number}
    for number in range(best.drawn):
        shorter = play(seed, faults | {number}, acts)
        if shorter.violation:
            best, faults = shorter, faults | {number}
    return best
