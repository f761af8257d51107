"""DynamoDB by boto3: what becomes of its errors, and what the clock learns from its answers."""

import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from tests.fakes import ADA, FakeClock

from customerlink.adapters.aws.aws_json import AwsRefusedError, AwsSilentError
from customerlink.adapters.aws.server_clock import ServerClock
from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.model.errors import LedgerUnavailableError
from customerlink.ports.run import Run
from sandbox.aws import TABLE, aws

OPERATIONS = ("get_item", "update_item", "delete_item")


def client_at(url: str) -> Boto3DynamoDb:
    """Return boto3's client of an address."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )
    return Boto3DynamoDb(client)


def client(
    operation: str, answered: Callable[..., Any], clock: ServerClock | None = None
) -> Boto3DynamoDb:
    """Return a client of which one operation answers."""
    sdk: Any = SimpleNamespace(**dict.fromkeys(OPERATIONS) | {operation: answered})
    return Boto3DynamoDb(sdk, clock)


def test_nobody_listens() -> None:
    """A refused connection is an unavailable ledger."""
    ledger = DynamoDbLedger(client_at("http://127.0.0.1:9"), TABLE, Run(FakeClock(), "owner"))

    with pytest.raises(LedgerUnavailableError):
        ledger.has_record(ADA)


def test_no_text_of_boto3s_goes_on() -> None:
    """Which may name what was asked for: only AWS's name for the error does, or its kind."""
    with aws({}) as cloud, pytest.raises(AwsRefusedError) as refused:
        client_at(cloud.url).get_item(TableName="ada@example.com", Key={"pk": {"S": "x"}})
    with pytest.raises(AwsSilentError) as silent:
        client_at("http://127.0.0.1:9").get_item(TableName="ada", Key={"pk": {"S": "x"}})

    assert str(refused.value) in ("ValidationException", "ResourceNotFoundException")
    assert str(silent.value) == "EndpointConnectionError"
    assert (refused.value.__cause__, silent.value.__cause__) == (None, None)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_item_beside_an_error(operation: str) -> None:
    """The one that failed a condition goes on with the error's name, at no second read."""

    def refused(**_: object) -> Any:
        answer: Any = {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": {"pk": "x"}}
        raise ClientError(answer, "")

    with pytest.raises(AwsRefusedError) as raised:
        getattr(client(operation, refused), operation)()

    assert raised.value.code == "ConditionalCheckFailedException"
    assert raised.value.item == {"pk": "x"}


class TestClock:
    """What the answers say of the service's time."""

    @pytest.mark.parametrize("operation", OPERATIONS)
    @pytest.mark.parametrize("is_refused", [False, True])
    def test_every_answer(self, operation: str, *, is_refused: bool) -> None:
        """The clock is told of each, and of one of an error too."""
        date = formatdate(int(time.time() + 3600), usegmt=True)
        headers = {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}

        def answered(**_: object) -> Any:
            if is_refused:
                raise ClientError({"Error": {"Code": "ThrottlingException"}, **headers}, "")  # type: ignore[typeddict-item]
            return headers

        clock = ServerClock()
        with suppress(AwsRefusedError):
            getattr(client(operation, answered, clock), operation)()
        assert clock.time() == pytest.approx(time.time() + 3600, abs=60)

    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_no_answer(self, operation: str) -> None:
        """It says nothing."""

        def silent(**_: object) -> Any:
            raise EndpointConnectionError(endpoint_url="")

        clock = ServerClock()
        with pytest.raises(AwsSilentError):
            getattr(client(operation, silent, clock), operation)()
        assert clock.behind == 0.0
