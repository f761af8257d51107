"""How often something may be done."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from customerlink.model.rates import Endpoint


class RateLimiter(Protocol):
    """At which requests are made."""

    def take(self) -> None:
        """Wait for this request's turn."""
        ...

    def owe(self, turns: int) -> None:
        """Take turns for requests that were made already: who comes next waits for them.

        Where nobody waits, nothing is owed.
        """
        del turns

    def pause(self, seconds: float) -> None:
        """Let nobody go on for some seconds: the other side is nearly at its limit."""
        ...

    def slow(self) -> None:
        """Let everybody go on half as fast, at first: the other side has refused a request."""
        ...


class Rates(Protocol):
    """At which requests to each endpoint are made."""

    def of(self, endpoint: Endpoint) -> RateLimiter:
        """Return that of an endpoint; some have one together."""
        ...

    @property
    def is_ahead(self) -> bool:
        """Return whether this thread is inside of `ahead`."""
        return False

    def ahead(self, endpoints: Iterable[Endpoint]) -> AbstractContextManager[None]:
        """Wait for a turn at each endpoint; inside, the thread waits for none.

        So nobody waits while a record is leased, or an address locked, for which a person's log-in
        waits. What is asked beyond those turns is owed.
        """
        take_turns(self, endpoints)
        return nullcontext()


def take_turns(rates: Rates, endpoints: Iterable[Endpoint]) -> None:
    """Wait for a turn at each endpoint, before the first is asked."""
    for each in endpoints:
        rates.of(each).take()


def refused(rates: Rates, endpoints: Iterable[Endpoint], seconds: float) -> None:
    """Let nobody ask endpoints for some seconds, and everybody less often for a while."""
    for limiter in {id(each): each for each in map(rates.of, endpoints)}.values():
        limiter.pause(seconds)
        limiter.slow()
