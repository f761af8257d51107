"""A deployment serves the tenants that it is for, at every door; an unknown route is no door."""

import json
import os
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from tests.calling import Reply, post, report, signed
from tests.functions.test_shop_api import authorised
from tests.functions.test_verify_email import press, session

from customerlink.functions import post_login, repair, send_mail, shop_api
from customerlink.functions.backfill import Backfill
from customerlink.model.errors import ConfigurationError
from customerlink.model.signature import SigningSecret
from customerlink.usecases.self_test import SelfTest
from sandbox.gateway import Context
from sandbox.sandbox import Sandbox, application, sandbox

DOORS = ("/post-login", "/pre-user-registration", "/post-user-registration")
OTHERS = ("other", "ACME", "acme-staging", "self-test")


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """Run a deployment that is for acme."""
    with sandbox() as box:
        box.let_functions_into_the_tenant()
        yield box


def traces(box: Sandbox) -> tuple[int, int, int]:
    """Count what a refused request must not leave: Stripe calls, ledger items, mails."""
    return len(box.stripe.requests), len(box.aws.items()), len(box.management.requests)


def first_login(tenant: str, **user: Any) -> dict[str, Any]:
    """Return a report of a tenant that fits every door."""
    profile = {"user_id": "auth0|elsewhere", "email": "elsewhere@example.com"}
    return {
        "version": 1,
        "tenant": {"id": tenant},
        "user": {**profile, **user},
        "stats": {"logins_count": 1},
        "connection": {"name": "Username-Password-Authentication"},
    }


def reported(box: Sandbox, path: str, document: dict[str, Any]) -> Reply:
    """Report at a door."""
    return report(box.url.replace("/post-login", path), box.signing_secret, document)


class TestReports:
    """What the Actions report."""

    @pytest.mark.parametrize("path", DOORS)
    @pytest.mark.parametrize("tenant", OTHERS)
    def test_of_another_tenant(self, box: Sandbox, path: str, tenant: str) -> None:
        """Refused with what is wrong, before anything is written or asked, signed as it may be."""
        before = traces(box)
        reply = reported(box, path, first_login(tenant))

        assert (reply.status, reply.body["error"]) == (403, "tenant_not_served")
        assert "Tenants" in reply.body["detail"]
        assert traces(box) == before

    @pytest.mark.parametrize("path", DOORS)
    def test_of_the_tenant(self, box: Sandbox, path: str) -> None:
        """Taken."""
        name = path.strip("/")
        document = first_login("acme", user_id=f"auth0|{name}", email=f"{name}@example.com")

        assert reported(box, path, document).status == 200

    def test_empty_is_everybody(self, box: Sandbox) -> None:
        """A deployment that names none serves whoever signs."""
        environment = {**box.environment(), "CUSTOMERLINK_TENANTS": ""}
        body = json.dumps(first_login("other", email="everybody@example.com"))
        headers = signed(box.signing_secret, body.encode())
        event = {"routeKey": "POST /post-login", "headers": headers, "body": body}
        answer = post_login.respond(application(environment), event, Context())  # type: ignore[arg-type]

        assert answer["statusCode"] == 200


class TestSelfTests:
    """They are no tenant's, and pass all the same."""

    def test_passes(self, box: Sandbox) -> None:
        """To the letter it is answered."""
        test = SelfTest.signed(SigningSecret.parse(box.signing_secret), time.time())

        assert post(box.url, test.body, test.headers).status == 200

    @pytest.mark.parametrize(
        "change",
        [
            {"stats": {"logins_count": 1}},
            {"stats": {"logins_count": 3}},
            {"user": {"user_id": "auth0|somebody"}},
            {"user": {"user_id": "auth0|customer-link-self-test", "email": "a@example.com"}},
            {
                "user": {
                    "user_id": "auth0|customer-link-self-test",
                    "app_metadata": {"stripe_signup": "unfinished"},
                }
            },
        ],
    )
    def test_nothing_else_of_its_name(self, box: Sandbox, change: dict[str, Any]) -> None:
        """A sign-up under the self-test's name would be one of a tenant that nobody serves."""
        test = json.loads(SelfTest.signed(SigningSecret.parse(box.signing_secret), 0).body)
        before = traces(box)

        assert reported(box, "/post-login", test | change).status == 403
        assert traces(box) == before


