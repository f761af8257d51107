"""The token bucket that several machines share: on moto and on dynalite."""

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from tests.fakes import NOW, FakeClock

from customerlink.adapters.aws.server_clock import ServerClock
from customerlink.adapters.dynamodb.table import CONDITION_FAILED
from customerlink.adapters.dynamodb.token_bucket import SharedTokenBucket
from customerlink.model.errors import NoTurnError
from customerlink.model.rates import RESERVE, SLOWEST, Bucket, Endpoint, Limits, Plan
from customerlink.wiring.rates import shared_rates
from sandbox.aws import TABLE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PER_SECOND = 60.0
BUCKET = Bucket("stripe", PER_SECOND / (1 - RESERVE))


def bucket(client: "DynamoDBClient") -> SharedTokenBucket:
    """Return it as another machine has it."""
    return SharedTokenBucket(client, TABLE, BUCKET)


def at_rest(client: "DynamoDBClient", **more: Any) -> tuple[SharedTokenBucket, list[float]]:
    """Return it where time stands still, however long a busy machine takes; and its waits."""
    waits: list[float] = []
    return SharedTokenBucket(client, TABLE, BUCKET, FakeClock(), waits.append, **more), waits


def turns_of(buckets: list[SharedTokenBucket], each_takes: int) -> list[float]:
    """Let every machine take some turns side by side; return when, in order."""
    turns: list[float] = []

    def take(mine: SharedTokenBucket) -> None:
        for _ in range(each_takes):
            mine.take()
            turns.append(time.monotonic())

    threads = [threading.Thread(target=take, args=(each,)) for each in buckets]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return sorted(turns)


def test_machines_share_the_rate(client: "DynamoDBClient") -> None:
    """Three machines together make no more requests than one alone may."""
    began = time.monotonic()
    turns = turns_of([bucket(client) for _ in range(3)], each_takes=24)

    # The last turn is due after 71 intervals; a machine that is slow only makes it later.
    assert len(turns) == 72
    assert turns[-1] - began >= 60 / PER_SECOND


@pytest.mark.parametrize("plan", Plan)
def test_few_are_taken_at_once(client: "DynamoDBClient", plan: Plan) -> None:
    """Who ends at once leaves the others all but a tenth of a second, or a turn."""
    limits = Limits(plan, is_live=True)
    for endpoint in Endpoint:
        bucket = limits.bucket(endpoint)
        key = {"pk": {"S": f"rate#{bucket.name}"}}
        client.delete_item(TableName=TABLE, Key=key)
        shared_rates(client, TABLE, limits).of(endpoint).take()
        item = client.get_item(TableName=TABLE, Key=key)["Item"]
        taken = float(item["next_at"]["N"]) - time.time()
        assert taken <= max(0.1, 1 / bucket.per_second)


def test_refusal(client: "DynamoDBClient") -> None:
    """All machines go on half as fast once they know; more refusals of that moment are the same."""
    for _ in range(3):
        at_rest(client)[0].slow()
    other, _ = at_rest(client)
    # With its first turns it learns of it.
    for _ in range(9):
        other.take()
    interval = other._turns[1] - other._turns[0]

    assert interval == pytest.approx(2 / PER_SECOND, abs=1e-5)


@pytest.mark.parametrize("ahead", [-600.0, 600.0])
def test_by_the_clock_that_is_given(client: "DynamoDBClient", ahead: float) -> None:
    """A laptop's own may be minutes off, for which all others would wait."""
    clock = ServerClock()
    clock.behind = ahead
    client.delete_item(TableName=TABLE, Key={"pk": {"S": "rate#stripe"}})
    SharedTokenBucket(client, TABLE, BUCKET, clock, sleep=lambda _: None).take()
    item = client.get_item(TableName=TABLE, Key={"pk": {"S": "rate#stripe"}})["Item"]
    client.delete_item(TableName=TABLE, Key={"pk": {"S": "rate#stripe"}})

    assert float(item["next_at"]["N"]) - time.time() == pytest.approx(ahead, abs=60.0)


def test_a_pause_holds_everybody_back(client: "DynamoDBClient") -> None:
    """Also turns that were taken before, and machines that were told nothing."""
    mine, other = bucket(client), bucket(client)
    mine.take()
    start = time.monotonic()
    mine.pause(0.6)
    [first, *_] = turns_of([mine, other], each_takes=1)

    assert first - start >= 0.55


def test_it_goes_by_itself(client: "DynamoDBClient") -> None:
    """By the table's TTL."""
    bucket(client).take()
    item = client.get_item(TableName=TABLE, Key={"pk": {"S": "rate#stripe"}})["Item"]

    assert float(item["expires_at"]["N"]) > time.time() + 3600


