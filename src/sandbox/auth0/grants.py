"""What tokens are given for: a code once, a refresh token until its successor is used."""

import base64
import hashlib
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from sandbox.auth0.clients import Applications, Asked, Client, Refusal
from sandbox.tenant import Login

CODE_SECONDS = 600

BAD_CODE = Refusal("invalid_grant", "Invalid authorization code")
BAD_REFRESH = Refusal("invalid_grant", "Unknown or invalid refresh token.")
"""auth0-spa-js knows it by these words."""

_RESERVED = {
    *("acr", "act", "active", "amr", "at_hash", "aud", "auth_time", "azp", "c_hash", "client_id"),
    *("exp", "iat", "iss", "jti", "nbf", "nonce", "org_id", "scope", "sid", "sub"),
}
"""https://auth0.com/docs/secure/tokens/json-web-tokens/create-custom-claims"""

type Body = Mapping[str, str]
type Json = dict[str, Any]


@dataclass(frozen=True)
class Session:
    """Who has logged in at this tenant, by which connection, and when."""

    sid: str
    user_id: str
    connection: str
    since: float


@dataclass(frozen=True)
class Claims:
    """What the Actions put into the tokens of a login."""

    of_id: Json
    of_access: Json

    @classmethod
    def of(cls, login: Login) -> Self:
        """Return those of a login, but for the ones that are the tenant's to say."""
        return cls(_custom(login.claims), _custom(login.access_claims))


def _custom(claims: Json) -> Json:
    return {name: value for name, value in claims.items() if name not in _RESERVED}


@dataclass(frozen=True)
class Grant:
    """What somebody granted an application."""

    asked: Asked
    session: Session
    claims: Claims


@dataclass
class Codes:
    """Codes, each of use once, to the application that asked, for ten minutes."""

    clock: Callable[[], float]
    _grants: dict[str, tuple[float, Grant]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def issue(self, grant: Grant) -> str:
        """Return a code."""
        code = secrets.token_urlsafe(24)
        with self._lock:
            self._grants[code] = self.clock() + CODE_SECONDS, grant
        return code

    def redeem(self, client: Client, body: Body) -> Grant | Refusal:
        """Take a code; whatever is wrong with it, it is of no use any more."""
        with self._lock:
            until, grant = self._grants.pop(body.get("code", ""), (0.0, None))
        if (
            grant is None
            or self.clock() >= until
            or grant.asked.client.client_id != client.client_id
        ):
            return BAD_CODE
        if body.get("redirect_uri", "") != grant.asked.back.redirect_uri:
            return BAD_CODE
        challenge = grant.asked.query.get("code_challenge", "")
        if challenge and challenge != _challenge(body.get("code_verifier", "")):
            return Refusal("invalid_grant", "Failed to verify code verifier")
        return grant


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass
class _Family:
    """The refresh tokens that came one of another, of which the last is good."""

    grant: Grant
    last: str = ""


@dataclass
class RefreshTokens:
    """Refresh tokens that rotate; one that is used again ends its whole family.

    https://auth0.com/docs/secure/tokens/refresh-tokens/refresh-token-rotation
    """

    _families: dict[str, _Family] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def issue(self, grant: Grant) -> str:
        """Return the first token of a family."""
        with self._lock:
            return self._next(_Family(grant))

    def grant_of(self, client: Client, token: str) -> Grant | Refusal:
        """Return what a token is good for; an old one is good for nothing, and ends the others."""
        with self._lock:
            family = self._current(client, token)
            return family.grant if family else BAD_REFRESH

    def rotate(self, client: Client, token: str) -> str | Refusal:
        """Exchange a token for its successor: of two at once, the second one is a reuse."""
        with self._lock:
            family = self._current(client, token)
            return self._next(family) if family else BAD_REFRESH

    def revoke(self, client: Client, token: str) -> None:
        """End a family, if it is the application's."""
        with self._lock:
            family = self._families.get(token)
            if family and family.grant.asked.client.client_id == client.client_id:
                family.last = ""

    def _current(self, client: Client, token: str) -> _Family | None:
        family = self._families.get(token)
        if family is None or family.grant.asked.client.client_id != client.client_id:
            return None
        if family.last != token:
            family.last = ""
            return None
        return family

    def _next(self, family: _Family) -> str:
        family.last = secrets.token_urlsafe(32)
        self._families[family.last] = family
        return family.last


def narrowed(grant: Grant, scope: str | None) -> Grant:
    """Return a grant with some of its scopes: a renewal may ask for fewer, and never for more."""
    wanted = (scope or "").split()
    fewer = tuple(each for each in grant.asked.scopes if each in wanted)
    return replace(grant, asked=replace(grant.asked, scopes=fewer)) if wanted else grant


def authenticated(applications: Applications, body: Body) -> Client | Refusal:
    """Return the application that asks for tokens."""
    client = applications.clients.get(body.get("client_id", ""))
    if client is None:
        return Refusal("invalid_client", "Unknown client")
    given = body.get("client_secret", "").encode()
    if client.secret and not secrets.compare_digest(client.secret.encode(), given):
        return Refusal("invalid_client", "Unauthorized")
    return client
