"""What is open, off a sparse index: sign-ups, and users who are due to be looked at."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from customerlink.adapters.dynamodb.items import CREATED, OPEN_INDEX, SYNC, n, s
from customerlink.model.sign_up_record import State
from customerlink.model.user import Tenant, User, UserId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def open_sign_ups(client: "DynamoDBClient", table: str, before: float) -> Iterator[User]:
    """Return the users whose sign-ups have been open since before a unix time, the oldest first."""
    return _listed(client, table, State.OPEN, before)


def due_users(client: "DynamoDBClient", table: str, now: float, limit: int) -> list[User]:
    """Return so many of the users whose time has come, the longest due first."""
    return [*islice(_listed(client, table, SYNC, now), limit)]


def due_newcomers(client: "DynamoDBClient", table: str, now: float, limit: int) -> list[User]:
    """Return so many of the users whose first login must have been reported by now."""
    return [*islice(_listed(client, table, CREATED, now), limit)]


def count_open(client: "DynamoDBClient", table: str, before: float) -> int:
    """Count those sign-ups."""
    return sum(1 for _ in open_sign_ups(client, table, before))


def _listed(client: "DynamoDBClient", table: str, partition: str, before: float) -> Iterator[User]:
    # An index may lag: it is a reason to look at a record, which then decides.
    pages = client.get_paginator("query").paginate(
        TableName=table,
        IndexName=OPEN_INDEX,
        KeyConditionExpression="is_open = :open AND open_since < :before",
        ExpressionAttributeValues={":open": s(partition), ":before": n(before)},
    )
    for page in pages:
        for item in page["Items"]:
            # A `user_id` may hold the character itself.
            _, tenant, user_id = item["pk"]["S"].split("#", 2)
            yield User(Tenant(tenant), UserId(user_id))
