"""Write events/: API Gateway's events, signed with the sandbox's secret, and the queue's.

The signatures are from a fixed time, so the function needs a long CUSTOMERLINK_SIGNATURE_TOLERANCE,
which it refuses with a live key.
"""

import json
from pathlib import Path
from typing import Any

from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from customerlink.model.signature import SigningSecret, sign
from sandbox.events import auth0_event, delivered, stripe_event
from sandbox.gateway import event_of
from sandbox.sandbox import FOREIGN_CUSTOMER, SIGNING_SECRET, TAKEN_EMAIL

SIGNED_AT = 1_795_000_000
FOLDER = Path(__file__).parents[1] / "events"


def login(user_id: str, count: int = 1, strategy: str = "auth0", **profile: Any) -> dict[str, Any]:
    """Return the Action's report of a login."""
    return {
        "version": 1,
        "tenant": {"id": "acme"},
        "user": {"user_id": user_id, "created_at": "2026-11-18T08:00:00.000Z", **profile},
        "stats": {"logins_count": count},
        "connection": {"strategy": strategy},
        "try": 1,
    }


REPORTS: dict[str, Any] = {
    "new-database-user": login(
        "auth0|local-ada", email="local-ada@example.com", name="Ada Lovelace"
    ),
    "new-google-user": login(
        "google-oauth2|local-1",
        strategy="google-oauth2",
        email="local-alan@example.com",
        email_verified=True,
        name="Alan Turing",
    ),
    "returning-user": login("auth0|local-linus", 42, email="local-linus@example.com"),
    "foreign-customer-id": login(
        "auth0|local-mallory",
        email="local-mallory@example.com",
        app_metadata={"stripe_customer_id": FOREIGN_CUSTOMER},
    ),
    "taken-email": login("auth0|local-second", email=TAKEN_EMAIL),
    "no-email": login("sms|local-phone", strategy="sms", name="+1 555 0100"),
    "new-registration": {
        "version": 1,
        "tenant": {"id": "acme"},
        "user": {"email": "local-grace@example.com", "name": "Grace Hopper"},
        "connection": {"name": "Users", "strategy": "auth0"},
        "try": 1,
    },
    "unsigned": login("auth0|local-nobody", email="local-nobody@example.com"),
    "malformed": {"version": 1, "tenant": {"id": "acme"}, "user": {}, "stats": {"logins_count": 1}},
}


PATHS = {"new-registration": "/pre-user-registration"}
"""Where the report goes, if it is not of a login."""


def gateway_event(name: str, report: Any) -> dict[str, Any]:
    """Return the event that API Gateway would make of the Action's request."""
    path = PATHS.get(name, "/post-login")
    body = json.dumps(report).encode()
    headers = {"content-type": "application/json", "host": "127.0.0.1"}
    if name != "unsigned":
        headers |= sign(SigningSecret.parse(SIGNING_SECRET), f"msg_{name}", SIGNED_AT, body)
    builder = EnvironBuilder(path, method="POST", data=body, headers=list(headers.items()))
    event = event_of(Request(builder.get_environ()))
    event["requestContext"] |= {"requestId": name, "timeEpoch": SIGNED_AT * 1000}
    return event


ADA = {
    "user_id": "auth0|local-ada",
    "email": "local-ada@example.com",
    "email_verified": True,
    "name": "Ada Lovelace",
    "created_at": "2026-11-18T08:00:00.000Z",
    "updated_at": "2026-11-18T08:00:00.000Z",
    "identities": [
        {"provider": "auth0", "user_id": "local-ada", "connection": "Users", "isSocial": False}
    ],
    "app_metadata": {"stripe_customer_id": "cus_LocalAda"},
}
CUSTOMER = {
    "id": "cus_LocalAda",
    "object": "customer",
    "email": "local-ada@example.com",
    "name": "Ada Lovelace",
    "metadata": {"auth0_user_id": "auth0|local-ada", "auth0_tenant": "acme"},
}
MOVED = ADA | {"email": "local-ada@new.example.com"}

MESSAGES: dict[str, Any] = {
    "sync-email-changed": auth0_event("user.updated", MOVED, ADA),
    "sync-user-created": auth0_event("user.created", ADA),
    "sync-user-deleted": auth0_event("user.deleted", ADA | {"deleted_at": ADA["updated_at"]}),
    "sync-customer-edited": stripe_event(
        "customer.updated", CUSTOMER | {"name": "Countess"}, {"name": CUSTOMER["name"]}
    ),
    "sync-customer-deleted": stripe_event("customer.deleted", CUSTOMER),
    "sync-other-tenant": auth0_event("user.deleted", ADA, tenant="another"),
    "sync-unreadable": {"source": "aws.partner/auth0.com/acme-0/customer-link", "detail": {}},
}
"""What waits in the queue, by the file that delivers it to the function."""


def queue_event(message: Any) -> dict[str, Any]:
    """Return the event that Lambda would make of a message."""
    return delivered([json.dumps(message)])


if __name__ == "__main__":
    for each, content in REPORTS.items():
        text = json.dumps(gateway_event(each, content), indent=2)
        (FOLDER / f"{each}.json").write_text(f"{text}\n")
    for each, content in MESSAGES.items():
        text = json.dumps(queue_event(content), indent=2)
        (FOLDER / f"{each}.json").write_text(f"{text}\n")
