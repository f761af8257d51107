"""What is open, off a sparse index: sign-ups, and users who are due to be looked at."""

from collections.abc import Iterable, Iterator
from itertools import batched, islice
from typing import TYPE_CHECKING, Any

from customerlink.adapters.dynamodb.items import CREATED, OPEN_INDEX, SYNC, n, s, sync_key
from customerlink.model.sign_up_record import State
from customerlink.model.user import Tenant, User, UserId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


_AT_ONCE = 100
"""Items, of which DynamoDB reads no more in one request."""

_GRACE = {"ProjectionExpression": "pk, held, gone_until"}


def open_sign_ups(client: "DynamoDBClient", table: str, before: float) -> Iterator[User]:
    """Return the users whose sign-ups have been open since before a unix time, the oldest first."""
    return _listed(client, table, State.OPEN, before)


def due_users(
    client: "DynamoDBClient", table: str, now: float, limit: int, tenant: Tenant | None = None
) -> list[User]:
    """Return so many of a tenant's users whose time has come, the longest due first."""
    return _first(_listed(client, table, SYNC, now), limit, tenant)


def due_newcomers(
    client: "DynamoDBClient", table: str, now: float, limit: int, tenant: Tenant
) -> list[User]:
    """Return so many of a tenant's users whose first login must have been reported by now."""
    return _first(_listed(client, table, CREATED, now), limit, tenant)


def _first(users: Iterator[User], limit: int, tenant: Tenant | None) -> list[User]:
    # Another tenant's, who wait for good in a table that was two's, take nobody's place.
    return [*islice((each for each in users if tenant in (None, each.tenant)), limit)]


def owed_users(
    client: "DynamoDBClient", table: str, now: float, until: float, limit: int
) -> list[User]:
    """Return those of the users to be looked at by then who do not only wait for a grace to end."""
    users = due_users(client, table, until, limit)
    waiting: set[str] = set()
    for few in batched(users, _AT_ONCE, strict=False):
        waiting.update(_in_grace(client, table, few, now))
    return [each for each in users if sync_key(each)["pk"]["S"] not in waiting]


def _in_grace(
    client: "DynamoDBClient", table: str, users: Iterable[User], now: float
) -> Iterator[str]:
    asked: Any = {table: {"Keys": [sync_key(each) for each in users], **_GRACE}}
    while asked:
        page = client.batch_get_item(RequestItems=asked)
        for item in page["Responses"][table]:
            if "held" not in item and float(item.get("gone_until", n(0))["N"]) > now:
                yield item["pk"]["S"]
        asked = page.get("UnprocessedKeys")


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
