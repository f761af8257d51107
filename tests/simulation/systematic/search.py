"""The search itself: every path of a scenario within bounds, and what it came to."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.oracle import ViolationError
from tests.simulation.systematic.choices import Bounds, Choice, incremented
from tests.simulation.systematic.explorer import Explorer
from tests.simulation.systematic.play import Play

_ONE, _TWO = Bounds(1, 1, 1), Bounds(2, 2, 2)
"""So many deviations of each kind, and in all."""


@dataclass(frozen=True)
class Scenario:
    """A few invocations, and the bounds within which all their schedules are searched."""

    play: Callable[[Play], None]
    invocations: int
    at_least: int
    """Fewer schedules than that, and the search has become an empty one."""
    quick: Bounds = _ONE
    deep: Bounds = _TWO

    @property
    def name(self) -> str:
        """Return what it is called by."""
        return self.play.__name__.replace("_", "-")


@dataclass(frozen=True)
class Violation:
    """A run that broke an invariant."""

    text: str
    path: tuple[Choice, ...]
    told: tuple[str, ...]
    log: tuple[str, ...]

    def length(self) -> tuple[int, int]:
        """Count its deviations, then the lines of its log."""
        return len(self.told), len(self.log)


@dataclass
class Found:
    """What a search came to."""

    scenario: Scenario
    bounds: Bounds
    schedules: int = 0
    longest: int = 0
    """Choices of the longest path."""
    ends: set[tuple[Any, ...]] = field(default_factory=set)
    """Different states that schedules lead to."""
    is_exhausted: bool = False
    violations: int = 0
    shortest: dict[str, Violation] = field(default_factory=dict)
    """The shortest run to each violation."""
    seconds: float = 0.0

    def add(self, violation: Violation) -> None:
        """Count a violation, and keep the shortest."""
        self.violations += 1
        known = self.shortest.get(violation.text, violation)
        self.shortest[violation.text] = min(known, violation, key=Violation.length)


def explore(scenario: Scenario, bounds: Bounds, *, first_only: bool = False) -> Found:
    """Search a scenario within bounds, or until the first violation."""
    found, start = Found(scenario, bounds), time.monotonic()
    path: list[Choice] | None = []
    while path is not None and found.schedules < bounds.limit:
        explorer = Explorer(bounds, path)
        violation = played(scenario, explorer, found.ends)
        found.schedules += 1
        found.longest = max(found.longest, len(explorer.path))
        if violation is not None:
            found.add(violation)
        if violation is not None and first_only:
            break
        path = incremented(explorer.path)
    found.is_exhausted = path is None
    found.seconds = time.monotonic() - start
    return found


def played(scenario: Scenario, explorer: Explorer, ends: set[tuple[Any, ...]]) -> Violation | None:
    """Play one path; an end that was judged before is not judged again."""
    play = Play(explorer)
    try:
        scenario.play(play)
        play.run()
        end = play.end()
        if end not in ends:
            play.converge()
            ends.add(end)
    except ViolationError as violation:
        path, told = tuple(explorer.path), tuple(explorer.told)
        return Violation(str(violation), path, told, tuple(play.world.log))
    finally:
        play.scheduler.forget()
    return None
