"""Sync switched on over the real function: an event of each side comes through to its count."""

from collections.abc import Iterator

import pytest
from tests.cli.commands.test_verify import sides
from tests.cli.conftest import Cli
from tests.cli.switching import IS_ON, Shop, shop_of

from customerlink.cli import sync_beats
from sandbox.following import by_itself, following
from sandbox.patience import PATIENCE_SECONDS

__all__ = ["sides"]


@pytest.fixture
def shop(sides: Cli) -> Iterator[Shop]:
    """Return an installed deployment whose sync is off, and whose sandbox counts nothing itself."""
    with shop_of(sides) as made:
        made.deaf |= {"sync_test", "sync_beat"}
        yield made


def test_proved(shop: Shop) -> None:
    """Both come by the rules of the template, the queue and the function, and are counted there."""
    shop.cli.patch.setattr(sync_beats, "POLL_SECONDS", 0.2)
    shop.cli.patch.setattr(sync_beats, "PATIENCE_SECONDS", PATIENCE_SECONDS)
    with following(shop.box) as told, by_itself(told):
        result = shop.on()

    assert (result.code, shop.end_state()) == (0, IS_ON), result.err
    assert told.delivered == 2
