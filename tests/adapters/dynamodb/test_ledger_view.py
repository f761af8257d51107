"""The ledger as an operator looks at it: on moto, dynalite and the simulation's table."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.adapters.dynamodb.ledger_world import CUSTOMER, OTHER, World

from customerlink.adapters.aws.aws_json import AwsSilentError
from customerlink.adapters.dynamodb.ledger_view import DynamoDbLedgerView
from customerlink.adapters.dynamodb.sync_ledger import DynamoDbSyncLedger
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import (
    EMAIL_LOCK_SECONDS,
    RECORD_LEASE_SECONDS,
    SETTLED_SECONDS,
    Adoption,
    Standing,
)
from customerlink.model.sync_memory import SYNC_LEASE_SECONDS
from customerlink.model.user import CustomerId, User, UserId
from customerlink.ports.run import Run
from sandbox.aws import TABLE


@pytest.fixture
def view(world: World) -> DynamoDbLedgerView:
    """Return the view over the world's table."""
    return DynamoDbLedgerView(world.client, TABLE, Run(world.clock, "looks", 9_999.0))


def test_nobody(world: World, view: DynamoDbLedgerView) -> None:
    """Who has no record stands nowhere, and an address is free."""
    assert view.standing(world.user) == Standing()
    assert view.lock_on(world.user.tenant, address(world)) is None


def test_open(world: World, view: DynamoDbLedgerView) -> None:
    """It is held until its lease ends, settled a minute later, and told to Auth0 in an hour."""
    world.opened()
    under_way = Standing(is_settled=False, is_told=False, is_open=True)
    assert view.standing(world.user) == replace(under_way, is_held=True)
    world.clock.sleep(RECORD_LEASE_SECONDS + 1)
    assert view.standing(world.user) == under_way
    world.clock.sleep(SETTLED_SECONDS)
    assert view.standing(world.user) == Standing(is_told=False, is_open=True)


def test_linked(world: World, view: DynamoDbLedgerView) -> None:
    """With its customer, and nobody holds it."""
    ledger, lease = world.opened()
    ledger.link(lease, CUSTOMER)

    assert view.standing(world.user) == Standing(
        customer_id=CUSTOMER, is_settled=False, is_told=False
    )


def test_refused(world: World, view: DynamoDbLedgerView) -> None:
    """Nobody holds it; of a create that was not sent nothing is under way."""
    ledger, lease = world.opened()
    ledger.refuse(lease, Reason.EMAIL_IN_USE)

    assert view.standing(world.user) == Standing()


def test_adopting(world: World, view: DynamoDbLedgerView) -> None:
    """The customer that is about to be theirs."""
    ledger, lease = world.opened(None)
    ledger.begin_adoption(lease, Adoption(CustomerId("cus_9"), OTHER))

    assert view.standing(world.user).customer_id == "cus_9"


@pytest.mark.parametrize("spelled", [str, str.upper, str.lower])
def test_lock(world: World, view: DynamoDbLedgerView, spelled: Callable[[str], str]) -> None:
    """Who has it, whatever the letter case, and until when; then nobody."""
    ledger, lease = world.opened()
    ledger.lock_email(lease, address(world))
    found = view.lock_on(world.user.tenant, spelled(address(world)))

    assert found is not None
    assert found.holder == world.user
    assert found.until == pytest.approx(world.clock.now + EMAIL_LOCK_SECONDS)
    world.clock.sleep(EMAIL_LOCK_SECONDS + 1)
    assert view.lock_on(world.user.tenant, address(world)) is None


@pytest.mark.parametrize("name", ["auth0|1", "samlp|acme|a#b", "google-oauth2|#"])
def test_claim(world: World, view: DynamoDbLedgerView, name: str) -> None:
    """Who has a customer's, whatever characters the id has; or nobody."""
    customer_id = CustomerId(f"{world.user.user_id} {name}")
    assert view.claimed_by(customer_id) is None
    who = User(world.user.tenant, UserId(name))
    ledger, _ = world.opened(None)
    assert ledger.claim(who, Adoption(customer_id))

    assert view.claimed_by(customer_id) == who


def test_reconciled(world: World, view: DynamoDbLedgerView) -> None:
    """From when somebody looks at a user until what they may have sent has come; or given back."""
    assert not view.is_reconciled(world.user)
    run = Run(world.clock, "reconciles", 9_999.0)
    ledger = DynamoDbSyncLedger(world.client, TABLE, run)
    ledger.take(world.user)
    assert view.is_reconciled(world.user)
    world.clock.sleep(SYNC_LEASE_SECONDS + 1)
    assert not view.is_reconciled(world.user)
    lease = ledger.take(world.user)
    assert lease
    ledger.give_back(lease, lease.memory)

    assert not view.is_reconciled(world.user)


def test_ledger_that_does_not_answer(world: World, view: DynamoDbLedgerView) -> None:
    """That is no "there is none"."""
    world.client.troubles += [AwsSilentError("TimeoutError")] * 9

    with pytest.raises(LedgerUnavailableError):
        view.standing(world.user)


def address(world: World) -> str:
    """Return an address of the user's own: tests share the table."""
    return f"{world.user.user_id.partition('|')[2]}@Example.com"
