"""Stripe's event destinations, as its SDK calls them: JSON, where version 1 has forms.

https://docs.stripe.com/api/v2/core/event-destinations
"""

import copy
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, jsonify, request

from sandbox.shapes import LINE, OddRequestError, Schema, object_of
from sandbox.stripe_account import Permission, StripeAccount, StripeFailure, invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

RESOURCE = "event_destination"
"""What a key has to be let at (`StripeAccount.add_key`)."""

_DESTINATION: Mapping[str, Schema] = {
    **dict.fromkeys(("name", "type", "event_payload", "description"), LINE),
    **{name: [LINE] for name in ("enabled_events", "events_from")},
    "amazon_eventbridge": {"aws_account_id": LINE, "aws_region": LINE},
}

type Body = dict[str, Any]


class Destinations:
    """An account's, of which only those to EventBridge are made."""

    def __init__(self, account: StripeAccount) -> None:
        """Start with none."""
        self.offer: Callable[[str], None] = lambda _: None
        """Makes a partner event source in AWS."""
        self.withdraw: Callable[[str], None] = lambda _: None
        """Deletes it there."""
        self.account = account
        self._found: dict[str, Body] = {}

    def list_page(self) -> Body:
        """`GET /v2/core/event_destinations`."""
        return {"data": copy.deepcopy([*self._found.values()]), "next_page_url": None}

    def create(self, body: Mapping[str, Any]) -> Body:
        """`POST /v2/core/event_destinations`: enabled at once, with a source that is pending."""
        settings = body.get("amazon_eventbridge", {})
        for name in ("name", "type", "event_payload", "enabled_events"):
            if not body.get(name):
                raise invalid(f"Missing required param: {name}.", param=name)
        if body["type"] != "amazon_eventbridge":
            raise invalid("Only amazon_eventbridge is known here.", param="type")
        for name in ("aws_account_id", "aws_region"):
            if not settings.get(name):
                raise invalid(f"Missing required param: {name}.", param="amazon_eventbridge")
        mode = "live" if self.account.livemode else "test"
        made = f"ed_{mode}_{secrets.token_hex(14)}"
        source = f"aws.partner/stripe.com/{made}"
        self._found[made] = {
            "id": made,
            "object": "v2.core.event_destination",
            "name": body["name"],
            "type": "amazon_eventbridge",
            "status": "enabled",
            "enabled_events": [*body["enabled_events"]],
            "event_payload": body["event_payload"],
            "events_from": body.get("events_from", ["@self"]),
            "livemode": self.account.livemode,
            "amazon_eventbridge": {
                "aws_account_id": settings["aws_account_id"],
                "aws_event_source_arn": (
                    f"arn:aws:events:{settings['aws_region']}::event-source/{source}"
                ),
                "aws_event_source_status": "pending",
            },
        }
        self.offer(source)
        return self.get(made)

    def get(self, found: str) -> Body:
        """`GET /v2/core/event_destinations/{id}`."""
        return copy.deepcopy(self._existing(found))

    def switch(self, found: str, status: str) -> Body:
        """`POST /v2/core/event_destinations/{id}/enable`, or `disable`."""
        self._existing(found)["status"] = status
        return self.get(found)

    def delete(self, found: str) -> Body:
        """`DELETE /v2/core/event_destinations/{id}`, and its source with it."""
        arn = self._existing(found)["amazon_eventbridge"]["aws_event_source_arn"]
        self.withdraw(arn.partition("::event-source/")[2])
        del self._found[found]
        return {"id": found, "object": "v2.core.event_destination", "deleted": True}

    def _existing(self, found: str) -> Body:
        if found not in self._found:
            raise StripeFailure(404, "invalid_request_error", "Not found.", "not_found")
        return self._found[found]


def add_destinations(app: Flask, destinations: Destinations) -> None:
    """Serve them beside the rest of an account."""
    for method, path, carry_out in _routes(destinations):
        view = _view(destinations.account, carry_out)
        rule = f"/v2/core/event_destinations{path}"
        app.add_url_rule(rule, f"{method} {rule}", view, methods=[method])


def _routes(destinations: Destinations) -> "Iterator[tuple[str, str, Callable[..., Body]]]":
    yield "GET", "", destinations.list_page
    yield "POST", "", lambda: destinations.create(_body())
    yield "GET", "/<found>", destinations.get
    yield "DELETE", "/<found>", destinations.delete
    yield "POST", "/<found>/enable", lambda found: destinations.switch(found, "enabled")
    yield "POST", "/<found>/disable", lambda found: destinations.switch(found, "disabled")


def _body() -> Body:
    try:
        return object_of(request.get_data(), _DESTINATION)
    except OddRequestError as odd:
        raise invalid(f"Expected {odd.needed} at {odd.name}", param=odd.name) from None


def _view(account: StripeAccount, carry_out: Callable[..., Body]) -> Callable[..., Response]:
    def view(**ids: str) -> Response:
        key = request.authorization.token if request.authorization else None
        try:
            account.authorise(key or "", Permission.WRITE, RESOURCE)
            status, body = 200, carry_out(**ids)
        except StripeFailure as failure:
            status, body = failure.status, failure.body()
        account.requests.append(f"{request.method} {request.path} {status}")
        response = jsonify(body)
        response.status_code = status
        return response

    return view
