"""`customerlink uninstall --sync`: off again, in the reverse order, whatever interrupts it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.commands.test_install_sync import breaking
from tests.cli.commands.test_verify import sides
from tests.cli.conftest import ACTION, FOREIGN, Cli, Result
from tests.cli.switching import IS_ON, NAME, Shop, shop_of, told

from customerlink.cli.deployment import Deployment
from customerlink.cli.event_destination import EventDestinations
from customerlink.cli.event_stream import EventStreams

__all__ = ["sides"]


@pytest.fixture
def on(sides: Cli) -> Iterator[Shop]:
    """Return a deployment whose sync is on."""
    with shop_of(sides) as made:
        made.with_nobody_to_enrol()
        assert made.on().code == 0
        yield made


def off(shop: Shop, *words: str, key: str | None = None) -> Result:
    """Run it, with the key typed."""
    return shop.cli("uninstall", "--sync", *words, stdin=shop.key if key is None else key)


def left(shop: Shop) -> tuple[Any, ...]:
    """Return what is there of sync."""
    sources = [shop.parameters()[each] for each in ("Auth0EventSource", "StripeEventSource")]
    live = [each["id"] for each in shop.box.stripe.live_customers()]
    return shop.streams(), shop.destinations(), sources, live


IS_OFF: tuple[Any, ...] = ([], [], ["", ""], [])


def test_switched_off(on: Shop) -> None:
    """Dry, it tells each step; then nothing of it is left, the Actions are; again it is nothing."""
    dry = off(on, "--dry-run", "--json").json()
    assert on.end_state() == IS_ON
    result = off(on)

    assert (result.code, left(on)) == (0, IS_OFF), told(result)
    assert "Sync is off." in result.out
    assert [each["kind"] for each in dry["changes"]] == [
        "disable Auth0's event stream",
        "take both event sources out of the stack",
        "delete Stripe's event destination",
        "delete Auth0's event stream",
        "delete the customer that was changed for beats",
    ]
    assert on.cli.flow() == [*FOREIGN, ACTION]
    assert "Nothing to do: sync is off." in off(on).out
    assert "Nothing to do: sync is off." in off(on, "--dry-run").out
    assert (on.on().code, on.end_state()) == (0, IS_ON)

    # The Actions alone: that sync stays on is said, with what switches it off.
    result = on.cli("uninstall")
    assert (result.code, on.end_state()) == (0, IS_ON)
    assert "customerlink uninstall --sync" in result.out


INTERRUPTED: list[tuple[Any, str]] = [
    (EventStreams, "switch"),
    (Deployment, "change_parameters"),
    (EventDestinations, "find"),
    (EventDestinations, "delete"),
    (EventStreams, "delete"),
]


def test_interrupted(on: Shop) -> None:
    """Before a step, and after it: the same command goes on; what it may not delete, it tells."""
    for place, name in INTERRUPTED:
        for after in (False, True):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(place, name, breaking(getattr(place, name), after=after))
                stopped = off(on)
            is_over = place is EventStreams and name == "switch" and after
            assert stopped.code == 3 or is_over, (name, after, told(stopped))
    assert (off(on).code, left(on)) == (0, IS_OFF)

    # Without its key Stripe's destination is the operator's to delete, and all the rest is gone.
    assert on.on().code == 0
    result = off(on, key="")
    assert (result.code, left(on)[0], left(on)[2]) == (0, [], ["", ""])
    assert f"{NAME} is yours to delete" in result.out
    # What another tool owns stays for it; the stack lets go of both sources.
    assert on.on().code == 0
    Path("customerlink.toml").write_text('actions = "declared"\n')
    result = off(on)
    assert (result.code, len(on.streams()), left(on)[2]) == (0, 1, ["", ""])
    assert "for the tool that declares the tenant" in result.out
