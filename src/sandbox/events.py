"""Events as both sides send them, in EventBridge's envelope, and as a queue delivers that.

- Auth0: https://auth0.com/docs/customize/events/event-types
- Stripe: https://docs.stripe.com/event-destinations/eventbridge
- AWS: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.aws import REGION

ACCOUNT = "000000000000"
AUTH0_SOURCE = "aws.partner/auth0.com/acme-0/customer-link"
STRIPE_SOURCE = "aws.partner/stripe.com/ed_sandbox"
WHEN = "2026-11-18T08:00:00Z"

type Document = dict[str, Any]


def envelope(source: str, kind: str, detail: Mapping[str, Any]) -> Document:
    """Return what EventBridge makes of a partner's event."""
    return {
        "version": "0",
        "id": _id(source, kind, json.dumps(detail, sort_keys=True)),
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": WHEN,
        "region": REGION,
        "resources": [],
        "detail": detail,
    }


def auth0_event(  # noqa: PLR0913 (what may differ)
    kind: str,
    user: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
    *,
    tenant: str = "acme",
    is_test: bool = False,
    source: str = AUTH0_SOURCE,
) -> Document:
    """Return what a tenant says of a user: as they are, and as they were before a change."""
    data: Document = {"object": dict(user)}
    if before is not None:
        data["previous_object"] = dict(before)
    detail = {
        "specversion": "1.0",
        "type": kind,
        "source": f"urn:auth0:{tenant}.us.auth0.com",
        "id": f"evt_{_id(kind, json.dumps(data, sort_keys=True))[:16]}",
        "time": WHEN,
        "a0tenant": tenant,
        "a0stream": "est_sandbox000000000",
        "data": data,
    }
    return envelope(source, kind, detail | ({"a0purpose": "test"} if is_test else {}))


def stripe_event(
    kind: str,
    customer: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
    *,
    is_live: bool = False,
    source: str = STRIPE_SOURCE,
) -> Document:
    """Return what an account says of a customer: as it is, and what changed had before."""
    data: Document = {"object": dict(customer)}
    if before is not None:
        data["previous_attributes"] = dict(before)
    detail = {
        "id": f"evt_{_id(kind, json.dumps(data, sort_keys=True))[:24]}",
        "object": "event",
        "api_version": "2026-10-28",
        "created": 1_795_000_000,
        "livemode": is_live,
        "pending_webhooks": 0,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        "data": data,
    }
    return envelope(source, kind, detail)


def of_user(before: Document | None, after: Document | None, tenant: str = "acme") -> Document:
    """Return what is told of a user who is new, was changed, or is gone."""
    if after is None:
        gone = {**(before or {}), "deleted_at": WHEN}
        return auth0_event("user.deleted", gone, tenant=tenant)
    kind = "user.created" if before is None else "user.updated"
    return auth0_event(kind, after, before, tenant=tenant)


def of_customer(before: Document | None, after: Document | None) -> Document:
    """Return what is told of a customer who is new, was changed, or is gone: as it was, then."""
    shown = after or before or {}
    kind = "created" if before is None else "deleted" if after is None else "updated"
    was = changed(before, after) if before and after else None
    return stripe_event(f"customer.{kind}", shown, was, is_live=bool(shown.get("livemode")))


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Document:
    """Return Stripe's `previous_attributes`: what changed, of metadata the keys that did."""
    names = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    found = {name: before.get(name) for name in names - {"metadata"}}
    if "metadata" in names:
        found["metadata"] = changed(before.get("metadata") or {}, after.get("metadata") or {})
    return found


def delivered(bodies: Iterable[str], receives: int = 1) -> Document:
    """Return what Lambda hands to the function of a queue's messages."""
    records = (
        record(f"message-{at}", body, receives, f"receipt-{at}") for at, body in enumerate(bodies)
    )
    return {"Records": [*records]}


def record(name: str, body: str, receives: int, receipt: str) -> Document:
    """Return one of them, by its name in the queue."""
    return {
        "messageId": name,
        "receiptHandle": receipt,
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": str(receives),
            "SentTimestamp": "1795000000000",
            "SenderId": "sandbox",
            "ApproximateFirstReceiveTimestamp": "1795000000000",
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:SyncQueue",
        "awsRegion": REGION,
    }


def _id(*parts: str) -> str:
    """Return an id that the same event always has."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
