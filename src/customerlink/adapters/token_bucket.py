"""A token bucket: so many requests a second, whichever thread makes them."""

import threading
import time
from collections.abc import Callable

from customerlink.ports.rate import RateLimiter


class Unlimited(RateLimiter):
    """As often as somebody asks: one person at a command line needs no turn."""

    def take(self) -> None:
        """Go on."""

    def pause(self, seconds: float) -> None:
        """Go on."""


class TokenBucket:
    """Spreads requests evenly, after a burst of one second's worth at the most."""

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start with one token."""
        self.per_second = per_second
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._next = clock()

    def take(self) -> None:
        """Wait for this request's turn."""
        with self._lock:
            now = self._clock()
            turn = max(self._next, now - 1.0)
            self._next = turn + 1 / self.per_second
        # Without the lock: meanwhile others take the turns after it.
        if turn > now:
            self._sleep(turn - now)

    def pause(self, seconds: float) -> None:
        """Let nobody go on for some seconds: the other side said so."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)
