"""The session token with which Auth0 sends a browser to the page, read.

https://auth0.com/docs/customize/actions/explore-triggers/signup-and-login-triggers/login-trigger/
redirect-with-actions
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from customerlink.model.frozen import field, frozen
from customerlink.model.locales import Locales, locales
from customerlink.model.values import Reader, address

_PURPOSE = b"customer-link: the address on the page"
_KEY_BYTES, _NONCE_BYTES = 32, 12


@frozen
class SessionToken:
    """What the Action verify-email says of a log-in, signed."""

    user_id: str
    continue_at: str
    """Where Auth0 goes on with it."""
    address: str | None = field(default=None, repr=False)
    """The one that the mail went to, which the token has sealed; an older Action tells none."""
    locales: Locales = ()


def session_token(token: str, secrets: Iterable[str]) -> SessionToken | None:
    """Read a token that one of the secrets signed; None for any other."""
    for secret in secrets:
        claims = _claims(token, secret)
        if claims is not None:
            return _read(claims, secret)
    return None


def _claims(token: str, secret: str) -> Mapping[str, object] | None:
    """Return what a token says that was signed with the secret, and is valid now."""
    signed, _, signature = token.rpartition(".")
    try:
        given, text = _decoded(signature), signed.encode("ascii")
        # First: nothing of a token is read before it is known to be Auth0's.
        if not hmac.compare_digest(hmac.digest(secret.encode(), text, hashlib.sha256), given):
            return None
        header, claims = (json.loads(_decoded(each)) for each in signed.split("."))
    except (ValueError, RecursionError):
        return None
    is_ours = isinstance(header, dict) and header.get("alg") == "HS256" and "crit" not in header
    return claims if is_ours and isinstance(claims, dict) and _is_good(claims) else None


def _is_good(claims: Mapping[str, object]) -> bool:
    match claims:
        case {"sub": str(), "iat": int(made) | float(made), "exp": int(end) | float(end)}:
            goes_on = str(claims.get("continue_at", "")).startswith("https://")
            # Auth0 sets neither of these, which would say where or since when it is good.
            is_plain = claims.keys().isdisjoint({"aud", "nbf"})
            return goes_on and is_plain and made <= time.time() < end
    return False


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _read(claims: Mapping[str, object], secret: str) -> SessionToken:
    read = Reader(claims)
    opened = _opened(str(claims.get("address", "")), secret)
    shown = Reader({"address": opened})("address", address)
    languages = read("locale", locales) or ()
    return SessionToken(str(claims["sub"]), str(claims["continue_at"]), shown, languages)


def _opened(sealed: str, secret: str) -> str | None:
    """Open what the Action has sealed: the token stands in an address, which is kept and logged."""
    try:
        box = _decoded(sealed)
        key = HKDF(SHA256(), _KEY_BYTES, salt=b"", info=_PURPOSE).derive(secret.encode())
        return AESGCM(key).decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], None).decode()
    except (InvalidTag, ValueError, binascii.Error):
        return None
