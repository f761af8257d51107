"""The way of both sides' events through AWS: sources, rules, dead letters, and what came through.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-saas.html
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config as AwsConfig
from botocore.exceptions import ClientError

CALLS = AwsConfig(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3})
"""Of all that is no ledger's."""

AUTH0_PREFIX, STRIPE_PREFIX = "aws.partner/auth0.com/", "aws.partner/stripe.com/"

OF_TEST_DATA = "/ed_test_"
"""In the name of a source: Stripe's destination is one of test data."""

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


class SourceState(StrEnum):
    """What AWS says of a partner's source."""

    PENDING = "PENDING"
    """No bus takes its events: AWS deletes it after seven days."""
    ACTIVE = "ACTIVE"
    DELETED = "DELETED"
    """The partner has deleted it; the bus stays, and gets nothing."""


@dataclass(frozen=True, slots=True)
class EventSource:
    """A partner's source in the stack's account and region."""

    name: str
    state: SourceState
    until: datetime | None = None
    """When AWS deletes it, if it is pending."""


class EventBridge:
    """What a stack has of both sides' events."""

    def __init__(self, session: boto3.Session, stack: str) -> None:
        """Take the session of the stack's; nothing is called yet."""
        self._session, self._stack = session, stack

    @property
    def region(self) -> str:
        """Return where the stack is, and its sources have to be."""
        return str(self._events.meta.region_name)

    @cached_property
    def account(self) -> str:
        """Return whose the stack is."""
        return self._session.client("sts", config=CALLS).get_caller_identity()["Account"]

    def denied(self) -> list[str]:
        """Return what the role may not call of what a switch needs; nothing is changed."""
        return [name for name, call in self._needed() if _is_denied(call)]

    def source(self, name: str) -> EventSource | None:
        """Return a source; None where there is none of that name."""
        try:
            found = self._events.describe_event_source(Name=name)
        except self._events.exceptions.ResourceNotFoundException:
            return None
        return EventSource(name, SourceState(found["State"]), found.get("ExpirationTime"))

    def pending(self, prefix: str) -> list[EventSource]:
        """Return a partner's sources that wait for a bus."""
        found = self._pages("list_event_sources", "EventSources", NamePrefix=prefix)
        return [
            EventSource(each["Name"], SourceState.PENDING, each.get("ExpirationTime"))
            for each in found
            if each["State"] == SourceState.PENDING
        ]

    def rules(self, bus: str) -> dict[str, bool]:
        """Return the rules of a bus, and whether they are enabled."""
        found = self._pages("list_rules", "Rules", EventBusName=bus)
        return {each["Name"]: each["State"] == "ENABLED" for each in found}

    def waiting(self, queue: str) -> int:
        """Return how many messages lie in a queue, about."""
        name = "ApproximateNumberOfMessages"
        found = self._session.client("sqs", config=CALLS).get_queue_attributes(
            QueueUrl=queue, AttributeNames=[name]
        )
        return int(found["Attributes"][name])

    def counted(self, metric: str, since: datetime) -> int:
        """Return how often the functions have counted something since a moment."""
        # CloudWatch counts by whole minutes.
        found = self._counts(metric, since.replace(second=0, microsecond=0), _MINUTE)
        return int(sum(found.values()))

    def last_counted(self, metric: str, since: datetime) -> datetime | None:
        """Return the hour in which they last did; None where they have not."""
        return max(self._counts(metric, since, _HOUR), default=None)

    def _counts(self, metric: str, since: datetime, period: timedelta) -> dict[datetime, float]:
        found = self._session.client("cloudwatch", config=CALLS).get_metric_statistics(
            Namespace="CustomerLink",
            MetricName=metric,
            Dimensions=[{"Name": "service", "Value": self._stack}],
            StartTime=since,
            EndTime=datetime.now(UTC).replace(microsecond=0) + period,
            Period=int(period.total_seconds()),
            Statistics=["Sum"],
        )["Datapoints"]
        return {each["Timestamp"]: each["Sum"] for each in found if each["Sum"]}

    def _pages(self, operation: str, name: str, **asked: str) -> Iterator[Any]:
        """Return what all pages of a list have; of the first of these boto3 has no paginator."""
        token: dict[str, str] = {}
        while True:
            page = getattr(self._events, operation)(**asked, **token)
            yield from page[name]
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _needed(self) -> Iterator[tuple[str, Callable[[], object]]]:
        unknown, now = f"{AUTH0_PREFIX}none", datetime.now(UTC)
        yield "events:DescribeEventSource", lambda: self.source(unknown)
        yield "events:ListEventSources", lambda: self.pending(AUTH0_PREFIX)
        yield "events:ListRules", lambda: self.rules("default")
        yield "cloudwatch:GetMetricStatistics", lambda: self.counted("sync_test", now)

    @cached_property
    def _events(self) -> Any:  # noqa: ANN401 (its stubs are none of the project's)
        return self._session.client("events", config=CALLS)


def _is_denied(call: Callable[[], object]) -> bool:
    try:
        call()
    except ClientError as error:
        return error.response.get("Error", {}).get("Code") in _DENIED
    return False
