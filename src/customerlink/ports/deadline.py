"""Until when an invocation may go on, and the clock that says so."""

from typing import Protocol

SIGN_UP_SECONDS = 5.0
"""The whole sign-up's budget; the Action gives up on a try after 6 s."""

LEDGER_RESERVE_SECONDS = 1.8
"""Kept back from calls to Stripe, so that their outcome can still be written down.

Two of the ledger's calls and a margin: the first one may get no answer, and none is started with
less than its own time-outs left (`adapters.dynamodb.table.CALL_SECONDS`)."""


class Clock(Protocol):
    """Time as Python's own `time` module has it, which is the clock outside of tests."""

    def time(self) -> float:
        """Return the wall clock in unix seconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Wait."""
        ...


class Deadline:
    """A budget of seconds, from now on."""

    def __init__(self, clock: Clock, seconds: float = SIGN_UP_SECONDS) -> None:
        """Start the clock."""
        self.seconds = seconds
        self._clock = clock
        self._end = clock.monotonic() + seconds
        self._wall_end = clock.time() + seconds

    def remaining(self) -> float:
        """Return the seconds left, which may be below zero.

        By both clocks: a monotonic one stands still while a machine sleeps, and whoever wakes up
        after the email lock's end must not send what it was about to send.
        """
        return min(self._end - self._clock.monotonic(), self._wall_end - self._clock.time())

    def remaining_for_stripe(self) -> float:
        """Return the seconds that a call to Stripe may use."""
        return self.remaining() - LEDGER_RESERVE_SECONDS
