"""In place of the dead end: an address that another account has leads to the shop's page."""

from collections.abc import Iterator

import pytest
from tests.functions.test_shop_api import STATE, post, proofs, token

from customerlink.model.tickets import STATE_PARAMETER, digest_of
from sandbox.sandbox import Sandbox, sandbox

PAGE = "https://shop.example/link"
HERE = {STATE_PARAMETER: digest_of(STATE)}
"""What the shop's log-in page sends along, of a state that it keeps."""


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """Run a deployment whose shop has such a page."""
    with sandbox(settings={"CUSTOMERLINK_LINKING_URL": PAGE}) as box:
        box.let_functions_into_the_tenant()
        yield box


def test_whole_way(box: Sandbox) -> None:
    """Denied for the address, sent to the shop's page, linked, in with the first account."""
    ada = box.tenant.add_user("auth0|1", email="ada@example.com", email_verified=True)
    google = box.tenant.add_user("google-oauth2|2", email="ada@example.com", email_verified=True)
    box.tenant.login(ada)
    login = box.tenant.login(google, "google-oauth2", query=HERE)
    assert login.decision == "redirect"
    page, _, given = str(login.redirect).partition("?link_ticket=")
    assert page == PAGE
    second = {"link_ticket": given.partition("&")[0], "link_state": STATE}
    body = proofs(box, ada, **second)
    status, answer = post(box, "/accounts/link", token(box, ada), body)

    assert (status, answer["superseded"]) == (200, [])
    assert google not in box.tenant.users
    assert box.tenant.login(ada).decision == "continue"
    assert post(box, "/accounts/link", token(box, ada), body)[0] == 200


def test_who_is_not_sent_there(box: Sandbox) -> None:
    """Unverified users, strangers' customers, and logins without a browser."""
    tenant = box.tenant
    tenant.login(tenant.add_user("auth0|3", email="eve@example.com", email_verified=True))
    box.stripe.create({"email": "grace@example.com"})
    unverified = tenant.add_user("auth0|4", email="eve@example.com", email_verified=False)
    stranger = tenant.add_user("auth0|5", email="grace@example.com", email_verified=True)
    verified = tenant.add_user("auth0|6", email="eve@example.com", email_verified=True)

    assert tenant.login(unverified, query=HERE).decision == "deny"
    assert tenant.login(stranger, query=HERE).decision == "deny"
    renewal = tenant.login(verified, protocol="oauth2-refresh-token", query=HERE)
    assert renewal.decision == "deny"
    assert tenant.login(verified, query=HERE).decision == "redirect"


@pytest.mark.parametrize(
    "query",
    [
        {},
        {STATE_PARAMETER: ""},
        {STATE_PARAMETER: STATE},
        {STATE_PARAMETER: digest_of(STATE) + "&"},
        {"customerlink-state": digest_of(STATE)},
    ],
)
def test_log_in_that_began_elsewhere(box: Sandbox, query: dict[str, str]) -> None:
    """At a page that sends no digest of a state: a denial, and no ticket."""
    email = f"{len(box.tenant.users)}@example.com"
    box.tenant.login(box.tenant.add_user(email=email, email_verified=True))
    second = box.tenant.add_user(email=email, email_verified=True)

    assert box.tenant.login(second, query=query).decision == "deny"


def test_back_without_linking(box: Sandbox) -> None:
    """The login that was sent away ends; the next one is sent there again."""
    box.tenant.login(box.tenant.add_user("auth0|7", email="joan@example.com", email_verified=True))
    second = box.tenant.add_user("auth0|8", email="joan@example.com", email_verified=True)
    assert box.tenant.login(second, query=HERE).decision == "redirect"

    assert box.tenant.come_back(second).denial == "Please log in again."
    assert box.tenant.login(second, query=HERE).decision == "redirect"
