"""The tenant's event stream: what Auth0 tells of its users, found by its name.

https://auth0.com/docs/customize/events/create-an-event-stream
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from urllib.parse import quote

from customerlink.adapters.auth0.errors import Auth0RefusedError
from customerlink.adapters.auth0.management import Management
from customerlink.cli.errors import AGAIN, CliError, Exit
from customerlink.model.events import EventKind

KINDS = (EventKind.USER_CREATED, EventKind.USER_UPDATED, EventKind.USER_DELETED)
"""What the stack's rule takes (template.yaml)."""


class StreamScope(StrEnum):
    """What the application of an operator needs for a stream."""

    READ = "read:event_streams"
    CREATE = "create:event_streams"
    UPDATE = "update:event_streams"
    DELETE = "delete:event_streams"


SWITCHING_ON = (StreamScope.READ, StreamScope.CREATE, StreamScope.UPDATE, "read:users")
SWITCHING_OFF = (StreamScope.READ, StreamScope.UPDATE, StreamScope.DELETE)


@dataclass(frozen=True, slots=True)
class EventStream:
    """A stream to EventBridge."""

    id: str
    is_enabled: bool
    source: str
    account: str
    region: str
    kinds: frozenset[str]


class EventStreams:
    """A tenant's streams."""

    def __init__(self, management: Management, name: str) -> None:
        """Take the API, and the one name that counts."""
        self._management, self._name = management, name

    def find(self) -> EventStream | None:
        """Find the stream by its name; one with another destination is as none."""
        found = (_read(each) for each in self._named())
        return next((each for each in found if each), None)

    def create(self, account: str, region: str) -> EventStream:
        """Create it, disabled: nothing is told before somebody listens."""
        place = {"aws_account_id": account, "aws_region": region}
        wanted = {
            "name": self._name,
            "subscriptions": [{"event_type": each.value} for each in KINDS],
            "destination": {"type": "eventbridge", "configuration": place},
            "status": "disabled",
        }
        try:
            self._management.ask("POST", "event-streams", wanted)
        except Auth0RefusedError as error:
            # A scope that is missing has a code; a plan without streams, or with no more, has none.
            if error.status != HTTPStatus.FORBIDDEN or error.code:
                raise
            text = "The tenant makes no event stream: its plan has none, or no more."
            raise CliError(text, "Auth0's dashboard, Event Streams", Exit.REFUSED) from None
        made = self.find()
        if made is None:
            raise CliError("Auth0 does not list the event stream yet.", AGAIN, Exit.UNREACHABLE)
        return made

    def switch(self, stream: EventStream, *, on: bool) -> None:
        """Enable it, or disable it."""
        status = "enabled" if on else "disabled"
        self._management.ask("PATCH", _path(stream), {"status": status})

    def send_test(self, stream: EventStream) -> None:
        """Let Auth0 send an event that says that it is a test."""
        kind = EventKind.USER_UPDATED.value
        self._management.ask("POST", f"{_path(stream)}/test", {"event_type": kind})

    def delete(self, stream: EventStream) -> None:
        """Delete it; Auth0 deletes its source in AWS."""
        self._management.ask("DELETE", _path(stream))

    def _named(self) -> Iterator[object]:
        after: dict[str, str] = {}
        while True:
            page = self._management.read("event-streams", take="50", **after)
            yield from (each for each in page["eventStreams"] if each.get("name") == self._name)
            if not page.get("next"):
                return
            after = {"from": str(page["next"])}


def _path(stream: EventStream) -> str:
    return f"event-streams/{quote(stream.id, safe='')}"


def _read(document: object) -> EventStream | None:
    match document:
        case {
            "id": str(stream_id),
            "status": str(status),
            "subscriptions": [*subscriptions],
            "destination": {
                "configuration": {"aws_account_id": str(account), "aws_region": str(region), **more}
            },
        }:
            kinds = frozenset(str(each["event_type"]) for each in subscriptions)
            source = str(more.get("aws_partner_event_source") or "")
            return EventStream(stream_id, status == "enabled", source, account, region, kinds)
    return None
