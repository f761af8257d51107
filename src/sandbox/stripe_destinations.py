"""Stripe's event destinations, as its SDK calls them: JSON, where version 1 has forms.

https://docs.stripe.com/api/v2/core/event-destinations
"""

import copy
import secrets
from collections.abc import Callable, Mapping, Sequence
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
    **{name: [LINE] for name in ("enabled_events", "events_from", "include")},
    "amazon_eventbridge": {"aws_account_id": LINE, "aws_region": LINE},
    "webhook_endpoint": {"url": LINE},
}

type Body = dict[str, Any]


class Destinations:
    """An account's, to EventBridge or to a webhook endpoint."""

    def __init__(self, account: StripeAccount) -> None:
        """Start with none."""
        self.offer: Callable[[str], None] = lambda _: None
        """Makes a partner event source in AWS."""
        self.withdraw: Callable[[str], None] = lambda _: None
        """Deletes it there."""
        self.account = account
        self._found: dict[str, Body] = {}

    def list_page(self, include: Sequence[str] = ()) -> Body:
        """`GET /v2/core/event_destinations`."""
        found = [_shown(each, include) for each in self._found.values()]
        return {"data": found, "next_page_url": None}

    def create(self, body: Mapping[str, Any]) -> Body:
        """`POST /v2/core/event_destinations`: enabled at once, its source, if any, is pending."""
        for name in ("name", "type", "event_payload", "enabled_events"):
            if not body.get(name):
                raise invalid(f"Missing required param: {name}.", param=name)
        mode = "live" if self.account.livemode else "test"
        made = f"ed_{mode}_{secrets.token_hex(14)}"
        settings = self._settings(made, body)
        self._found[made] = {
            "id": made,
            "object": "v2.core.event_destination",
            "name": body["name"],
            "type": body["type"],
            "status": "enabled",
            "enabled_events": [*body["enabled_events"]],
            "event_payload": body["event_payload"],
            "events_from": body.get("events_from", ["@self"]),
            "livemode": self.account.livemode,
            body["type"]: settings,
        }
        return self.get(made, body.get("include", ()))

    def _settings(self, made: str, body: Mapping[str, Any]) -> Body:
        """Return what a destination has of its own kind."""
        match body:
            case {
                "type": "amazon_eventbridge",
                "amazon_eventbridge": {"aws_region": region, "aws_account_id": account},
            } if region and account:
                source = f"aws.partner/stripe.com/{made}"
                self.offer(source)
                return {
                    "aws_account_id": account,
                    "aws_event_source_arn": f"arn:aws:events:{region}::event-source/{source}",
                    "aws_event_source_status": "pending",
                }
            case {"type": "webhook_endpoint", "webhook_endpoint": {"url": str(url)}}:
                return {"url": url, "signing_secret": f"whsec_{secrets.token_hex(16)}"}
        raise invalid(f"Missing required param: {body['type']}.", param="type")

    def get(self, found: str, include: Sequence[str] = ()) -> Body:
        """`GET /v2/core/event_destinations/{id}`."""
        return _shown(self._existing(found), include)

    def posted_to(self, kind: str) -> list[tuple[str, str]]:
        """Return where an event of a kind is posted to, each with what signs it."""
        return [
            (settings["url"], settings["signing_secret"])
            for each in self._found.values()
            if each["status"] == "enabled" and kind in each["enabled_events"]
            if (settings := each.get("webhook_endpoint"))
        ]

    def switch(self, found: str, status: str) -> Body:
        """`POST /v2/core/event_destinations/{id}/enable`, or `disable`."""
        self._existing(found)["status"] = status
        return self.get(found)

    def delete(self, found: str) -> Body:
        """`DELETE /v2/core/event_destinations/{id}`, and its source with it."""
        arn = self._existing(found).get("amazon_eventbridge", {}).get("aws_event_source_arn", "")
        self.withdraw(arn.partition("::event-source/")[2])
        del self._found[found]
        return {"id": found, "object": "v2.core.event_destination", "deleted": True}

    def _existing(self, found: str) -> Body:
        if found not in self._found:
            raise StripeFailure(404, "invalid_request_error", "Not found.", "not_found")
        return self._found[found]


def _shown(destination: Body, include: Sequence[str]) -> Body:
    """Return a destination as it is told: of a webhook's, what was asked for by name."""
    shown = copy.deepcopy(destination)
    for name in shown.get("webhook_endpoint", {}):
        if f"webhook_endpoint.{name}" not in include:
            shown["webhook_endpoint"][name] = None
    return shown


def add_destinations(app: Flask, destinations: Destinations) -> None:
    """Serve them beside the rest of an account."""
    for method, path, carry_out in _routes(destinations):
        view = _view(destinations.account, carry_out)
        rule = f"/v2/core/event_destinations{path}"
        app.add_url_rule(rule, f"{method} {rule}", view, methods=[method])


def _routes(destinations: Destinations) -> "Iterator[tuple[str, str, Callable[..., Body]]]":
    yield "GET", "", lambda: destinations.list_page(_included())
    yield "POST", "", lambda: destinations.create(_body())
    yield "GET", "/<found>", lambda found: destinations.get(found, _included())
    yield "DELETE", "/<found>", destinations.delete
    yield "POST", "/<found>/enable", lambda found: destinations.switch(found, "enabled")
    yield "POST", "/<found>/disable", lambda found: destinations.switch(found, "disabled")


def _body() -> Body:
    try:
        return object_of(request.get_data(), _DESTINATION)
    except OddRequestError as odd:
        raise invalid(f"Expected {odd.needed} at {odd.name}", param=odd.name) from None


def _included() -> list[str]:
    """Return what else of a destination is asked for; the secret is told once."""
    asked = [value for name, value in request.args.items(multi=True) if name.startswith("include")]
    return [each for each in asked if each != "webhook_endpoint.signing_secret"]


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
