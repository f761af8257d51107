"""The sign-ups that are open, off a sparse index: what the repair and the command line look at."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from customerlink.adapters.dynamodb.items import OPEN_INDEX, n, s
from customerlink.model.sign_up_record import State
from customerlink.model.user import Tenant, User, UserId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def open_sign_ups(client: "DynamoDBClient", table: str, before: float) -> Iterator[User]:
    """Return the users whose sign-ups have been open since before a unix time, the oldest first."""
    # An index may lag: it is a reason to look at a record, which then decides.
    pages = client.get_paginator("query").paginate(
        TableName=table,
        IndexName=OPEN_INDEX,
        KeyConditionExpression="is_open = :open AND open_since < :before",
        ExpressionAttributeValues={":open": s(State.OPEN), ":before": n(before)},
    )
    for page in pages:
        for item in page["Items"]:
            # A `user_id` may hold the character itself.
            _, tenant, user_id = item["pk"]["S"].split("#", 2)
            yield User(Tenant(tenant), UserId(user_id))


def count_open(client: "DynamoDBClient", table: str, before: float) -> int:
    """Count those sign-ups."""
    return sum(1 for _ in open_sign_ups(client, table, before))
