"""The tenant's event stream: what Auth0 tells of its users, found by its name.

https://auth0.com/docs/customize/events/create-an-event-stream
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from urllib.parse import quote

from customerlink.adapters.auth0.errors import Auth0RefusedError
from customerlink.adapters.auth0.management import Management
from customerlink.cli.errors import AGAIN, CliError, Exit
from customerlink.model.events import OF_AUTH0, EventKind
from customerlink.model.sync_policy import SyncBy

KINDS = OF_AUTH0
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
    """A stream: to EventBridge, or to an address."""

    id: str
    is_enabled: bool
    kinds: frozenset[str]
    source: str = ""
    account: str = ""
    region: str = ""
    url: str = ""

    @property
    def by(self) -> SyncBy:
        """Return which way its events go."""
        return SyncBy.WEBHOOK if self.url else SyncBy.EVENTBRIDGE


class EventStreams:
    """A tenant's streams."""

    def __init__(self, management: Management, name: str, by: SyncBy = SyncBy.EVENTBRIDGE) -> None:
        """Take the API, the one name that counts, and the way of the events."""
        self._management, self._name, self._by = management, name, by

    def find(self) -> EventStream | None:
        """Find the stream by its name; one with another destination is as none."""
        found = (_read(each) for each in self._named())
        return next((each for each in found if each and each.by is self._by), None)

    def create(self, account: str, region: str) -> EventStream:
        """Create it, disabled: nothing is told before somebody listens."""
        place = {"aws_account_id": account, "aws_region": region}
        return self._created({"type": "eventbridge", "configuration": place})

    def create_webhook(self, url: str, token: str) -> EventStream:
        """Create one that posts to an address, likewise disabled."""
        return self._created(_to(url, token))

    def give(self, stream: EventStream, url: str, token: str) -> None:
        """Let it post to an address, with a token."""
        self._management.ask("PATCH", _path(stream), {"destination": _to(url, token)})

    def _created(self, destination: Mapping[str, object]) -> EventStream:
        wanted = {
            "name": self._name,
            "subscriptions": [{"event_type": each.value} for each in KINDS],
            "destination": destination,
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


def _to(url: str, token: str) -> Mapping[str, object]:
    bearer = {"method": "bearer", "token": token}
    configuration = {"webhook_endpoint": url, "webhook_authorization": bearer}
    return {"type": "webhook", "configuration": configuration}


def _read(document: object) -> EventStream | None:
    match document:
        case {
            "id": str(stream_id),
            "status": str(status),
            "subscriptions": [*subscriptions],
            "destination": {"configuration": dict(to)},
        }:
            kinds = frozenset(str(each["event_type"]) for each in subscriptions)
            return _read_to(EventStream(stream_id, status == "enabled", kinds), to)
    return None


def _read_to(stream: EventStream, to: Mapping[str, object]) -> EventStream | None:
    """Return it with where it goes; None for what is neither of the two."""
    match to:
        case {"aws_account_id": str(account), "aws_region": str(region), **more}:
            source = str(more.get("aws_partner_event_source") or "")
            return replace(stream, source=source, account=account, region=region)
        case {"webhook_endpoint": str(url)}:
            return replace(stream, url=url)
    return None
