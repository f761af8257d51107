"""One table within one invocation's budget: what is tried again, and what is given up."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.adapters.dynamodb.ledger_world import World
from tests.fakes import FakeClock

from customerlink.adapters.aws.aws_json import AwsRefusedError
from customerlink.adapters.dynamodb.table import (
    CALL_SECONDS,
    CONNECT_SECONDS,
    READ_SECONDS,
    Failed,
    Table,
)
from customerlink.model.errors import LedgerUnavailableError
from customerlink.ports.deadline import LEDGER_RESERVE_SECONDS, SIGN_UP_SECONDS
from customerlink.ports.run import Run


def test_throttled(world: World) -> None:
    """Tried again."""
    world.client.troubles = [AwsRefusedError("ThrottlingException")] * 2
    world.opened()

    assert world.client.calls == 3


def test_throttled_for_long(world: World) -> None:
    """Given up."""
    world.client.troubles = [AwsRefusedError("ThrottlingException")] * 9

    with pytest.raises(LedgerUnavailableError):
        world.invocation().open(world.user, world.create(), admission=True)


def test_misconfigured(world: World) -> None:
    """What does not pass by itself is not tried again; the message names the code."""
    world.client.troubles = [AwsRefusedError("ResourceNotFoundException")]

    with pytest.raises(LedgerUnavailableError, match="DynamoDB answered ResourceNotFound"):
        world.invocation().open(world.user, world.create(), admission=True)
    assert world.client.calls == 1


def test_no_time_left(world: World) -> None:
    """A call that could outlast the budget is not started."""
    ledger = world.invocation()
    world.clock.sleep(SIGN_UP_SECONDS - CALL_SECONDS + 0.01)

    with pytest.raises(LedgerUnavailableError):
        ledger.open(world.user, world.create(), admission=True)
    assert world.client.calls == 0


def test_conflict_with_a_transaction(world: World) -> None:
    """Tried again."""
    world.client.troubles = [AwsRefusedError("TransactionConflictException")]
    world.opened()

    assert world.client.calls == 2


def test_reserve_holds_two_calls() -> None:
    """And a margin for the pause between them and for the code around.

    So when a call to Stripe has used up its share, the first write may get no answer, and the
    second one is still begun.
    """
    margin = LEDGER_RESERVE_SECONDS - 2 * CALL_SECONDS

    assert margin >= 0.1
    assert CALL_SECONDS == CONNECT_SECONDS + READ_SECONDS


@dataclass
class Client:
    """A client that notes what it is asked, and answers one document."""

    answer: dict[str, Any] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def get_item(self, **request: Any) -> dict[str, Any]:
        """Note it."""
        self.asked.append(request)
        return self.answer

    update_item = delete_item = get_item

    def table(self) -> Table:
        """Return a table that asks this client."""
        return Table(self, "ledger", Run(FakeClock(), "owner"))


def test_reserved_words() -> None:
    """Each is named where an expression uses it, and only there: DynamoDB refuses both errors."""
    client = Client({"Attributes": {}})
    table = client.table()
    table.read({}, "admitted, #state")
    table.write({}, "SET epoch = :one", {})
    table.update({}, "SET #owner = :owner", "#create = :create", {})

    names = [each.get("ExpressionAttributeNames") for each in client.asked]
    assert names == [{"#state": "state"}, None, {"#owner": "owner", "#create": "create"}]


def test_reads_are_strongly_consistent() -> None:
    """What another invocation has just written is seen."""
    client = Client()

    assert client.table().read({}, "epoch") is None
    assert [each["ConsistentRead"] for each in client.asked] == [True]


def test_item_of_a_failed_condition() -> None:
    """It shows whether an earlier try of the same write left it so."""
    failed = Failed({"epoch": {"N": "2"}, "owner": {"S": "me"}})

    assert failed.shows(epoch=2, owner="me")
    assert not failed.shows(epoch=2, owner="somebody")
    assert not failed.shows(epoch=2, customer_id="cus_1")
    assert not Failed({}).shows(epoch=2)
