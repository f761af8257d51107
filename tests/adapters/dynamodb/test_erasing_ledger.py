"""Claims taken back, and records deleted: on moto, dynalite and the simulation's table."""

import pytest
from tests.adapters.dynamodb.ledger_world import NUMBERS, OTHER, World

from customerlink.adapters.dynamodb.erasing_ledger import DynamoDbErasingLedger
from customerlink.model.sign_up_record import RECORD_LEASE_SECONDS, Adoption, Busy, Lease
from customerlink.model.sync_memory import SYNC_LEASE_SECONDS
from customerlink.model.user import CustomerId
from customerlink.ports.run import Run
from sandbox.aws import TABLE


def erasing(world: World, owner: str = "eraser") -> DynamoDbErasingLedger:
    """Return it as an invocation has it."""
    return DynamoDbErasingLedger(world.client, TABLE, Run(world.clock, owner, 9_999.0))


def opened(world: World, owner: str = "eraser") -> Lease:
    """Open the record, which nobody has."""
    lease = erasing(world, owner).open(world.user, None, admission=False)
    assert isinstance(lease, Lease)
    return lease


@pytest.mark.parametrize("is_theirs", [True, False])
def test_claim(world: World, *, is_theirs: bool) -> None:
    """A user's own is taken back, once; another one's stays."""
    customer_id = CustomerId(f"cus_{next(NUMBERS)}")
    world.invocation().claim(world.user if is_theirs else OTHER, Adoption(customer_id))

    assert erasing(world).disclaim(world.user, customer_id) is is_theirs
    assert not erasing(world).disclaim(world.user, customer_id)
    assert world.invocation().claim(OTHER, Adoption(customer_id))


def test_forgotten(world: World) -> None:
    """The record is deleted by who has it; a repetition says the same."""
    lease = opened(world)
    assert erasing(world).forget(lease)

    assert erasing(world).forget(lease)
    assert not world.invocation().has_record(world.user)


def test_lost_answer(world: World) -> None:
    """A repetition finds it done."""
    lease = opened(world)
    world.client.lost = 1

    assert erasing(world).forget(lease)


def test_lease(world: World) -> None:
    """It outlasts a sign-up's; once it is over, who has the record then keeps it."""
    lease = opened(world)
    world.clock.sleep(RECORD_LEASE_SECONDS + 1)
    assert isinstance(world.invocation().open(world.user, None, admission=True), Busy)
    world.clock.sleep(SYNC_LEASE_SECONDS)
    opened(world, "another")

    assert not erasing(world).forget(lease)
