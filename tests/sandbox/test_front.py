"""The sandbox's front: what becomes of an odd body, a login's reason, and keys to rotate to."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
import urllib3
from werkzeug.test import Client

from sandbox.aws import REGION, STACK
from sandbox.front import Front
from sandbox.sandbox import Sandbox
from sandbox.stripe_account import Permission, StripeFailure
from sandbox.telling import telling

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
    """The front of a sandbox."""

    box: Sandbox

    def __post_init__(self) -> None:
        """Let somebody call."""
        self.client = Client(Front(self.box))

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
    box.tenant.registers = False


@pytest.mark.parametrize(("body", "named"), ODD)
def test_odd_body(door: Door, body: bytes, named: str) -> None:
    """It is a 400 that names the field, and leaves the store as it was."""
    answer = door.client.post("/login", data=body, content_type="application/json")

    assert answer.status_code == 400
    assert json.loads(answer.text)["error"].startswith(named)
    assert not door.box.tenant.users


def test_reason(door: Door) -> None:
    """It is in the answer and on a line, for who gets in and for who does not."""
    told: list[str] = []
    door.box.stripe.create({"email": "taken-front@example.com"})
    with telling(door.box.journal, told.append):
        first = door.login(email="new-front@example.com")
        again = door.login(email="new-front@example.com")
        denied = door.login(email="taken-front@example.com", connection="google-oauth2", name=None)

    assert (first["decision"], first["reason"]) == ("continue", "customer_created")
    assert (again["decision"], again["reason"]) == ("continue", None)
    assert (denied["decision"], denied["reason"]) == ("deny", "email_in_use")
    assert told == [
        "auth0|new-front@example.com: continue, customer_created",
        "auth0|new-front@example.com: continue, nobody was asked",
        "google-oauth2|taken-front@example.com: deny, email_in_use",
    ]


def test_registration(door: Door) -> None:
    """Where its Actions are bound, a database's new user passes them, once; others do not."""
    box = door.box
    box.tenant.registers = True
    box.stripe.create({"email": "taken-registers@example.com"})
    first, again = (door.login(email="registers@example.com") for _ in range(2))
    other = door.login(email="other-registers@example.com", connection="google-oauth2")
    denied = door.login(email="taken-registers@example.com", app_metadata={"plan": "pro"})

    assert (first["user_id"], first["reason"]) == ("auth0|registers@example.com", "already_linked")
    assert (again["decision"], again["reason"]) == ("continue", None)
    assert other["reason"] == "customer_created"
    assert (denied["user_id"], denied["decision"]) == (None, "deny")
    assert denied["reason"] == "email_in_use"


def test_what_is_there_can_be_read(door: Door) -> None:
    """The users, Stripe's customers, and the ledger's records."""
    user_id = door.login(email="read-front@example.com")["user_id"]
    users, customers, records = (
        json.loads(door.client.get(f"/{each}").text)
        for each in ("users", "stripe-customers", "ledger")
    )

    assert [each["user_id"] for each in users] == [user_id]
    assert "read-front@example.com" in {each["email"] for each in customers}
    assert f"signup#acme#{user_id}" in {each["pk"] for each in records}


def test_the_shop_s_tokens(door: Door) -> None:
    """With one, the shop's routes are open; nobody else has any."""
    door.box.let_functions_into_the_tenant()
    user_id = door.login(email="shop-front@example.com")["user_id"]
    token = door.client.post("/shop-tokens/access_token", json={"user_id": user_id}).text.strip()
    headers = {"authorization": f"Bearer {token}"}
    where = door.box.url.replace("post-login", "customers/me")
    answer = urllib3.request("POST", where, headers=headers, json={})

    assert answer.json()["stripe_customer_id"].startswith("cus_")
    odd_ones: list[object] = [{}, [], {"user_id": 5}, {"user_id": "auth0|nobody"}, "x"]
    for odd in odd_ones:
        assert door.client.post("/shop-tokens/id_token", json=odd).status_code == 400


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
