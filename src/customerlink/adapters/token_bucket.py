"""A token bucket: so many requests a second, whichever thread makes them."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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
        now, turn = self._reserved(1)
        # Without the lock: meanwhile others take the turns after it.
        if turn > now:
            self._sleep(turn - now)

    def owe(self, turns: int) -> None:
        """Let the next ones wait for what was not waited for."""
        self._reserved(turns)

    def _reserved(self, turns: int) -> tuple[float, float]:
        """Take turns; return the time, and when the first one is."""
        with self._lock:
            now = self._clock()
            turn = max(self._next, now - 1.0)
            self._next = turn + turns / (self.per_second * self._tempo.at(now))
        return now, turn

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
        self._here = threading.local()

    def of(self, endpoint: Endpoint) -> RateLimiter:
        """Return an endpoint's."""
        limiter, balance = self._limiter(endpoint), self._balance
        return limiter if balance is None else _Prepaid(limiter, balance)

    @contextmanager
    def ahead(self, endpoints: Iterable[Endpoint]) -> Iterator[None]:
        """Take turns before; what is asked beyond them is taken when all is done."""
        limiters, outer = [*map(self._limiter, endpoints)], self._balance
        for each in limiters:
            each.take()
        balance = Counter[RateLimiter]() if outer is None else outer
        balance.update(limiters)
        self._here.balance = balance
        try:
            yield
        finally:
            self._here.balance = outer
            if outer is None:
                for limiter, left in balance.items():
                    limiter.owe(max(0, -left))

    @property
    def is_ahead(self) -> bool:
        """Return whether this thread has taken its turns before."""
        return self._balance is not None

    @property
    def _balance(self) -> Counter[RateLimiter] | None:
        """Return how many turns this thread has left of each, or owes; None where it waits."""
        found: Counter[RateLimiter] | None = getattr(self._here, "balance", None)
        return found

    def _limiter(self, endpoint: Endpoint) -> RateLimiter:
        bucket = self._limits.bucket(endpoint)
        with self._lock:
            if bucket not in self._buckets:
                self._buckets[bucket] = self._made(bucket)
            return self._buckets[bucket]


@dataclass(frozen=True)
class _Prepaid(RateLimiter):
    limiter: RateLimiter
    balance: Counter[RateLimiter]

    def take(self) -> None:
        """Go on, by a turn that was taken before, or is owed."""
        self.balance[self.limiter] -= 1

    def pause(self, seconds: float) -> None:
        """Let nobody take a turn for some seconds."""
        self.limiter.pause(seconds)

    def slow(self) -> None:
        """Let everybody go on half as fast, at first."""
        self.limiter.slow()


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
