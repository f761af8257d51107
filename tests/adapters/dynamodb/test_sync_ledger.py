"""What is remembered after the sign-up: on moto, dynalite and the simulation's table."""

from dataclasses import replace

import pytest
from tests.adapters.dynamodb.ledger_world import World

from customerlink.adapters.aws.aws_json import AwsSilentError
from customerlink.adapters.dynamodb.sync_ledger import DynamoDbSyncLedger
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.sync_memory import SYNC_LEASE_SECONDS, Memory, SyncLease
from customerlink.model.user import CustomerId
from customerlink.ports.run import Run
from sandbox.aws import TABLE

FULL = Memory(
    CustomerId("cus_1"),
    {"email": "0123456789abcdef", "metadata.a-b.c": "fedcba9876543210"},
    {"email": frozenset({"0123456789abcdef", "1111111111111111"})},
    (1_795_000_000.5, 1_795_000_001.0),
    "2222222222222222",
)


def ledger(world: World, owner: str = "owner") -> DynamoDbSyncLedger:
    """Return it as an invocation has it."""
    return DynamoDbSyncLedger(world.client, TABLE, Run(world.clock, owner, 9_999.0))


def taken(world: World, owner: str = "owner") -> SyncLease:
    """Take the lease, which nobody has."""
    lease = ledger(world, owner).take(world.user)
    assert lease is not None
    return lease


def test_nobody(world: World) -> None:
    """Of a user who was never looked at nothing is remembered, and looking leaves it so."""
    assert ledger(world).recall(world.user) == Memory()
    assert taken(world) == SyncLease(world.user, 1, Memory())


@pytest.mark.parametrize("memory", [FULL, Memory(), replace(FULL, writing={}, corrections=())])
def test_there_and_back(world: World, memory: Memory) -> None:
    """What is written down is what is read."""
    assert ledger(world).give_back(taken(world), memory)

    assert ledger(world).recall(world.user) == memory
    assert taken(world, "next") == SyncLease(world.user, 2, memory)


def test_lease(world: World) -> None:
    """One at a time; who was given up on changes nothing any more."""
    lease = taken(world)
    assert ledger(world).remember(lease, FULL)
    assert ledger(world, "second").take(world.user) is None
    world.clock.sleep(SYNC_LEASE_SECONDS + 1)
    second = taken(world, "second")
    assert second == SyncLease(world.user, 2, FULL)

    assert not ledger(world).remember(lease, Memory())
    assert not ledger(world).give_back(lease, Memory())
    assert ledger(world).recall(world.user) == FULL
    assert ledger(world, "third").take(world.user) is None


def test_lost_answers(world: World) -> None:
    """A repetition knows its own; of the lease, what was remembered is there still."""
    ledger(world).give_back(taken(world), FULL)
    world.client.lost = 1
    lease = taken(world, "again")
    assert lease == SyncLease(world.user, 2, FULL)
    world.client.lost = 1
    assert ledger(world, "again").give_back(lease, Memory())

    assert ledger(world).recall(world.user) == Memory()


@pytest.mark.parametrize("call", ["recall", "take"])
def test_ledger_that_does_not_answer(world: World, call: str) -> None:
    """It is an error, never "nobody"."""
    world.client.troubles = [AwsSilentError("TimeoutError")] * 3

    with pytest.raises(LedgerUnavailableError):
        getattr(ledger(world), call)(world.user)
