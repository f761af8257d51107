"""Who posts events: settings as both sides keep them, told no more than they tell."""

import json
from typing import Any

import pytest
import stripe

from sandbox.auth0.event_streams import EventStreams
from sandbox.auth0.failure import Auth0Failure
from sandbox.posts import signed
from sandbox.stripe_account import StripeAccount, StripeFailure
from sandbox.stripe_destinations import Destinations

URL = "https://shop.example/events"
BEARER = {"method": "bearer", "token": "secret"}
TO: dict[str, Any] = {
    "type": "webhook",
    "configuration": {"webhook_endpoint": f"{URL}/auth0", "webhook_authorization": BEARER},
}
STREAM = {
    "name": "posts",
    "subscriptions": [{"event_type": "user.deleted"}],
    "destination": TO,
}
ENDPOINT = {
    "name": "posts",
    "type": "webhook_endpoint",
    "event_payload": "snapshot",
    "enabled_events": ["customer.deleted"],
    "webhook_endpoint": {"url": f"{URL}/stripe"},
}


def test_a_streams_token_is_told_to_nobody() -> None:
    """Neither who made it nor who lists it; a new one may be given, and is what is sent.

    https://auth0.com/docs/api/management/v2/event-streams/post-event-streams
    """
    streams = EventStreams()
    made = streams.create(STREAM)
    newer = {**TO["configuration"], "webhook_authorization": {**BEARER, "token": "newer"}}
    changed = streams.update(made["id"], {"destination": {**TO, "configuration": newer}})

    assert "secret" not in json.dumps([made, changed, streams.list_page({})])
    assert streams.posted_to("user.deleted") == [(f"{URL}/auth0", "newer")]
    assert streams.posted_to("user.created") == []
    streams.update(made["id"], {"status": "disabled"})
    assert streams.posted_to("user.deleted") == []


@pytest.mark.parametrize(
    "to",
    [
        {"type": "webhook"},
        {"type": "webhook", "configuration": {"webhook_endpoint": URL}},
        {"type": "webhook", "configuration": {"webhook_authorization": BEARER}},
        {"type": "eventbridge", "configuration": {}},
        {"type": "other", "configuration": TO["configuration"]},
    ],
)
def test_streams_to_nowhere(to: dict[str, Any]) -> None:
    """They are refused, at first as later."""
    streams = EventStreams()
    made = streams.create(STREAM)

    with pytest.raises(Auth0Failure):
        streams.create(STREAM | {"destination": to})
    with pytest.raises(Auth0Failure):
        streams.update(made["id"], {"destination": to})


def test_an_endpoint_tells_its_signing_secret_once() -> None:
    """To who makes it, and asks for it by name; of its address whoever asks for that.

    https://docs.stripe.com/api/v2/core/event-destinations/create
    """
    destinations = Destinations(StripeAccount())
    names = [f"webhook_endpoint.{each}" for each in ("signing_secret", "url")]
    made = destinations.create({**ENDPOINT, "include": names})
    secret = made["webhook_endpoint"]["signing_secret"]
    listed = destinations.list_page(names[1:])["data"][0]["webhook_endpoint"]

    assert destinations.get(made["id"])["webhook_endpoint"] == dict.fromkeys(
        ("url", "signing_secret")
    )
    assert listed == {"url": f"{URL}/stripe", "signing_secret": None}
    assert destinations.posted_to("customer.deleted") == [(f"{URL}/stripe", secret)]
    assert destinations.posted_to("customer.created") == []


@pytest.mark.parametrize("kind", ["webhook_endpoint", "amazon_eventbridge", "azure_event_grid"])
def test_destinations_to_nowhere(kind: str) -> None:
    """They are refused."""
    body = {**ENDPOINT, "type": kind, "webhook_endpoint": {}}

    with pytest.raises(StripeFailure):
        Destinations(StripeAccount()).create(body)


def test_signed_as_stripe_does() -> None:
    """Its own SDK makes an event of it."""
    body = json.dumps({"id": "evt_1", "object": "event", "type": "customer.deleted"})
    headers, secret = signed(body, "whsec_secret"), "whsec_secret"

    event: Any = stripe.Webhook.construct_event(body, headers["stripe-signature"], secret)
    assert event.type == "customer.deleted"