@pytest.mark.parametrize("seconds", [1.0, 60.0, 3600.0])
def test_turn_that_nobody_waits_for(client: "DynamoDBClient", seconds: float) -> None:
    """It is not taken from the others: the queue is as long as it was."""
    key = {"pk": {"S": "rate#stripe"}}
    next_at = {"N": f"{NOW + seconds:.6f}"}
    client.put_item(TableName=TABLE, Item={**key, "next_at": next_at})
    made, _ = at_rest(client, until=lambda: NOW + seconds / 2)
    for _ in range(3):
        with pytest.raises(NoTurnError):
            made.take()
    item = client.get_item(TableName=TABLE, Key=key)["Item"]
    client.delete_item(TableName=TABLE, Key=key)

    assert float(item["next_at"]["N"]) == float(next_at["N"])


@pytest.mark.parametrize("turns", [1, 6, 100])
def test_what_is_owed(client: "DynamoDBClient", turns: int) -> None:
    """All machines wait for it, and who owes it for nothing."""
    client.delete_item(TableName=TABLE, Key={"pk": {"S": "rate#stripe"}})
    (mine, own), (other, waited) = at_rest(client), at_rest(client)
    mine.owe(turns)
    assert own == []
    other.take()

    assert waited == [pytest.approx(turns / PER_SECOND, abs=1e-5)]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01])
def test_share_that_another_release_wrote(client: "DynamoDBClient", share: float) -> None:
    """A turn is never longer than at the slowest."""
    key = {"pk": {"S": "rate#stripe"}}
    told = {"tempo": {"N": str(share)}, "slowed_at": {"N": str(NOW)}}
    client.put_item(TableName=TABLE, Item={**key, **told})
    made, _ = at_rest(client)
    for _ in range(made._at_once + 1):
        made.take()
    item = client.get_item(TableName=TABLE, Key=key)["Item"]
    client.delete_item(TableName=TABLE, Key=key)

    assert float(item["next_at"]["N"]) - NOW <= 2 * made._at_once / PER_SECOND / SLOWEST + 1


def broken(**_: object) -> None:
    """Answer as a table that is not there."""
    raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "UpdateItem")


def silent(**_: object) -> None:
    """Answer nothing."""
    raise ReadTimeoutError(endpoint_url="")


@pytest.mark.parametrize(("table", "told"), [(broken, ClientError), (silent, ReadTimeoutError)])
def test_any_other_trouble_is_told(table: Callable[..., None], told: type[Exception]) -> None:
    """No endless loop."""
    client: Any = SimpleNamespace(update_item=table)

    with pytest.raises(told):
        SharedTokenBucket(client, TABLE, BUCKET).take()


@pytest.mark.parametrize("table", [broken, silent])
@pytest.mark.parametrize(
    "tell",
    [SharedTokenBucket.slow, lambda each: each.pause(1), lambda each: each.owe(9)],
)
def test_what_was_done_is_not_hidden(
    table: Callable[..., None], tell: Callable[[SharedTokenBucket], None]
) -> None:
    """An answer that also says to wait is an answer, whether or not others can be told of it."""
    client: Any = SimpleNamespace(update_item=table)

    tell(SharedTokenBucket(client, TABLE, BUCKET))


def scripted(*codes: str | None) -> tuple[SharedTokenBucket, list[object]]:
    """Return a bucket whose writes fail by these codes, and the writes; None is a success."""
    left, asked = [*codes], list[object]()

    def update_item(**request: object) -> dict[str, object]:
        asked.append(request)
        if code := left.pop(0):
            raise ClientError({"Error": {"Code": code}}, "UpdateItem")
        return {"Attributes": {"next_at": {"N": "0"}}}

    client: Any = SimpleNamespace(update_item=update_item)
    return SharedTokenBucket(client, TABLE, BUCKET), asked


def test_turn_that_came_up_in_between() -> None:
    """It was too early for the one write, and too late for the other: both are tried again."""
    made, asked = scripted(CONDITION_FAILED, CONDITION_FAILED, None)
    made.take()

    assert len(asked) == 3


def test_trouble_with_the_second_write() -> None:
    """It is told as well."""
    made, _ = scripted(CONDITION_FAILED, "ResourceNotFoundException")

    with pytest.raises(ClientError):
        made.take()


@pytest.mark.parametrize(("seconds", "is_given"), [(-1.0, False), (0.0, False), (1.0, True)])
def test_turn_that_is_too_late(seconds: float, *, is_given: bool) -> None:
    """Nobody waits for it: who asks has something else to do by then."""
    client: Any = SimpleNamespace(update_item=lambda **_: {"Attributes": {"next_at": {"N": "0"}}})
    waited: list[float] = []
    clock: Any = SimpleNamespace(time=lambda: 100.0)
    until = 100.0 + seconds - 0.001
    made = SharedTokenBucket(client, TABLE, BUCKET, clock, waited.append, until=lambda: until)
    if is_given:
        made.take()
    else:
        with pytest.raises(NoTurnError):
            made.take()

    assert len(waited) == is_given
