"""How often something may be done."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from customerlink.model.errors import NoTurnError
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


TRIES = 10
"""So often is tried what a service refuses: for minutes, as nothing is held meanwhile."""


def by_turns[Result](
    ahead: Callable[[Iterable[Endpoint]], AbstractContextManager[None]],
    endpoints: Iterable[Endpoint],
    act: Callable[[], Result],
) -> Result:
    """Do by turns that are waited for before what may hold something that a log-in waits for.

    Where a service refuses a request amid it, its limit is waited for after the act has given back
    what it held, and the act is done once more. Raise `NoTurnError` where that stays so.
    """
    always = wanted = (*endpoints,)
    for tries_left in reversed(range(TRIES)):
        with ahead(wanted):
            try:
                return act()
            except NoTurnError as refused:
                if refused.endpoint is None or not tries_left:
                    raise
                wanted = (*always, refused.endpoint)
    raise AssertionError("unreachable")


def take_turns(rates: Rates, endpoints: Iterable[Endpoint]) -> None:
    """Wait for a turn at each endpoint, before the first is asked."""
    for each in endpoints:
        rates.of(each).take()


def refused(rates: Rates, endpoints: Iterable[Endpoint], seconds: float) -> None:
    """Let nobody ask endpoints for some seconds, and everybody less often for a while."""
    for limiter in {id(each): each for each in map(rates.of, endpoints)}.values():
        limiter.pause(seconds)
        limiter.slow()
