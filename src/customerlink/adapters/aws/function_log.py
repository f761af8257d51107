"""A function's log in CloudWatch, searched for the line that has a reference."""

import json
from collections.abc import Iterator, Mapping
from typing import NotRequired, Protocol, TypedDict

from customerlink.model.denial_texts import REFERENCE_FIELD

_DAY_SECONDS = 24 * 60 * 60
# Most people ask at once, and a day is read much sooner than all that is kept (two years at most).
_DAYS = (1, 732)


class LogEvent(TypedDict):
    """A line, as CloudWatch has it."""

    timestamp: int
    message: str


class Page(TypedDict):
    """What one call found; the next may find something where this one did not."""

    events: list[LogEvent]
    nextToken: NotRequired[str]


class LogsClient(Protocol):
    """What is asked of boto3's client."""

    def filter_log_events(self, **asked: str | int) -> Page:
        """Search a log group for one page more."""


def line_with(
    logs: LogsClient, group: str, reference: str, now: float
) -> Mapping[str, object] | None:
    """Return the line that has a reference, with CloudWatch's `timestamp`; None without one."""
    found = (each for days in _DAYS for each in _lines(logs, group, reference, now, days))
    return next(found, None)


def _lines(
    logs: LogsClient, group: str, reference: str, now: float, days: int
) -> Iterator[Mapping[str, object]]:
    asked: dict[str, str | int] = {
        "logGroupName": group,
        "filterPattern": f'"{reference}"',
        "startTime": int((now - days * _DAY_SECONDS) * 1000),
    }
    for event in _events(logs, asked):
        line = _document(event["message"])
        # The words may stand anywhere in a line.
        if line.get(REFERENCE_FIELD) == reference:
            yield {**line, "timestamp": event["timestamp"] / 1000}


def _events(logs: LogsClient, asked: Mapping[str, str | int]) -> Iterator[LogEvent]:
    page = logs.filter_log_events(**asked)
    yield from page["events"]
    while "nextToken" in page:
        page = logs.filter_log_events(**asked, nextToken=page["nextToken"])
        yield from page["events"]


def _document(message: str) -> dict[str, object]:
    try:
        found = json.loads(message)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
