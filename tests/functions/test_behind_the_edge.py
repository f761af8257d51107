"""Every function of a deployment that has an edge, called through it and around it."""

import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.calling import post, report, signed
from tests.functions.test_post_login import document, traces

from sandbox.sandbox import (
    SHOP_AUDIENCE,
    SHOP_CLIENT,
    SHOP_SCOPES,
    Sandbox,
    new_signing_secret,
    sandbox,
)

OLD, NEW = "a" * 32, "b" * 32
DIGESTS = ",".join(hashlib.sha256(each.encode()).hexdigest() for each in (OLD, NEW))


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """Run a deployment behind an edge, amid a rotation, for one network's callers."""
    settings = {
        "CUSTOMERLINK_EDGE_SECRET_DIGESTS": DIGESTS,
        "CUSTOMERLINK_ALLOWED_CALLER_CIDRS": "203.0.113.0/24",
        "CUSTOMERLINK_VERIFIED_EMAIL": "required",
    }
    with sandbox(settings=settings) as box:
        box.let_functions_into_the_tenant()
        yield box


def by_the_edge(secret: str = NEW, viewer: str = "203.0.113.7") -> dict[str, str]:
    """Return what the edge adds to a request."""
    return {"x-customerlink-edge": secret, "x-customerlink-viewer": viewer}


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_report_through_the_edge(box: Sandbox, secret: str) -> None:
    """It is answered, whichever of the two secrets the edge has."""
    body = json.dumps(document(email_verified=True)).encode()
    reply = post(box.url, body, signed(box.signing_secret, body) | by_the_edge(secret))

    assert (reply.status, reply.body["reason"]) == (200, "customer_created")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        by_the_edge("c" * 32),
        by_the_edge(""),
        by_the_edge(viewer="198.51.100.1"),
        by_the_edge(viewer=""),
        {"x-customerlink-edge": NEW},
        {"x-customerlink-viewer": "203.0.113.7"},
        {"x-forwarded-for": "203.0.113.7"},
        {"x-customerlink-edge": DIGESTS.partition(",")[0], "x-customerlink-viewer": "203.0.113.7"},
    ],
)
def test_report_around_it(box: Sandbox, headers: dict[str, str]) -> None:
    """Nothing is read of it, however well it is signed."""
    before = traces(box)
    body = json.dumps(document()).encode()
    reply = post(box.url, body, signed(box.signing_secret, body) | headers)

    is_by_the_edge = headers.get("x-customerlink-edge") in {OLD, NEW}
    told = "caller_not_allowed" if is_by_the_edge else "not_by_the_edge"
    assert (reply.status, reply.body["error"]) == (403, told)
    assert traces(box) == before


def test_unsigned_report_around_it(box: Sandbox) -> None:
    """Who forges a signature is not even told so."""
    assert report(box.url, new_signing_secret(), document()).status == 403


def called(box: Sandbox, function: str, **event: Any) -> int:
    """Call the shop's function, or the page's, as API Gateway does."""
    claims = {
        "iss": box.management.tokens.issuer,
        "sub": "auth0|nobody",
        "aud": SHOP_AUDIENCE,
        "azp": SHOP_CLIENT,
        "scope": SHOP_SCOPES,
        "exp": time.time() + 60,
    }
    context = {"apiId": "api", "authorizer": {"jwt": {"claims": claims}}}
    answer = getattr(box.gateway, function)({"requestContext": context, **event})
    status: int = answer["statusCode"]
    return status


@pytest.mark.parametrize(
    ("function", "route", "status"),
    [
        ("shop", "POST /customers/me", 404),
        ("shop", "POST /accounts/link", 415),
        ("page", "GET /verify-email", 400),
        ("page", "POST /verify-email", 400),
    ],
)
def test_others(box: Sandbox, function: str, route: str, status: int) -> None:
    """The shop's API and the page are for callers from everywhere, but by the edge."""
    far_away = by_the_edge(OLD, viewer="198.51.100.1")

    assert called(box, function, routeKey=route, headers=far_away) == status
    assert called(box, function, routeKey=route, headers={}) == 403
    assert called(box, function, routeKey=route, headers=by_the_edge("c" * 32)) == 403


def test_bug_is_never_what_it_is_taken_for(box: Sandbox) -> None:
    """Whatever came around the edge above was counted as refused."""
    assert "internal_error" not in box.log.getvalue()
    assert "caller_not_allowed" in box.log.getvalue()
    assert "not_by_the_edge" in box.log.getvalue()
