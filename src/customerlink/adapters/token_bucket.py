"""A token bucket: so many requests a second, whichever thread makes them."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from customerlink.model.rates import Bucket, Endpoint, Limits, Tempo
from customerlink.ports.rate import RateLimiter, Rates


class Unlimited(RateLimiter, Rates):
    """As often as somebody asks: one person at a command line needs no turn."""

    def of(self, _endpoint: Endpoint) -> RateLimiter:
        """Be the same for each."""
        return self

    def take(self) -> None:
        """Go on."""

    def pause(self, seconds: float) -> None:
        """Go on."""

    def slow(self) -> None:
        """Go on."""


class TokenBucket(RateLimiter, Rates):
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
        self._next, self._tempo = clock(), Tempo()

    def of(self, _endpoint: Endpoint) -> RateLimiter:
        """Be one for all."""
        return self

    def take(self) -> None:
        """Wait for this request's turn."""
        with self._lock:
            now = self._clock()
            turn = max(self._next, now - 1.0)
            self._next = turn + 1 / (self.per_second * self._tempo.at(now))
        # Without the lock: meanwhile others take the turns after it.
        if turn > now:
            self._sleep(turn - now)

    def pause(self, seconds: float) -> None:
        """Let nobody go on for some seconds: the other side said so."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)

    def slow(self) -> None:
        """Go on half as fast, at first."""
        with self._lock:
            self._tempo = self._tempo.slowed(self._clock())


class Buckets(Rates):
    """A bucket for each that the limits tell apart, made at its first use."""

    def __init__(self, limits: Limits, made: Callable[[Bucket], RateLimiter]) -> None:
        """Take the limits, and what makes a bucket."""
        self._limits, self._made = limits, made
        self._lock = threading.Lock()
        self._buckets: dict[Bucket, RateLimiter] = {}

    def of(self, endpoint: Endpoint) -> RateLimiter:
        """Return an endpoint's."""
        bucket = self._limits.bucket(endpoint)
        with self._lock:
            if bucket not in self._buckets:
                self._buckets[bucket] = self._made(bucket)
            return self._buckets[bucket]


@dataclass(frozen=True)
class Taken(Rates):
    """The rates of who has taken every turn before: what is refused still slows all others."""

    rates: Rates

    def of(self, endpoint: Endpoint) -> RateLimiter:
        """Return an endpoint's."""
        return _TakenTurn(self.rates.of(endpoint))


@dataclass(frozen=True)
class _TakenTurn(RateLimiter):
    limiter: RateLimiter

    def take(self) -> None:
        """Go on."""

    def pause(self, seconds: float) -> None:
        """Let nobody take a turn for some seconds."""
        self.limiter.pause(seconds)

    def slow(self) -> None:
        """Let everybody go on half as fast, at first."""
        self.limiter.slow()
