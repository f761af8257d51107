"""Writes that took effect and whose answers were lost: the repetition finds its own."""

import pytest
from tests.adapters.dynamodb.ledger_world import CUSTOMER, OTHER, World

from customerlink.adapters.dynamodb.table import CALL_SECONDS
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import Adoption, Lease
from customerlink.ports.deadline import LEDGER_RESERVE_SECONDS, SIGN_UP_SECONDS


@pytest.mark.parametrize("admission", [True, False])
def test_lost_answer_to_open(world: World, *, admission: bool) -> None:
    """The repetition finds its own lease, not somebody else's."""
    since = world.clock.now
    world.client.lost = 1
    _, lease = world.opened(admission=admission)

    assert (lease.epoch, lease.attempt_since) == (1, since)
    assert (lease.create, lease.was_sent) == (world.create(), False)
    assert lease.admitted is admission
    assert not lease.has_create_under_way(world.clock.time())


def test_lost_answer_to_open_again(world: World) -> None:
    """What an earlier invocation did is not known then, so its create may be under way."""
    ledger, first = world.opened()
    ledger.release(first)
    world.client.lost = 1
    _, lease = world.opened()

    assert (lease.epoch, lease.was_sent) == (2, True)
    assert lease.has_create_under_way(world.clock.time())
    assert lease.admitted


def test_lost_answer_to_open_what_was_refused(world: World) -> None:
    """How it was refused is still known, and an adoption that has begun."""
    ledger, lease = world.opened()
    begun = ledger.begin_adoption(lease, Adoption(CUSTOMER, OTHER))
    assert isinstance(begun, Lease)
    ledger.refuse(begun, Reason.EMAIL_IN_USE)
    world.client.lost = 1
    _, lease = world.opened(admission=False)

    assert (lease.epoch, lease.refused) == (2, Reason.EMAIL_IN_USE)
    assert lease.adopting == Adoption(CUSTOMER, OTHER)
    assert lease.admitted


def test_lost_answer_to_open_without_address(world: World) -> None:
    """Nobody sent what nobody wrote down."""
    ledger, first = world.opened(None)
    ledger.release(first)
    world.client.lost = 1
    _, lease = world.opened(None)

    assert (lease.epoch, lease.was_sent) == (2, False)


def test_lost_answer_to_link(world: World) -> None:
    """The repetition finds its own link."""
    ledger, lease = world.opened()
    world.client.lost = 1

    assert ledger.link(lease, CUSTOMER)


def test_lost_answer_to_refuse(world: World) -> None:
    """The repetition changes nothing more."""
    ledger, lease = world.opened()
    world.client.lost = 1
    ledger.refuse(lease, Reason.EMAIL_IN_USE)

    assert world.record()["state"] == "refused"


def test_reserve_is_enough_for_a_lost_answer(world: World) -> None:
    """A write that begins when Stripe's share of the budget is spent is carried out."""
    ledger, lease = world.opened()
    world.clock.sleep(SIGN_UP_SECONDS - LEDGER_RESERVE_SECONDS)
    world.client.lost, world.client.wait = 1, CALL_SECONDS

    assert ledger.link(lease, CUSTOMER)
