"""After any odd requests to the sandbox, `verify` reads both sides, as it does without."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3
from hypothesis import example, given, settings
from hypothesis import strategies as any_of
from tests.cli.conftest import Cli
from werkzeug.test import Client

from sandbox.front import Front

USER = "auth0|odd"

FIELDS = any_of.sampled_from(
    [
        *("user_id", "email", "email_verified", "name", "nickname", "picture", "phone_number"),
        *("app_metadata", "user_metadata", "connection", "created_at", "identities", "blocked"),
        *("logins_count", "last_login", "username", "given_name", "provider", "x"),
    ]
)
PARAMETERS = any_of.sampled_from(
    [
        *("email", "name", "phone", "description", "balance", "metadata", "email[a]", "name[0]"),
        *("metadata[auth0_user_id]", "metadata[auth0_tenant]", "metadata[]", "metadata[a][b]"),
        *("preferred_locales[0]", "preferred_locales", "test_clock", "created", "id"),
    ]
)
TEXTS = any_of.text(max_size=20) | any_of.sampled_from(["a@x.io", USER, "acme", "\0", "²", "-1"])
SCALARS = any_of.none() | any_of.booleans() | any_of.integers() | any_of.floats() | TEXTS
VALUES = any_of.recursive(
    SCALARS,
    lambda inner: any_of.lists(inner, max_size=3) | any_of.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)
OBJECTS = any_of.dictionaries(FIELDS, VALUES, max_size=4).map(
    lambda fields: {"connection": "Username-Password-Authentication", **fields}
)
FORMS = any_of.dictionaries(PARAMETERS, TEXTS, max_size=4)
REQUESTS = any_of.lists(
    any_of.tuples(any_of.sampled_from(["user", "patch", "rows", "login"]), OBJECTS)
    | any_of.tuples(any_of.sampled_from(["customer", "update"]), FORMS),
    min_size=8,
    max_size=20,
)


@dataclass
class Doors:
    """Where somebody may ask the sandbox for something odd."""

    cli: Cli

    def __post_init__(self) -> None:
        """Take the keys of all doors."""
        box = self.cli.box
        client_id, secret = box.management.add_client()
        asked = {"grant_type": "client_credentials", "audience": "https://acme/api/v2/"}
        asked |= {"client_id": client_id, "client_secret": secret}
        token = box.management.token(asked)[0]["access_token"]
        self.auth0 = {"authorization": f"Bearer {token}"}
        self.stripe = {"authorization": f"Bearer {box.stripe_key}"}
        self.customer = box.stripe.create({"email": "odd@example.com"})["id"]
        self.front = Client(Front(box))

    def send(self, door: str, body: dict[str, Any]) -> int:
        """Send something to a door; return the answer's status."""
        users, box = f"{self.cli.box.auth0_url}/api/v2/users", self.cli.box
        customers = f"{box.stripe_url}/v1/customers"
        text = json.dumps(body)
        file: Any = {"connection_id": "con_1", "users": ("users.json", json.dumps([body, body]))}
        match door:
            case "user":
                answer = urllib3.request("POST", users, body=text, headers=self.auth0)
            case "patch":
                answer = urllib3.request("PATCH", f"{users}/{USER}", body=text, headers=self.auth0)
            case "rows":
                where = f"{box.auth0_url}/api/v2/jobs/users-imports"
                answer = urllib3.request("POST", where, fields=file, headers=self.auth0)
            case "login":
                return self.front.post("/login", data=text).status_code
            case "customer":
                answer = form("POST", customers, body, self.stripe)
            case _:
                answer = form("POST", f"{customers}/{self.customer}", body, self.stripe)
        return answer.status


def form(method: str, url: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    """Send a form."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return urllib3.request(method, url, body=urlencode(body), headers=headers | kind)


@pytest.fixture
def doors(cli: Cli) -> Iterator[Doors]:
    """Return a sandbox with one user and one customer; nobody of these stays."""
    users, box = cli.box.tenant.users, cli.box
    secret = {"stripe_restricted_key": box.stripe_key}
    cli.store(json.dumps(secret | {"action_signing_secrets": [box.signing_secret]}))
    users.clear()
    users.add({"email": "odd@example.com"}, USER)
    yield Doors(cli)
    users.clear()


@given(requests=REQUESTS)
@example(
    requests=[
        *(("user", {"connection": "x", "user_id": 5}), ("login", {"user_id": 5})),
        *(("patch", {"email": ["x"]}), ("rows", {"email": "a", "created_at": 5})),
        *(("customer", {"email[a]": "x"}), ("update", {"name[0]": "x"})),
    ]
)
@settings(max_examples=4)
def test_verify_reads_on(doors: Doors, requests: list[tuple[str, dict[str, Any]]]) -> None:
    """No request is a fault, and none leaves what cannot be read."""
    statuses = [doors.send(door, body) for door, body in requests]
    verified = doors.cli("--tenant", "acme", "verify", "--json")

    assert max(statuses) < 500
    assert verified.code in (0, 1), verified.err
    assert "counts" in verified.json(), verified
