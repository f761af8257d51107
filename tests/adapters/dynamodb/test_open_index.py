"""The sparse index of open sign-ups: on moto and on dynalite."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.fakes import FakeClock

from customerlink.adapters.dynamodb import open_index
from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.adapters.dynamodb.newcomers import DynamoDbNewcomers
from customerlink.adapters.dynamodb.open_index import (
    count_open,
    due_newcomers,
    due_users,
    open_sign_ups,
    owed_users,
)
from customerlink.adapters.dynamodb.sync_ledger import DynamoDbSyncLedger
from customerlink.model.customer import NewCustomer
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import RECORD_LEASE_SECONDS, Adoption, Lease, Linked
from customerlink.model.signup import SignUp
from customerlink.model.sync_memory import Memory
from customerlink.model.user import CustomerId, Tenant, User, UserId
from customerlink.ports.run import Run
from sandbox.aws import TABLE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

USER = User(Tenant("acme"), UserId("auth0|index"))
CREATE = NewCustomer.of(SignUp(USER, 1), "ada@example.com")


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that the test moves."""
    return FakeClock()


def invocation(client: "DynamoDBClient", clock: FakeClock) -> DynamoDbLedger:
    """Return the ledger as another invocation has it."""
    return DynamoDbLedger(Boto3DynamoDb(client), TABLE, Run(clock, f"owner-{time.monotonic_ns()}"))


def opened(
    client: "DynamoDBClient", clock: FakeClock, *, admission: bool = True
) -> tuple[DynamoDbLedger, Lease]:
    """Open the sign-up in a new invocation."""
    ledger = invocation(client, clock)
    lease = ledger.open(USER, CREATE, admission=admission)
    assert isinstance(lease, Lease)
    return ledger, lease


def test_open_since_the_first_time(client: "DynamoDBClient", clock: FakeClock) -> None:
    """A sign-up that is tried again is as old as its first try."""
    start = clock.time()
    ledger, lease = opened(client, clock)
    ledger.release(lease)
    clock.sleep(RECORD_LEASE_SECONDS + 1)
    opened(client, clock)

    assert count_open(client, TABLE, start) == 0
    assert count_open(client, TABLE, start + 1) == 1


def test_linked_is_not_open(client: "DynamoDBClient", clock: FakeClock) -> None:
    """Until its customer is gone, and it is opened again from then on."""
    ledger, lease = opened(client, clock)
    ledger.link(lease, CustomerId("cus_1"))
    assert count_open(client, TABLE, clock.time() + 1) == 0

    clock.sleep(100)
    stale = Linked(CustomerId("cus_1"), lease.epoch)
    invocation(client, clock).reopen(USER, stale, CREATE)
    assert count_open(client, TABLE, clock.time() - 1) == 0
    assert count_open(client, TABLE, clock.time() + 1) == 1


def test_refused_is_not_open(client: "DynamoDBClient", clock: FakeClock) -> None:
    """Its cause is for the user, not for an operator."""
    ledger, lease = opened(client, clock)
    ledger.refuse(lease, Reason.EMAIL_IN_USE)

    assert count_open(client, TABLE, clock.time() + 1) == 0


@pytest.mark.parametrize("was_refused", [True, False])
def test_closed_is_not_open(
    client: "DynamoDBClient", clock: FakeClock, *, was_refused: bool
) -> None:
    """Whether a refusal is put back or not; whoever tries next opens it from then on."""
    ledger, lease = opened(client, clock, admission=was_refused)
    if was_refused:
        ledger.refuse(lease, Reason.EMAIL_IN_USE)
        ledger, lease = opened(client, clock, admission=False)
    ledger.close(lease)
    assert count_open(client, TABLE, clock.time() + 1) == 0

    clock.sleep(100)
    opened(client, clock)
    assert count_open(client, TABLE, clock.time() - 1) == 0
    assert [*open_sign_ups(client, TABLE, clock.time() + 1)] == [USER]


def test_opened_without_the_person_is_open(client: "DynamoDBClient", clock: FakeClock) -> None:
    """Whatever began it, a repair finishes it."""
    opened(client, clock, admission=False)

    assert [*open_sign_ups(client, TABLE, clock.time() + 1)] == [USER]


