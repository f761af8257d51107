"""The sandbox's identity provider, as clients that nobody here wrote see it."""

from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from tests.e2e.node import played
from tests.e2e.runtime import ROOT
from werkzeug.wrappers import Request, Response

from sandbox.auth0.clients import Client
from sandbox.sandbox import (
    SHOP_AUDIENCE,
    SHOP_CLIENT,
    SHOP_NAMESPACE,
    TAKEN_EMAIL,
    Sandbox,
    sandbox,
)
from sandbox.serving import Server

SDK = ROOT / "node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.production.esm.js"
CUSTOMER = f"{SHOP_NAMESPACE}/stripe_customer_id"
SECRET = "of the server's: +/ ü"

type Seen = dict[str, Any]


def application(environ: Any, start: Any) -> Any:
    """Serve an empty page, and the SDK as npm has it."""
    is_sdk = Request(environ).path == "/auth0-spa-js.mjs"
    page = "<!doctype html><title>Shop</title><main></main>"
    body, kind = (SDK.read_bytes(), "text/javascript") if is_sdk else (page, "text/html")
    return Response(body, content_type=kind)(environ, start)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """Run a deployment in which somebody's customer has an address."""
    with sandbox() as running:
        running.seed()
        yield running


@pytest.fixture(scope="module")
def page(box: Sandbox) -> Iterator[str]:
    """Serve the application, which the tenant knows."""
    with Server(application) as server:
        at = f"{server.url}/callback"
        box.open_shop(at)
        yield at


def places(box: Sandbox, page: str) -> dict[str, str]:
    """Return what an application is configured with."""
    ours = {"domain": box.auth0_url, "clientId": SHOP_CLIENT, "audience": SHOP_AUDIENCE}
    return ours | {"page": page}


@pytest.fixture(scope="module")
def seen(box: Sandbox, page: str) -> Seen:
    """Play a person's way in, once, by the SDK in a browser."""
    before = len(box.gateway.exchanges)
    seen: Seen = played("spa.mjs", given=places(box, page) | {"taken": TAKEN_EMAIL})
    seen["asked"] = [each.reason for each in box.gateway.exchanges[before:]]
    return seen


def claims(token: str) -> Seen:
    """Read a token."""
    read: Seen = jwt.decode(token, options={"verify_signature": False})
    return read


def test_sign_up(box: Sandbox, seen: Seen) -> None:
    """The SDK takes the ID token, in which the customer's id stands."""
    read = seen["signedUp"]["claims"]
    user = box.tenant.users[read["sub"]]

    assert read["email"] == "ada@example.com"
    assert read[CUSTOMER] == user["app_metadata"]["stripe_customer_id"]


@pytest.mark.parametrize("step", ["silent", "renewed"])
def test_silently(seen: Seen, step: str) -> None:
    """By the session in a frame, and by a refresh token: an access token of the same user."""
    read, first = claims(seen[step]), seen["signedUp"]["claims"]
    assert (read["sub"], read[CUSTOMER]) == (first["sub"], first[CUSTOMER])
    assert SHOP_AUDIENCE in read["aud"]


@pytest.mark.parametrize("step", ["again", "bySession"])
def test_log_in(seen: Seen, step: str) -> None:
    """By a password, and by the session: the same user and customer."""
    assert seen[step]["claims"][CUSTOMER] == seen["signedUp"]["claims"][CUSTOMER]


def test_rotation(seen: Seen) -> None:
    """The SDK keeps the successor; a reuse of the old one ends it."""
    assert (seen["rotated"], seen["reused"]) == (True, "invalid_grant")
    assert seen["afterReuse"]["error"] == "invalid_grant"


def test_log_out(seen: Seen, page: str) -> None:
    """The session is over."""
    assert seen["loggedOut"] == page
    assert seen["afterLogOut"]["error"] == "login_required"


def test_denial(box: Sandbox, seen: Seen) -> None:
    """With an address that another customer has: the SDK's error has the Action's text."""
    callback = seen["denied"]["callback"]

    assert callback["error"] == "access_denied"
    assert "Reference: " in callback["text"]
    [user] = [each for each in box.tenant.users.values() if each["email"] == TAKEN_EMAIL]
    assert user["app_metadata"] == {"stripe_signup": "unfinished"}


def test_by_a_code(seen: Seen) -> None:
    """An address that is proved by a code is a verified one."""
    assert seen["byCode"]["claims"]["email_verified"]


def test_whom_the_function_was_asked_about(seen: Seen) -> None:
    """Those who signed up: no log-in of a linked user, silent log-in or renewal made a call."""
    assert seen["asked"] == ["customer_created", "email_in_use", "customer_created"]


@pytest.mark.parametrize("name", ["signup", "login", "provider", "address", "code", "error"])
def test_pages(seen: Seen, name: str) -> None:
    """On a phone nothing is too wide, and axe-core finds nothing, by day or by night."""
    for scheme in ("light", "dark"):
        assert seen["pages"][name][scheme]["faults"] == []
        assert {"color-contrast", "landmark-one-main"} <= set(seen["pages"][name][scheme]["passed"])
        assert not seen["pages"][name][scheme]["overflows"]
    assert seen["pages"][name]["light"]["paper"] != seen["pages"][name]["dark"]["paper"]


def test_second_opinion(box: Sandbox, page: str) -> None:
    """openid-client finds its way, checks all signatures, and renews, with a secret or without."""
    server = Client("a server", "A server", frozenset({page}), secret=SECRET)
    box.log_in.applications.add(server)
    seen = played("openid.mjs", given=places(box, page) | {"secret": SECRET})

    assert set(seen) == {"page", "post", "basic"}
    for each in seen.values():
        assert each["claims"]["sub"].startswith("apple|")
        assert each["profile"]["email"] == each["renewed"]["email"] == "mary@example.com"
        assert (each["scope"].split()[-1], each["revoked"]) == ("customers:own", "invalid_grant")
