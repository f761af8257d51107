"""The session token: what the Action says of a log-in, and who may read it."""

import base64
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from customerlink.adapters.auth0.session_token import SessionToken, session_token

SECRET, OTHER = "a" * 32, "b" * 32
BACK = "https://acme.us.auth0.com/continue"
# By src/actions/sealed.js, with this very secret.
SEALED = "i8YoHOWkB6LEGJKf-aXzMAzxtzXcTc8HyGyIalFxCPms-_DwkwE4Bk01rg"


def token(secret: str = SECRET, **claims: Any) -> str:
    """Return a token as Auth0 makes it."""
    now = int(time.time())
    common = {"sub": "auth0|1", "iat": now, "exp": now + 900, "continue_at": BACK}
    return jwt.encode({**common, **claims}, secret, "HS256")


def sealed(text: bytes, secret: str = SECRET, purpose: bytes = b"") -> str:
    """Seal a text as the Action does, or by another key."""
    info = purpose or b"customer-link: the address on the page"
    key = HKDF(SHA256(), 32, salt=b"", info=info).derive(secret.encode())
    box = b"n" * 12 + AESGCM(key).encrypt(b"n" * 12, text, None)
    return base64.urlsafe_b64encode(box).rstrip(b"=").decode()


def read(**claims: Any) -> SessionToken:
    """Return what a good token says."""
    found = session_token(token(**claims), [OTHER, SECRET])
    assert found is not None
    return found


def test_what_an_older_action_says() -> None:
    """There is neither an address nor a language."""
    assert read() == SessionToken("auth0|1", BACK)


def test_what_the_action_seals() -> None:
    """Node's and Python's libraries agree."""
    assert read(address=SEALED).address == "ada@example.com"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (sealed(b"ada@example.com"), "ada@example.com"),
        (sealed("ädä@exämple.com".encode()), "ädä@exämple.com"),
        (sealed(b"<b>@example.com"), "<b>@example.com"),
        (sealed(b""), None),
        (sealed(b"\0"), None),
        (sealed(b"\xff"), None),
        (sealed(b"a" * 600), None),
        (sealed(b"ada@example.com", OTHER), None),
        (sealed(b"ada@example.com", purpose=b"another"), None),
        (f"{sealed(b'ada@example.com')[:-4]}AAAA", None),
        (sealed(b"ada@example.com")[:20], None),
        ("ada@example.com", None),
        ("", None),
        ("%", None),
        ("\u00e4", None),
        (7, None),
        (["a"], None),
        (None, None),
    ],
)
def test_address(address: object, shown: str | None) -> None:
    """What the same secret has sealed for the page, and nothing else; it never raises."""
    assert read(address=address).address == shown


@pytest.mark.parametrize(
    ("locale", "locales"),
    [("de-CH fr", ("de-ch", "fr")), ("", ()), (7, ()), (["de"], ()), ("<b>", ())],
)
def test_locale(locale: object, locales: tuple[str, ...]) -> None:
    """An odd one counts as absent."""
    assert read(locale=locale).locales == locales


def test_address_shows_in_no_repr() -> None:
    """It reaches no log."""
    assert "ada@" not in repr(read(address=sealed(b"ada@example.com")))


def by_pyjwt(given: str) -> bool:
    """Return whether the library takes a token."""
    try:
        jwt.decode(given, SECRET, algorithms=["HS256"], options={"require": ["exp", "iat", "sub"]})
    except jwt.PyJWTError:
        return False
    return True


def piece(text: str) -> str:
    """Return a part of a token."""
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def signed(head: str, claims: str, secret: str = SECRET) -> str:
    """Sign any two texts."""
    text = f"{piece(head)}.{piece(claims)}"
    digest = hmac.digest(secret.encode(), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


NOW = int(time.time())
LATER = NOW + 24 * 3600
"""Long after the last test of a slow run."""

HEAD = '{"alg": "HS256", "typ": "JWT"}'
CLAIMS = json.dumps({"sub": "auth0|1", "iat": NOW - 5, "exp": LATER, "continue_at": BACK})
GOOD = signed(HEAD, CLAIMS)


@pytest.mark.parametrize("secret", ["ab" * 16, "ä" * 40, SECRET, "whsec " + "b" * 90])
def test_signature_is_the_librarys(secret: str) -> None:
    """By a secret of any length and any letters."""
    assert session_token(token(secret), [OTHER, secret]) == SessionToken("auth0|1", BACK)
    assert session_token(token(secret), [OTHER]) is None


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 1},
        {"exp": NOW},
        {"exp": None},
        {"exp": "never"},
        {"iat": LATER},
        {"iat": None},
        {"iat": []},
        {"sub": None},
        {"sub": 7},
        {"aud": "another"},
        {"nbf": LATER},
    ],
)
def test_claims_that_make_it_invalid(claims: dict[str, Any]) -> None:
    """As for the library: it is over, not yet good, nobody's, or for somebody else."""
    given = signed(HEAD, json.dumps(json.loads(CLAIMS) | claims))

    assert not by_pyjwt(given)
    assert session_token(given, [SECRET]) is None


@pytest.mark.parametrize(
    "given",
    [
        "",
        ".",
        "..",
        "a.b",
        GOOD.rpartition(".")[0],
        f"{GOOD.rpartition('.')[0]}.",
        f"{GOOD}.",
        f".{GOOD}",
        f"{GOOD}.{GOOD}",
        f"{GOOD[:-5]}AAAAA",
        GOOD.replace(".", "..", 1),
        f"{piece(HEAD)}.{piece(CLAIMS)}.{piece('ä')}",
        f"ä{GOOD}",
        f"{GOOD}ä",
        signed('{"alg": "none"}', CLAIMS),
        f"{piece('{"alg": "none"}')}.{piece(CLAIMS)}.",
        signed('{"alg": "HS512"}', CLAIMS),
        signed('{"alg": "RS256"}', CLAIMS),
        signed('{"alg": ["HS256"]}', CLAIMS),
        signed("{}", CLAIMS),
        signed("[]", CLAIMS),
        signed("7", CLAIMS),
        signed("no JSON", CLAIMS),
        signed('{"alg": "HS256", "crit": ["exp"]}', CLAIMS),
        signed(HEAD, "[]"),
        signed(HEAD, "null"),
        signed(HEAD, "no JSON"),
        signed(HEAD, "[" * 100_000),
        jwt.encode(json.loads(CLAIMS), "c" * 64, "HS512"),
    ],
)
def test_what_is_no_such_token(given: str) -> None:
    """Nobody's signature, another algorithm, another form: it never raises."""
    assert session_token(given, [SECRET]) is None


@pytest.mark.parametrize("back", ["http://acme.us.auth0.com/", "javascript:alert()", "", 7, None])
def test_place_to_go_on(back: object) -> None:
    """By HTTPS alone."""
    given = signed(HEAD, json.dumps(json.loads(CLAIMS) | {"continue_at": back}))

    assert session_token(given, [SECRET]) is None
