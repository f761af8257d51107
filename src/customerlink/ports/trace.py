"""What an invocation did, for its log line and its metrics: numbers and Stripe's request ids."""

from collections.abc import Iterator
from contextlib import contextmanager

from customerlink.ports.deadline import Clock


class Trace:
    """Written by whoever does something, and read once, at the end."""

    def __init__(self, clock: Clock) -> None:
        """Start with nothing."""
        self.attempt = 0
        """Of the sign-up; 0 where no record was opened."""
        self.steps: dict[str, float] = {}
        """Milliseconds of each step, all its times added up."""
        self.stripe_request_ids: list[str] = []
        self.stripe_statuses: list[int] = []
        self.stripe_retries = 0
        self.unknown_outcomes = 0
        self.key_rejections = 0
        self._clock = clock

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time that the block takes to the step's."""
        start = self._clock.monotonic()
        try:
            yield
        finally:
            spent = (self._clock.monotonic() - start) * 1000
            self.steps[name] = round(self.steps.get(name, 0.0) + spent, 3)
