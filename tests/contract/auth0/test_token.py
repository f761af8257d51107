"""Tokens, scopes and the rate limit of the Management API."""

import pytest
from auth0.authentication.exceptions import Auth0Error
from auth0.management.core.api_error import ApiError
from tests.contract.auth0.conftest import Asked

from sandbox.auth0.api import ManagementApi


def refused(asked: Asked, token: str) -> ApiError:
    """Return how a token is refused."""
    with pytest.raises(ApiError) as raised:
        asked.with_token(token).users.get("auth0|nobody")
    return raised.value


def test_client_credentials(asked: Asked) -> None:
    """https://auth0.com/docs/api/authentication/client-credential-flow/get-token."""
    granted = asked.token()

    assert granted["token_type"] == "Bearer"
    assert granted["expires_in"] > 0
    assert "read:users" in granted["scope"].split()


def test_wrong_secret(asked: Asked) -> None:
    """`access_denied`, with 401."""
    with pytest.raises(Auth0Error) as raised:
        asked.token(client_secret="wrong")

    assert (raised.value.status_code, raised.value.error_code) == (401, "access_denied")


def test_unknown_token(asked: Asked) -> None:
    """401: https://auth0.com/docs/api/management/v2/introduction."""
    assert refused(asked, "unknown").status_code == 401


@pytest.mark.usefixtures("inside")
def test_expired_token(asked: Asked) -> None:
    """A token lasts for a day: https://auth0.com/docs/secure/tokens/access-tokens."""
    token = asked.token()["access_token"]
    assert refused(asked, token).status_code == 404

    asked.clock.offset += 86_401
    assert refused(asked, token).status_code == 401
    asked.clock.offset -= 86_401


def test_missing_scope_is_named(asked: Asked, inside: ManagementApi) -> None:
    """403 `insufficient_scope`: https://auth0.com/docs/api/management/v2/users/get-users-by-id."""
    token = asked.token(*inside.add_client(("read:actions",)))["access_token"]
    error = refused(asked, token)

    assert error.status_code == 403
    assert error.body["errorCode"] == "insufficient_scope"
    assert error.body["message"].endswith("read:users")


def test_rate_limit_headers(asked: Asked, email: str) -> None:
    """https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy."""
    user = asked.add_user(email)
    headers = asked.api.users.with_raw_response.get(user).headers

    assert int(headers["x-ratelimit-remaining"]) < int(headers["x-ratelimit-limit"])
    assert int(headers["x-ratelimit-reset"]) > 0


def test_too_many_requests(asked: Asked, inside: ManagementApi, email: str) -> None:
    """429 `too_many_requests`, until the time in the header."""
    user = asked.add_user(email)
    inside.rate.requests, before = 1, inside.rate.requests
    inside.rate.seconds = 60.0
    asked.clock.offset += 120
    try:
        asked.api.users.get(user)
        with pytest.raises(ApiError) as raised:
            asked.api.users.get(user)
        headers = raised.value.headers or {}
        reset = int(headers["x-ratelimit-reset"])
        assert 0 < reset - inside.clock() <= 61

        asked.clock.offset += reset - inside.clock()
        assert asked.api.users.get(user).user_id == user
    finally:
        inside.rate.requests, inside.rate.seconds = before, 1.0

    assert raised.value.status_code == 429
    assert raised.value.body["errorCode"] == "too_many_requests"
    assert headers["x-ratelimit-remaining"] == "0"