def test_the_installation_is_not_open(client: "DynamoDBClient", clock: FakeClock) -> None:
    """Nor is an adoption's claim."""
    ledger = invocation(client, clock)
    ledger.installed_at()
    ledger.claim(USER, Adoption(CustomerId("cus_1")))

    assert count_open(client, TABLE, clock.time() + 1) == 0


def test_an_email_lock_is_not_open(client: "DynamoDBClient", clock: FakeClock) -> None:
    """The index holds sign-ups alone."""
    ledger, lease = opened(client, clock)
    ledger.lock_email(lease, "ada@example.com")

    assert count_open(client, TABLE, clock.time() + 1) == 1


def test_due(client: "DynamoDBClient", clock: FakeClock) -> None:
    """Those whose time has come, the longest due first; none of them is an open sign-up."""
    now = clock.time()
    run = Run(clock, "sync", 9_999.0)
    remembered = DynamoDbSyncLedger(Boto3DynamoDb(client), TABLE, run)
    users = [User(USER.tenant, UserId(f"auth0|{name}")) for name in ("a#b", "b", "c", "d")]
    for user, due_at in zip(users, (now - 1, now - 3, now - 2, now + 9), strict=True):
        remembered.park(user, due_at, {})
    opened(client, clock)
    first, second, third, _ = users

    assert due_users(client, TABLE, now, 9) == [second, third, first]
    assert due_users(client, TABLE, now, 2) == [second, third]
    assert [*open_sign_ups(client, TABLE, now + 9)] == [USER]
    lease = remembered.take(second)
    assert lease is not None
    remembered.give_back(lease, Memory())
    assert due_users(client, TABLE, now, 9) == [third, first]


def test_another_tenants_take_nobodys_place(client: "DynamoDBClient", clock: FakeClock) -> None:
    """However many are due, and longer: in a table that two tenants had."""
    run = Run(clock, "sync", 9_999.0)
    remembered = DynamoDbSyncLedger(Boto3DynamoDb(client), TABLE, run)
    newcomers = DynamoDbNewcomers(Boto3DynamoDb(client), TABLE, run)
    now = clock.time()
    for number in range(3):
        other = User(Tenant("other"), UserId(f"auth0|{number}"))
        remembered.park(other, now - 9, {})
        newcomers.note(other, now - 9)
    remembered.park(USER, now - 1, {})
    newcomers.note(USER, now - 1)

    assert due_users(client, TABLE, now, 2, USER.tenant) == [USER]
    assert due_newcomers(client, TABLE, now, 2, USER.tenant) == [USER]


def test_owed(client: "DynamoDBClient", clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who only waits for a grace to end is owed nothing; whose grace is over, or is held, is."""
    monkeypatch.setattr(open_index, "_AT_ONCE", 2)
    run = Run(clock, "sync", 9_999.0)
    remembered = DynamoDbSyncLedger(Boto3DynamoDb(client), TABLE, run)
    now, day = clock.time(), 24 * 3600.0
    gone = Memory(gone_since=now - day, gone_until=now + day)
    memories = {
        "waits": replace(gone, due_at=now + day),
        "was put off while it waits": replace(gone, due_at=now + 5),
        "is over": replace(gone, gone_until=now - 1, due_at=now + 1),
        "is held": replace(gone, due_at=now + 2, held="too_many_deletions"),
        "is there": Memory(due_at=now + 3),
        "waits too": replace(gone, due_at=now + 4),
    }
    for name, each in memories.items():
        lease = remembered.take(User(USER.tenant, UserId(name)))
        assert lease is not None
        remembered.give_back(lease, each)
    owed = owed_users(client, TABLE, now, now + 2 * day, 999)

    assert [each.user_id for each in owed] == ["is over", "is held", "is there"]


def test_newcomer_who_was_told(client: "DynamoDBClient", clock: FakeClock) -> None:
    """Is due no more when the event comes twice; made once more, they are."""
    now = clock.time()
    run = Run(clock, "sync", 9_999.0)
    newcomers = DynamoDbNewcomers(Boto3DynamoDb(client), TABLE, run)
    for _ in range(2):
        newcomers.note(USER, now - 9)
        assert due_newcomers(client, TABLE, now, 9, USER.tenant) == [USER]
    newcomers.told(USER)
    newcomers.note(USER, now - 9)
    assert due_newcomers(client, TABLE, now, 9, USER.tenant) == []

    newcomers.note(USER, now - 1)
    assert due_newcomers(client, TABLE, now, 9, USER.tenant) == [USER]
