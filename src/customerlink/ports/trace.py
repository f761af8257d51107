"""What an invocation did, for its log line and its metrics: numbers, words, Stripe's ids."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from customerlink.model.failure import FailedAt, Failure, How
from customerlink.ports.deadline import Clock

_PLACES = {
    "start": FailedAt.START,
    "secret": FailedAt.SECRET,
    "stripe": FailedAt.STRIPE,
    "wait": FailedAt.EARLIER_TRY,
}
"""Where a step's time goes, by the first word of its name; the others' goes to the ledger."""


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
        self.failure: Failure | None = None
        """The first that no other try mended."""
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

    def fail(self, at: FailedAt, how: str) -> None:
        """Note a failure; the first one counts, since a later one may be what comes of it."""
        self.failure = self.failure or Failure(at, how)

    def run_out(self) -> None:
        """Note that no time was left for a call: whose steps took most of it, it failed at."""
        spent: Counter[FailedAt] = Counter()
        for name, milliseconds in self.steps.items():
            spent[_PLACES.get(name.partition("_")[0], FailedAt.LEDGER)] += round(milliseconds)
        [(slowest, _)] = spent.most_common(1) or [(FailedAt.START, 0)]
        self.fail(slowest, How.OUT_OF_TIME)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Note no failure of the block, without which all goes on."""
        before = self.failure
        try:
            yield
        finally:
            self.failure = before
