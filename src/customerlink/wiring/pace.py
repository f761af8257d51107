"""How fast what comes after the sign-up goes, all its invocations together."""

from typing import TYPE_CHECKING

from customerlink.adapters.dynamodb.token_bucket import SharedTokenBucket

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STRIPE_PER_SECOND = 5.0
"""Of Stripe's 25 a second for an endpoint, by default, 20 are left to the sign-ups."""

AUTH0_PER_SECOND = 2.0
"""The least that Auth0's Management API gives any plan: nobody's log-in waits for it."""


def stripe_pace(client: "DynamoDBClient", table: str) -> SharedTokenBucket:
    """Return the turns for Stripe, one at a time: an invocation ends at any moment."""
    return SharedTokenBucket(client, table, "sync-stripe", STRIPE_PER_SECOND, turns=1)


def auth0_pace(client: "DynamoDBClient", table: str) -> SharedTokenBucket:
    """Return the turns for Auth0's Management API, likewise."""
    return SharedTokenBucket(client, table, "sync-auth0", AUTH0_PER_SECOND, turns=1)
