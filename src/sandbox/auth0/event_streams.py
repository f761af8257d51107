"""Event streams: what a tenant tells of its users, and where to.

- https://auth0.com/docs/customize/events
- https://auth0.com/docs/api/management/v2/event-streams
"""

import copy
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.auth0.failure import Auth0Failure, bad_body, bad_query
from sandbox.shapes import whole

type Json = dict[str, Any]
type Query = dict[str, str]

_CHANGEABLE = {"name", "status", "subscriptions", "destination"}
_STATES = ("enabled", "disabled")


class EventStreams:
    """A tenant's, to EventBridge or to a webhook."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Start with none."""
        self.limit = 10
        """How many the tenant's plan allows."""
        self.offer: Callable[[str], None] = lambda _: None
        """Makes a partner event source in AWS."""
        self.withdraw: Callable[[str], None] = lambda _: None
        """Deletes it there."""
        self.deliver: Callable[[str, str], None] = lambda _source, _kind: None
        """Takes a test event to its source: that, and the event's kind."""
        self.failed: list[Json] = []
        """Deliveries that failed."""
        self._clock = clock
        self._streams: dict[str, Json] = {}

    def list_page(self, query: Query) -> Json:
        """`GET /event-streams`, by checkpoints."""
        found, take = [*self._streams.values()], whole(query.get("take", "50"))
        if not take:
            raise bad_query("Expected a whole number on property take")
        start = next((at for at, each in enumerate(found) if each["id"] == query.get("from")), 0)
        end = start + take
        page: Json = {"eventStreams": [_shown(each) for each in found[start:end]]}
        return page | ({"next": found[end]["id"]} if end < len(found) else {})

    def create(self, body: Mapping[str, Any]) -> Json:
        """`POST /event-streams`: enabled unless told otherwise; EventBridge gets a source."""
        wanted = body.get("destination", {})
        _check_destination(wanted)
        if len(self._streams) >= self.limit:
            raise Auth0Failure(403, "The tenant has reached its limit of event streams.")
        _check_state(body.get("status", "enabled"))
        settings = {**wanted["configuration"]}
        if wanted["type"] == "eventbridge":
            source = f"aws.partner/auth0.com/acme-{secrets.token_hex(8)}/auth0.events"
            settings["aws_partner_event_source"] = source
            self.offer(source)
        stream = {
            "id": f"est_{secrets.token_hex(11)}",
            "name": body.get("name", ""),
            "subscriptions": copy.deepcopy(body.get("subscriptions", [])),
            "destination": {"type": wanted["type"], "configuration": settings},
            "status": body.get("status", "enabled"),
            "created_at": self._now(),
            "updated_at": self._now(),
        }
        self._streams[str(stream["id"])] = stream
        return self.get(str(stream["id"]))

    def get(self, stream_id: str) -> Json:
        """`GET /event-streams/{id}`."""
        return _shown(self._existing(stream_id))

    def posted_to(self, kind: str) -> list[tuple[str, str]]:
        """Return where an event of a kind is posted to, each with its bearer token."""
        return [
            (settings["webhook_endpoint"], settings["webhook_authorization"]["token"])
            for each in self._streams.values()
            if each["status"] == "enabled" and {"event_type": kind} in each["subscriptions"]
            if "webhook_endpoint" in (settings := each["destination"]["configuration"])
        ]

    def update(self, stream_id: str, body: Mapping[str, Any]) -> Json:
        """`PATCH /event-streams/{id}`: where to can be changed of a webhook alone."""
        stream = self._existing(stream_id)
        _check_state(body.get("status", "enabled"))
        for name in body.keys() - _CHANGEABLE:
            raise bad_body(f"Additional properties not allowed: {name}")
        if "destination" in body:
            if {stream["destination"]["type"], body["destination"].get("type")} != {"webhook"}:
                raise bad_body("Additional properties not allowed: destination")
            _check_destination(body["destination"])
        stream |= {**copy.deepcopy(dict(body)), "updated_at": self._now()}
        return _shown(stream)

    def delete(self, stream_id: str) -> None:
        """`DELETE /event-streams/{id}`, and its source with it."""
        self.withdraw(_source(self._existing(stream_id)))
        del self._streams[stream_id]

    def test(self, stream_id: str, body: Mapping[str, Any]) -> Json:
        """`POST /event-streams/{id}/test`: an event that says that it is a test."""
        stream, kind = self._existing(stream_id), body.get("event_type")
        if not kind:
            raise bad_body("Missing required property: event_type")
        if stream["status"] == "enabled":
            self.deliver(_source(stream), str(kind))
        return {
            "id": f"evt_{secrets.token_hex(11)}",
            "event_stream_id": stream_id,
            "status": "pending",
            "event_type": kind,
            "attempts": [],
        }

    def deliveries(self, stream_id: str) -> Json:
        """`GET /event-streams/{id}/deliveries`: those that failed."""
        self._existing(stream_id)
        found = [each for each in self.failed if each["event_stream_id"] == stream_id]
        return {"deliveries": copy.deepcopy(found)}

    def _existing(self, stream_id: str) -> Json:
        if stream_id not in self._streams:
            raise Auth0Failure(404, "The event stream does not exist.")
        return self._streams[stream_id]

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).isoformat()


def _shown(stream: Json) -> Json:
    """Return a stream as it is told: without the token, which nobody is told again."""
    shown = copy.deepcopy(stream)
    shown["destination"]["configuration"].get("webhook_authorization", {}).pop("token", None)
    return shown


def _check_destination(wanted: Mapping[str, Any]) -> None:
    settings = wanted.get("configuration", {})
    match wanted.get("type"), settings.get("webhook_authorization"):
        case "eventbridge", None if settings.get("aws_account_id"):
            return
        case "webhook", {"method": "bearer", "token": str(token)} if token:
            if str(settings.get("webhook_endpoint")).startswith("http"):
                return
    raise bad_body("No enum match on property destination.type")


def _source(stream: Json) -> str:
    return str(stream["destination"]["configuration"].get("aws_partner_event_source", ""))


def _check_state(state: object) -> None:
    if state not in _STATES:
        raise bad_body(f"No enum match on property status ({', '.join(_STATES)})")
