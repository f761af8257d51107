"""The choices of a run, and how many of them may deviate from the default."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Bounds:
    """How often a run may deviate from the default, and how many runs there may be."""

    faults: int
    preemptions: int
    together: int
    limit: int = 200_000


@dataclass(frozen=True)
class Choice:
    """One choice of a run."""

    taken: int
    options: int


class NotDeterministicError(Exception):
    """A path leads to other choices than it did before."""


def incremented(path: Sequence[Choice]) -> list[Choice] | None:
    """Return the next path in depth-first order; None when the search is exhausted."""
    left = list(path)
    while left and left[-1].taken == left[-1].options - 1:
        left.pop()
    if not left:
        return None
    return [*left[:-1], replace(left[-1], taken=left[-1].taken + 1)]
