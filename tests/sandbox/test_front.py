"""The sandbox's front: what becomes of an odd body, a login's reason, and keys to rotate to."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from werkzeug.test import Client

from sandbox.aws import REGION, STACK
from sandbox.front import Front
from sandbox.sandbox import Sandbox
from sandbox.stripe_account import Permission, StripeFailure

ODD: list[tuple[bytes, str]] = [
    (b"", "the body"),
    (b"[]", "the body"),
    (b'"ada"', "the body"),
    (b"{", "the body"),
    (b"[" * 100_000, "the body"),
    (b'{"name": NaN}', "the body"),
    (b'{"user_metadata": {"n": 1e400}}', "the body"),
    (b'{"app_metadata": {"n": [-1e999]}}', "the body"),
    (b'{"email_verified": 1e309}', "the body"),
    (b'{"user_metadata": ' + b'{"a":' * 900 + b"1" + b"}" * 901, "the body"),
    (b'{"app_metadata": {"a":' + b"[" * 900 + b"]" * 900 + b"}}", "the body"),
    (b'{"name": ' + b"[" * 200 + b"]" * 200 + b"}", "the body"),
    (b'{"name": "Ina \\ud83d"}', "the body"),
    (b'{"app_metadata": {"\\ud83d": 1}}', "the body"),
    (b'{"name": "\xff"}', "the body"),
    (b'{"user_id": 5}', "user_id"),
    (b'{"user_id": "ada"}', "user_id"),
    (b'{"user_id": "auth0|a b"}', "user_id"),
    (b'{"email": ["a@x.io"]}', "email"),
    (b'{"email_verified": "yes"}', "email_verified"),
    (b'{"app_metadata": []}', "app_metadata"),
    (b'{"connection": []}', "connection"),
    (b'{"connection": "twitter"}', "connection"),
    (b'{"self": 1}', "a field"),
    (b'{"created_at": 1}', "a field"),
]


@dataclass
class Door:
    """The front of a sandbox, and what it told."""

    box: Sandbox
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Let somebody call."""
        self.client = Client(Front(self.box, self.told.append))

    def login(self, **profile: Any) -> dict[str, Any]:
        """Log somebody in."""
        answer = self.client.post("/login", json=profile)
        assert answer.status_code == 200
        document: dict[str, Any] = json.loads(answer.text)
        return document


@pytest.fixture
def door(box: Sandbox) -> Iterator[Door]:
    """Return the front of a tenant without users."""
    box.tenant.users.clear()
    yield Door(box)
    box.tenant.users.clear()


@pytest.mark.parametrize(("body", "named"), ODD)
def test_odd_body(door: Door, body: bytes, named: str) -> None:
    """It is a 400 that names the field, and leaves the store as it was."""
    answer = door.client.post("/login", data=body, content_type="application/json")

    assert answer.status_code == 400
    assert json.loads(answer.text)["error"].startswith(named)
    assert not door.box.tenant.users


def test_reason(door: Door) -> None:
    """It is in the answer and on a line, for who gets in and for who does not."""
    door.box.stripe.create({"email": "taken-front@example.com"})
    first = door.login(email="new-front@example.com")
    again = door.login(email="new-front@example.com")
    denied = door.login(email="taken-front@example.com", connection="google-oauth2", name=None)

    assert (first["decision"], first["reason"]) == ("continue", "customer_created")
    assert (again["decision"], again["reason"]) == ("continue", None)
    assert (denied["decision"], denied["reason"]) == ("deny", "email_in_use")
    assert door.told == [
        "auth0|new-front@example.com: continue, customer_created",
        "auth0|new-front@example.com: continue, nobody was asked",
        "google-oauth2|taken-front@example.com: deny, email_in_use",
    ]


def test_keys(door: Door) -> None:
    """One is made, listed, and revoked; one that is not there is not."""
    key = door.client.post("/stripe-keys").text.strip()
    assert json.loads(door.client.get("/stripe-keys").text)[key] == "write"
    assert door.client.delete(f"/stripe-keys/{key}").status_code == 200
    assert json.loads(door.client.get("/stripe-keys").text)[key] == "revoked"
    assert door.client.delete("/stripe-keys/rk_test_nobodys").status_code == 404


def test_a_key_that_may_more(door: Door) -> None:
    """What it may is named, for the commands that need more than customers."""
    account = door.box.stripe
    key = door.client.post("/stripe-keys?may=subscription&may=invoice").text.strip()

    for resource in ("customer", "subscription", "invoice"):
        account.authorise(key, Permission.READ, resource)
    with pytest.raises(StripeFailure):
        account.authorise(key, Permission.READ, "event_destination")


def test_a_denial_is_in_the_log(door: Door) -> None:
    """`customerlink whois` finds the reference that the person has read."""
    door.box.stripe.create({"email": "logged-front@example.com"})
    told = door.login(email="logged-front@example.com")["message"]
    logs: Any = boto3.Session("sandbox", "sandbox", "sandbox", REGION).client(
        "logs", endpoint_url=door.box.aws.url
    )

    group = f"/aws/lambda/{STACK}-post-login"
    found = logs.filter_log_events(logGroupName=group)["events"]
    lines = [json.loads(each["message"]) for each in found]
    assert [each["reason"] for each in lines if told.endswith(each.get("reference", "-"))] == [
        "email_in_use"
    ]


@pytest.mark.parametrize("path", ["/", "/log-in", "/stripe-keys/a/b"])
def test_elsewhere(door: Door, path: str) -> None:
    """There is nothing, and it says what there is."""
    answer = door.client.post(path)

    assert (answer.status_code, "/login" in answer.text) == (404, True)
