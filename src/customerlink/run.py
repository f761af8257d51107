"""What one invocation carries along: its budget of time, and the trace of what it did."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

SIGN_UP_SECONDS = 5.0
"""The whole sign-up's budget; the Action gives up on a try after 6 s."""

LEDGER_RESERVE_SECONDS = 1.0
"""Kept back from calls to Stripe, so that their outcome can still be written down."""


class Clock(Protocol):
    """Time as Python's own `time` module has it, which is the clock outside of tests."""

    def time(self) -> float:
        """Give the wall clock in unix seconds."""
        ...

    def monotonic(self) -> float:
        """Give seconds of a clock that never goes back."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Wait."""
        ...


@dataclass(slots=True)
class Run:
    """One invocation: `owner` tells its writes from those of any other one."""

    clock: Clock
    owner: str
    seconds: float = SIGN_UP_SECONDS
    attempt: int = 0
    steps: dict[str, float] = field(default_factory=dict)
    stripe_request_ids: list[str] = field(default_factory=list)
    stripe_statuses: list[int] = field(default_factory=list)
    stripe_retries: int = 0
    unknown_outcomes: int = 0
    key_rejections: int = 0
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        """Start the budget's clock."""
        self._end = self.clock.monotonic() + self.seconds

    def remaining(self) -> float:
        """Give the seconds left, which may be below zero."""
        return self._end - self.clock.monotonic()

    def remaining_for_stripe(self) -> float:
        """Give the seconds that a call to Stripe may use."""
        return self.remaining() - LEDGER_RESERVE_SECONDS

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time that the block takes to the step's milliseconds."""
        start = self.clock.monotonic()
        try:
            yield
        finally:
            spent = (self.clock.monotonic() - start) * 1000
            self.steps[name] = round(self.steps.get(name, 0.0) + spent, 3)
