"""How fast what nobody waits for goes, all machines together: sync, repair and backfill."""

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from customerlink.adapters.dynamodb.token_bucket import SharedTokenBucket
from customerlink.adapters.token_bucket import Buckets
from customerlink.model.errors import ConfigurationError
from customerlink.model.rates import STRIPE_PER_SECOND, Limits, Plan
from customerlink.ports.deadline import Clock
from customerlink.wiring.settings import EnvironmentReader

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOST_PER_SECOND = 10_000
"""Of `StripePerSecond` and `Auth0PerSecond`."""


def limits_in(environment: Mapping[str, str], *, is_live: bool) -> Limits:
    """Read a deployment's limits; a `ConfigurationError` names all variables that are wrong."""
    reader = EnvironmentReader(environment)
    limits = Limits(
        reader.choice("CUSTOMERLINK_AUTH0_PLAN", Plan),
        is_live,
        reader.rate("CUSTOMERLINK_STRIPE_PER_SECOND", STRIPE_PER_SECOND, MOST_PER_SECOND),
        reader.rate("CUSTOMERLINK_AUTH0_PER_SECOND", 0.0, MOST_PER_SECOND),
    )
    if reader.wrong:
        raise ConfigurationError(f"missing or wrong: {', '.join(reader.wrong)}")
    return limits


def shared_rates(  # noqa: PLR0913 (what may be asked of them)
    client: "DynamoDBClient",
    table: str,
    limits: Limits,
    clock: Clock = time,
    sleep: Callable[[float], None] = time.sleep,
    *,
    until: Callable[[], float] = lambda: math.inf,
) -> Buckets:
    """Return the rates that all machines keep together, by their table and its clock."""
    made = partial(SharedTokenBucket, client, table, clock=clock, sleep=sleep, until=until)
    return Buckets(limits, made)
