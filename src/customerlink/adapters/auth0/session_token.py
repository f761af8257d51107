"""The session token with which Auth0 sends a browser to the page, read.

https://auth0.com/docs/customize/actions/explore-triggers/signup-and-login-triggers/login-trigger/
redirect-with-actions
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import field

import jwt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from customerlink.model.frozen import frozen
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
        try:
            claims = jwt.decode(
                token, secret, algorithms=["HS256"], options={"require": ["exp", "iat", "sub"]}
            )
        except jwt.PyJWTError:
            continue
        if str(claims.get("continue_at", "")).startswith("https://"):
            return _read(claims, secret)
    return None


def _read(claims: Mapping[str, object], secret: str) -> SessionToken:
    read = Reader(claims)
    opened = _opened(str(claims.get("address", "")), secret)
    shown = Reader({"address": opened})("address", address)
    languages = read("locale", locales) or ()
    return SessionToken(str(claims["sub"]), str(claims["continue_at"]), shown, languages)


def _opened(sealed: str, secret: str) -> str | None:
    """Open what the Action has sealed: the token stands in an address, which is kept and logged."""
    try:
        box = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        key = HKDF(SHA256(), _KEY_BYTES, salt=b"", info=_PURPOSE).derive(secret.encode())
        return AESGCM(key).decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], None).decode()
    except (InvalidTag, ValueError, binascii.Error):
        return None
