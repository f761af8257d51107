"""Many users' refusals at once: on moto and on dynalite."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from tests.fakes import FakeClock

from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.items import record_key, s
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.adapters.dynamodb.refusals import PAGE, DynamoDbRefusals
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import Lease
from customerlink.model.user import CustomerId, Tenant, User, UserId
from customerlink.ports.run import Run
from sandbox.aws import TABLE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ACME, ADA = Tenant("acme"), UserId("auth0|ada")


def refusals(client: "DynamoDBClient") -> DynamoDbRefusals:
    """Return what is asked."""
    return DynamoDbRefusals(client, TABLE, ACME)


def opened(
    client: "DynamoDBClient", user_id: UserId, *, admission: bool = True
) -> tuple[DynamoDbLedger, Lease]:
    """Open a user's sign-up; return the ledger, and the lease."""
    ledger = DynamoDbLedger(Boto3DynamoDb(client), TABLE, Run(FakeClock(), f"of {user_id}"))
    lease = ledger.open(User(ACME, user_id), None, admission=admission)
    assert isinstance(lease, Lease)
    return ledger, lease


def refused(client: "DynamoDBClient", user_id: UserId, reason: Reason) -> None:
    """Refuse a user."""
    ledger, lease = opened(client, user_id)
    ledger.refuse(lease, reason)


REASONS = (Reason.EMAIL_IN_USE, Reason.EMAIL_MISSING, Reason.LINK_MISMATCH, Reason.DEFERRED)


@pytest.mark.parametrize("reason", REASONS)
def test_refused(client: "DynamoDBClient", reason: Reason) -> None:
    """As the ledger has it; who is not asked for is not told."""
    refused(client, ADA, reason)
    refused(client, UserId("auth0|bob"), Reason.EMAIL_INVALID)

    assert refusals(client).of([ADA, UserId("auth0|nobody"), ADA]) == {ADA: reason}


def linked(ledger: DynamoDbLedger, lease: Lease) -> object:
    """Link."""
    return ledger.link(lease, CustomerId("cus_1"))


@pytest.mark.parametrize(
    "end",
    [
        linked,
        lambda ledger, lease: ledger.release(lease),
        lambda ledger, lease: ledger.close(lease.sending()),
        lambda *_: None,
    ],
)
def test_not_refused(
    client: "DynamoDBClient", end: Callable[[DynamoDbLedger, Lease], object]
) -> None:
    """Linked, open, closed by what ran without the person: none of them is a refusal."""
    end(*opened(client, ADA))

    assert refusals(client).of([ADA]) == {}


def test_tried_again(client: "DynamoDBClient") -> None:
    """What comes of it is not known yet; closed without the person, it is refused as before."""
    refused(client, ADA, Reason.EMAIL_IN_USE)
    ledger, lease = opened(client, ADA, admission=False)
    assert refusals(client).of([ADA]) == {}
    ledger.close(lease)

    assert refusals(client).of([ADA]) == {ADA: Reason.EMAIL_IN_USE}


def test_reason_of_a_later_release(client: "DynamoDBClient") -> None:
    """A refusal without a reason that this release knows."""
    item = {**record_key(User(ACME, ADA)), "state": s("refused"), "reason": s("of_next_year")}
    client.put_item(TableName=TABLE, Item=item)

    assert refusals(client).of([ADA]) == {ADA: Reason.PROVISIONING_FAILED}


def test_several_pages(client: "DynamoDBClient") -> None:
    """More users than one request may name; of some the tenant's name is a part of the id."""
    users = [UserId(f"auth0|{number}#acme") for number in range(PAGE + 5)]
    refused(client, users[0], Reason.EMAIL_MISSING)
    refused(client, users[-1], Reason.EMAIL_IN_USE)

    assert refusals(client).of([]) == {}
    assert refusals(client).of(users) == {
        users[0]: Reason.EMAIL_MISSING,
        users[-1]: Reason.EMAIL_IN_USE,
    }


def test_what_an_answer_leaves_out() -> None:
    """It is asked for again, after a moment; nobody counts as asked who was not."""
    asked: list[Any] = []

    class Throttled:
        def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803 (the SDK's name)
            [request] = RequestItems.values()
            asked.append(request["Keys"])
            key, *rest = request["Keys"]
            item = key | {"state": s("refused"), "reason": s("email_in_use")}
            left = {TABLE: request | {"Keys": rest}} if rest else {}
            return {"Responses": {TABLE: [item]}, "UnprocessedKeys": left}

    waits: list[float] = []
    client: Any = Throttled()
    users = [UserId(f"auth0|{number}") for number in range(3)]
    found = DynamoDbRefusals(client, TABLE, ACME, waits.append).of(users)

    assert found == dict.fromkeys(users, Reason.EMAIL_IN_USE)
    assert [len(each) for each in asked] == [3, 2, 1]
    assert len(waits) == 2
