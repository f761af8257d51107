"""What the tests on DynamoDB share: moto, dynalite, and the simulation's own."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.adapters.dynamodb.ledger_world import Items, World, moto, second_opinion, simulated
from tests.e2e.dynalite import dynalite

from sandbox.aws import aws

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture(params=["moto", "dynalite"])
def client(request: pytest.FixtureRequest) -> Iterator["DynamoDBClient"]:
    """Return each DynamoDB, empty."""
    if request.param == "moto":
        with aws({}) as cloud:
            yield cloud.dynamodb
    else:
        with dynalite() as (_, other):
            yield other


@pytest.fixture(
    scope="module", params=[moto, second_opinion, simulated], ids=lambda each: each.__name__
)
def backend(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Items]]:
    """Return each DynamoDB in turn."""
    yield from request.param()


@pytest.fixture
def world(backend: tuple[Any, Items]) -> World:
    """Return a world with a user of its own."""
    return World(*backend)
