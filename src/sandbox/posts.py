"""Where no EventBridge takes them, both sides post their events, and again until they are taken.

- Auth0: https://auth0.com/docs/customize/events/create-an-event-stream
- Stripe: https://docs.stripe.com/webhooks
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import override

import stripe
import urllib3

from sandbox.auth0.event_streams import EventStreams
from sandbox.buses import Buses
from sandbox.events import STRIPE_SOURCE, Document
from sandbox.stripe_account import StripeAccount
from sandbox.stripe_destinations import Destinations

type Headers = dict[str, str]


@dataclass
class Posts(Buses):
    """What both sides post, to whom their settings say."""

    streams: EventStreams = field(default_factory=EventStreams)
    destinations: Destinations = field(default_factory=lambda: Destinations(StripeAccount()))
    refused: int = 0
    """How many posts were not answered with a success."""
    _pool: urllib3.PoolManager = field(default_factory=urllib3.PoolManager)

    @override
    def lets_pass(self, event: Document) -> bool:
        """Return whether anybody has asked for this kind."""
        return any(True for _ in self._requests(event))

    @override
    def take(self) -> list[Document]:
        """Post what is to arrive by now: the function puts it into the queue, or it comes again."""
        for event in super().take():
            for url, headers in self._requests(event):
                body = _body(event)
                answer = self._pool.request("POST", url, body=body, headers=headers, retries=False)
                if answer.status != HTTPStatus.OK:
                    self.refused += 1
                    self._under_way.append((self.delivery.clock(), event))
        return []

    def _requests(self, event: Document) -> Iterator[tuple[str, Headers]]:
        kind, body = event["detail-type"], _body(event)
        if event["source"] == STRIPE_SOURCE:
            for url, secret in self.destinations.posted_to(kind):
                yield url, signed(body, secret)
        else:
            for url, token in self.streams.posted_to(kind):
                yield url, {"authorization": f"Bearer {token}", "content-type": "application/json"}


def signed(body: str, secret: str, at: int | None = None) -> Headers:
    """Return the headers by which Stripe's events are known."""
    signature = stripe.WebhookSignature.generate_signature_header(body, secret, at)
    return {"stripe-signature": signature, "content-type": "application/json; charset=utf-8"}


def _body(event: Document) -> str:
    """Return the event as its side has it, without EventBridge's envelope."""
    return json.dumps(event["detail"])
