"""Who calls the shop's API: a user, by one of the shop's applications, for this API."""

import pytest

from customerlink.model.access_token import ShopApi, has_scope

AUDIENCE = "https://shop.example/api"
ISSUER = "https://acme.us.auth0.com/"
SHOP = ShopApi(ISSUER, AUDIENCE, ["shop", "app"])
GOOD: dict[str, object] = {"iss": ISSUER, "sub": "auth0|ada", "aud": AUDIENCE, "azp": "shop"}


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"azp": "app"},
        {"azp": None, "client_id": "shop"},
        {"aud": [AUDIENCE, "https://acme.example/userinfo"]},
        {"aud": f"[{AUDIENCE} https://acme.example/userinfo]"},
    ],
)
def test_user(claims: dict[str, object]) -> None:
    """In either of Auth0's profiles, from JSON or as API Gateway writes it."""
    assert SHOP.caller(GOOD | claims) == "auth0|ada"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.us.auth0.com/"},
        {"iss": "https://acme.us.auth0.com"},
        {"iss": None},
        {"sub": "abc@clients"},
        {"sub": None},
        {"sub": 7},
        {"sub": ["auth0|ada"]},
        {"sub": "auth0|\udfff"},
        {"sub": "auth0|\0"},
        {"gty": "client-credentials"},
        {"azp": "other"},
        {"azp": None},
        {"azp": ["shop"]},
        {"azp": "other", "client_id": "shop"},
        {"aud": None},
        {"aud": "shop"},
        {"aud": AUDIENCE + "/"},
        {"aud": [7]},
        {"nonce": "1"},
    ],
)
def test_nobody(claims: dict[str, object]) -> None:
    """A machine, another party, another API, or a token that proves a log-in and no more."""
    assert SHOP.caller(GOOD | claims) is None


def test_no_application() -> None:
    """Where a deployment names none, nobody calls."""
    assert ShopApi(ISSUER, AUDIENCE, []).caller(GOOD) is None


@pytest.mark.parametrize("scope", ["a:b", "openid a:b", "[openid a:b]", ["openid", "a:b"]])
def test_scope(scope: object) -> None:
    """Among others."""
    assert has_scope({"scope": scope}, "a:b")


@pytest.mark.parametrize("scope", [None, "", "a:bc", "xa:b", "a: b", 7, [7], {"a:b": 1}])
def test_no_scope(scope: object) -> None:
    """Whole words, and nothing else."""
    assert not has_scope({"scope": scope}, "a:b")