class TestOtherDoors:
    """The shop's API, the page and what runs without anybody, by the tenant of their secret."""

    @pytest.fixture
    def elsewhere(self, box: Sandbox) -> Iterator[dict[str, str]]:
        """Return the environment of a deployment that is for another tenant than its secret."""
        environment = {**box.environment(), "CUSTOMERLINK_TENANTS": "other"}
        with patch.dict(os.environ, environment):
            yield environment

    @pytest.mark.parametrize("route", [*shop_api.ROUTES])
    @pytest.mark.usefixtures("elsewhere")
    def test_shop(self, box: Sandbox, route: str) -> None:
        """Refused before the tenant, Stripe or the ledger is asked."""
        shop, before = shop_api.Shop(), traces(box)
        event = authorised(box.management.tokens.issuer, route, "auth0|a")
        answer = shop_api.respond(lambda: shop, event, Context())  # type: ignore[arg-type]

        assert answer["statusCode"] == 403
        assert json.loads(answer["body"])["error"] == "tenant_not_served"
        assert traces(box) == before

    @pytest.mark.parametrize("route", [*shop_api.ROUTES])
    @pytest.mark.parametrize("issuer", ["https://other.us.auth0.com/", "", "acme"])
    def test_token_of_another_tenant(self, box: Sandbox, route: str, issuer: str) -> None:
        """Refused, whatever the authoriser has let through."""
        before = traces(box)
        answer = box.gateway.shop(
            authorised(box.management.tokens.issuer, route, "auth0|a", iss=issuer)
        )

        assert answer["statusCode"] == 401
        assert traces(box) == before

    @pytest.mark.parametrize(
        "start",
        [send_mail.Post, Backfill, lambda: repair.handler({}, Context())],  # type: ignore[arg-type]
    )
    @pytest.mark.usefixtures("elsewhere")
    def test_functions_without_a_route(self, box: Sandbox, start: Any) -> None:
        """None begins: which setting is wrong, an operator reads in the log."""
        before = traces(box)
        repair._application.cache_clear()
        with pytest.raises(ConfigurationError, match="Tenants"):
            start()
        repair._application.cache_clear()

        assert traces(box) == before

    @pytest.mark.usefixtures("elsewhere")
    def test_page(self, box: Sandbox) -> None:
        """No mail is sent, nor counted."""
        user_id = box.tenant.add_user("auth0|page", email="page@example.com")
        before = traces(box)

        def respond(event: Any) -> object:
            return send_mail.respond(send_mail.Post, event, Context())  # type: ignore[arg-type]

        with patch.dict(box.aws.functions, {"SendMailFunction": respond}):
            status, _ = press(box, session(user_id))

        assert status == 503
        assert traces(box) == before


class TestRoutes:
    """What there is no route for, API Gateway answers 404, a wrong method as well."""

    @pytest.mark.parametrize(
        "route",
        [
            "POST /post-logins",
            "GET /post-login",
            "PUT /post-login",
            "POST /post-login/",
            "post /post-login",
            "$default",
            "POST /customers/me",
            "",
            None,
        ],
    )
    def test_no_login(self, box: Sandbox, route: str | None) -> None:
        """Signed as it may be, it is none, and leaves nothing."""
        body, before = json.dumps(first_login("acme", email="no@example.com")), traces(box)
        event: dict[str, Any] = {"headers": signed(box.signing_secret, body.encode())}
        event |= {"body": body} | ({} if route is None else {"routeKey": route})
        answer = box.gateway.invoke(event)

        assert answer["statusCode"] == 404
        assert json.loads(answer["body"])["detail"] == "there is no such route"
        assert traces(box) == before

    @pytest.mark.parametrize("route", ["GET /verify-emails", "PUT /verify-email", "", 7])
    def test_no_page(self, box: Sandbox, route: object) -> None:
        """Nor is it a page."""
        assert box.gateway.page({"routeKey": route})["statusCode"] == 404
