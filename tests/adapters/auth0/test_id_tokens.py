"""ID tokens verified by the keys that the tenant publishes; the stand-in signs them."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.odd_values import ODD_VALUES
from werkzeug.wrappers import Request, Response

from customerlink.adapters.auth0.id_tokens import IdTokens, KeysUnavailableError, Login
from customerlink.model.tickets import FRESH_SECONDS
from sandbox.auth0.tokens import Tokens
from sandbox.serving import Server

SHOP, NONCE = "shop-client", "a nonce"
GOOD: dict[str, Any] = {
    "sub": "auth0|ada",
    "aud": SHOP,
    "nonce": NONCE,
    "email_verified": True,
}


class KeySet:
    """A tenant that publishes its keys, or something else in their place."""

    def __init__(self) -> None:
        """Publish the keys."""
        self.tokens = Tokens()
        self.instead: Response | None = None
        self.fetched = 0

    def __call__(self, environ: Any, start: Any) -> Any:
        """Answer."""
        self.fetched += 1
        assert Request(environ).path == "/.well-known/jwks.json"
        answer = self.instead or Response(json.dumps(self.tokens.key_set()))
        return answer(environ, start)

    def signed(self, **claims: Any) -> str:
        """Return a good token, but for some claims; None leaves one out."""
        good = GOOD | {"auth_time": int(self.tokens.clock())}
        given = {name: value for name, value in (good | claims).items() if value is not None}
        return self.tokens.signed(given)


@pytest.fixture(scope="module")
def served() -> Iterator[KeySet]:
    """Serve one tenant's keys for all tests."""
    keys = KeySet()
    with Server(keys) as server:
        keys.tokens.issuer = f"{server.url}/"
        yield keys


@pytest.fixture
def tenant(served: KeySet) -> KeySet:
    """Return it, publishing its keys, with nothing fetched yet."""
    served.instead, served.fetched = None, 0
    return served


@pytest.fixture
def id_tokens(tenant: KeySet) -> IdTokens:
    """Return what verifies them for two applications."""
    return IdTokens(tenant.tokens.issuer, {SHOP, "other-client"})


def test_login(tenant: KeySet, id_tokens: IdTokens) -> None:
    """Who logged in, whether their address is verified, and the nonce that binds it."""
    token = tenant.signed()

    assert id_tokens.verified(token, NONCE) == Login("auth0|ada", email_verified=True, nonce=NONCE)


def test_keys_are_fetched_once(tenant: KeySet, id_tokens: IdTokens) -> None:
    """However many tokens are verified by them."""
    for _ in range(3):
        assert id_tokens.verified(tenant.signed(), NONCE)

    assert tenant.fetched == 1


@pytest.mark.parametrize("value", [None, False, "true", 1])
def test_address_that_is_not_verified(tenant: KeySet, id_tokens: IdTokens, value: Any) -> None:
    """Only a plain true says that it is."""
    login = id_tokens.verified(tenant.signed(email_verified=value), NONCE)

    assert login is not None
    assert not login.email_verified


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example/"},
        {"aud": "somebody-else"},
        {"azp": "somebody-else"},
        {"aud": [SHOP, "api"], "azp": "somebody-else"},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": "\ud83d"},
        {"sub": None},
        {"exp": 1},
        {"iat": 32_503_680_000},
        {"auth_time": None},
        {"auth_time": 1},
        {"auth_time": 32_503_680_000},
        {"auth_time": "now"},
        {"auth_time": True},
        {"auth_time": [1]},
    ],
    ids=json.dumps,
)
def test_wrong_claim(tenant: KeySet, id_tokens: IdTokens, claims: dict[str, Any]) -> None:
    """Any of them, and the token proves nothing."""
    assert id_tokens.verified(tenant.signed(**claims), NONCE) is None


def test_several_audiences(tenant: KeySet, id_tokens: IdTokens) -> None:
    """The party that the token was given to decides."""
    token = tenant.signed(aud=[SHOP, "api"], azp="other-client")

    assert id_tokens.verified(token, NONCE) is not None


@pytest.mark.parametrize(
    ("age", "is_fresh"), [(FRESH_SECONDS - 1, True), (FRESH_SECONDS * 2, False)]
)
def test_age(tenant: KeySet, id_tokens: IdTokens, age: int, *, is_fresh: bool) -> None:
    """A login of some minutes ago proves nothing, although a session gives a new token for it."""
    then = int(tenant.tokens.clock()) - age

    assert (id_tokens.verified(tenant.signed(auth_time=then), NONCE) is not None) is is_fresh


@pytest.mark.parametrize("nonce", [NONCE, "another", None])
def test_any_nonce(tenant: KeySet, id_tokens: IdTokens, nonce: str | None) -> None:
    """For the first account's log-in, whose nonce is its application's own affair."""
    assert id_tokens.verified(tenant.signed(nonce=nonce)) is not None


def _part(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


GOOD_HEADER = _part('{"alg": "RS256", "kid": "sandbox-1"}')


@pytest.mark.parametrize(
    "token",
    [
        *("", "no token", "a.b.c"),
        *(f"{_part(each)}.e30.AA" for each in ODD_VALUES.values()),
        *(f"{GOOD_HEADER}.{_part(each)}.AA" for each in ODD_VALUES.values()),
        f"{GOOD_HEADER}.{_part('[' * 40_000)}.AA",
        f"{_part('[' * 40_000)}.e30.AA",
    ],
    ids=lambda token: token[:10] + str(len(token)),
)
def test_no_token(id_tokens: IdTokens, token: str) -> None:
    """It proves nothing, and raises nothing."""
    assert id_tokens.verified(token, NONCE) is None


def test_unsigned(tenant: KeySet, id_tokens: IdTokens) -> None:
    """Whatever a token says of its own algorithm, only RS256 counts."""
    claims = jwt.decode(tenant.signed(), options={"verify_signature": False})

    assert id_tokens.verified(jwt.encode(claims, "", "none", {"kid": "sandbox-1"}), NONCE) is None


@pytest.mark.parametrize("kid", ["sandbox-1", "evil-1"])
def test_another_key(tenant: KeySet, id_tokens: IdTokens, kid: str) -> None:
    """Under the tenant's key's name, or under one that nobody publishes."""
    claims = jwt.decode(tenant.signed(), options={"verify_signature": False})
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    assert id_tokens.verified(jwt.encode(claims, key, "RS256", {"kid": kid}), NONCE) is None


@pytest.mark.parametrize(
    "instead",
    [
        Response("down", 503),
        Response("no JSON"),
        Response('{"keys": []}'),
    ],
    ids=["down", "no JSON", "no keys"],
)
def test_keys_that_cannot_be_had(tenant: KeySet, id_tokens: IdTokens, instead: Response) -> None:
    """Nothing is known of the token then, so it is not refused; the next one is looked at anew."""
    token = tenant.signed()
    tenant.instead = instead
    with pytest.raises(KeysUnavailableError):
        id_tokens.verified(token, NONCE)
    tenant.instead = None

    assert id_tokens.verified(token, NONCE) is not None
