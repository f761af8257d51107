"""Whose reports the ledger has: the tenants in the keys of its records."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ITEMS = 1000
"""So many are looked at: of each tenant that reports, there are some."""


def recorded_tenants(client: "DynamoDBClient", table: str) -> frozenset[str]:
    """Return the tenants' names among the first items."""
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        ProjectionExpression="pk",
        PaginationConfig={"MaxItems": ITEMS, "PageSize": ITEMS},
    )
    keys = [item["pk"]["S"].split("#", 2) for page in pages for item in page["Items"]]
    return frozenset(key[1] for key in keys if key[0] == "signup")
