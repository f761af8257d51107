"""A function's log, searched for a reference."""

import json

import pytest

from customerlink.adapters.aws.function_log import LogEvent, Page, line_with

NOW = 1_795_700_000.0
DAY = 24 * 60 * 60
REFERENCE = "3F2A-91BC"


def line(reference: str = REFERENCE, days: float = 0, **told: str) -> LogEvent:
    """Return a line of so many days ago."""
    message = json.dumps({"message": "sign_up", "reference": reference, **told})
    return {"timestamp": int((NOW - days * DAY) * 1000), "message": message}


class Logs:
    """A log group, an event a page."""

    def __init__(self, *events: LogEvent) -> None:
        """Take its events."""
        self.events = events

    def filter_log_events(self, **asked: str | int) -> Page:
        """Return one event, or an empty page, as CloudWatch may."""
        assert (asked["logGroupName"], asked["filterPattern"]) == ("group", f'"{REFERENCE}"')
        at = int(asked.get("nextToken", 0))
        if at >= len(self.events):
            return {"events": []}
        event = self.events[at]
        is_since = event["timestamp"] >= int(asked["startTime"])
        return {"events": [event] if is_since else [], "nextToken": str(at + 1)}


@pytest.mark.parametrize("days", [0, 0.9, 30, 700])
def test_found(days: float) -> None:
    """Whenever it was, behind empty pages too, and with its time."""
    other = line("0000-0000", reason="mine is 3F2A-91BC", days=days)
    logs = Logs(other, line("1111-1111"), line(days=days, reason="email_in_use"))
    found = line_with(logs, "group", REFERENCE, NOW)

    assert found is not None
    assert found["reason"] == "email_in_use"
    assert found["timestamp"] == int((NOW - days * DAY) * 1000) / 1000


@pytest.mark.parametrize(
    "message",
    ["", REFERENCE, f'["{REFERENCE}"]', f'{{"detail": "{REFERENCE}"}}', '{"reference": 7}'],
)
def test_not_found(message: str) -> None:
    """A line that has the words elsewhere, or is no document, is none of it."""
    other: LogEvent = {"timestamp": int(NOW * 1000), "message": message}

    assert line_with(Logs(other, other), "group", REFERENCE, NOW) is None


def test_a_day_first() -> None:
    """Most people ask at once: what is older is not read then."""
    logs = Logs(line(days=700), line(days=700), line())
    first = line_with(logs, "group", REFERENCE, NOW)

    assert first is not None
    assert first["timestamp"] == NOW
