"""What is done by turns that were taken before, and once more where a service refuses."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from customerlink.model.errors import NoTurnError
from customerlink.model.rates import Endpoint
from customerlink.ports.rate import TRIES, by_turns

USUAL = (Endpoint.READ_USERS, Endpoint.LIST)


class Waiting:
    """Notes for what was waited, and refuses some requests."""

    def __init__(self, *refused: Endpoint | None) -> None:
        """Take at which endpoints, one after the other."""
        self.refused = [*refused]
        self.waited: list[tuple[Endpoint, ...]] = []

    @contextmanager
    def ahead(self, endpoints: Iterable[Endpoint]) -> Iterator[None]:
        """Wait for a turn at each."""
        self.waited.append((*endpoints,))
        yield

    def act(self) -> str:
        """Do it."""
        if self.refused:
            raise NoTurnError(self.refused.pop(0))
        return "done"


def test_whatever_was_refused_is_waited_for() -> None:
    """Its turns may be none of those that are usual."""
    waiting = Waiting(Endpoint.WRITE_USERS, Endpoint.CHANGE)

    assert by_turns(waiting.ahead, iter(USUAL), waiting.act) == "done"
    assert waiting.waited == [USUAL, (*USUAL, Endpoint.WRITE_USERS), (*USUAL, Endpoint.CHANGE)]


def test_limit_that_lasts() -> None:
    """It is given up on."""
    waiting = Waiting(*[Endpoint.LIST] * TRIES)
    with pytest.raises(NoTurnError):
        by_turns(waiting.ahead, USUAL, waiting.act)

    assert len(waiting.waited) == TRIES


def test_turn_that_comes_too_late() -> None:
    """It was not asked, and comes no sooner for being waited for again."""
    waiting = Waiting(None)
    with pytest.raises(NoTurnError):
        by_turns(waiting.ahead, USUAL, waiting.act)

    assert waiting.waited == [USUAL]
