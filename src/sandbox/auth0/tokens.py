"""A tenant's tokens: signed with a key of its own, whose public half it publishes."""

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

TOKEN_SECONDS = 3600
_KEY_ID = "sandbox-1"

_PROFILE = {
    "profile": ("name", "nickname", "given_name", "family_name", "picture", "updated_at"),
    "email": ("email", "email_verified"),
    "phone": ("phone_number", "phone_verified"),
}
"""What of a profile each scope shows."""

type Json = dict[str, Any]


def profile_of(user: Mapping[str, Any], scopes: Collection[str]) -> Json:
    """Return the claims of a profile that some scopes show."""
    shown = [name for scope, names in _PROFILE.items() if scope in scopes for name in names]
    return {name: user[name] for name in shown if name in user}


def claims_of_log_in(
    user: Mapping[str, Any],
    client_id: str,
    nonce: str,
    auth_time: float | None = None,
    scopes: Collection[str] = ("email",),
) -> Json:
    """Return what an ID token says.

    `auth_time` is there where the application asked by `prompt=login` or `max_age`.
    """
    asked: Json = {"nonce": nonce} if nonce else {}
    asked |= {} if auth_time is None else {"auth_time": int(auth_time)}
    return {**profile_of(user, scopes), "sub": user["user_id"], "aud": client_id, **asked}


@dataclass
class Tokens:
    """What `/oauth/token` and the log-in page give an application of the tenant's."""

    issuer: str = ""
    """The tenant's address, with a slash at its end."""
    clock: Callable[[], float] = time.time

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _made: rsa.RSAPrivateKey | None = None

    @property
    def key(self) -> rsa.RSAPrivateKey:
        """Return the signing key, made at first use: few tests need one."""
        with self._lock:
            if self._made is None:
                self._made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            return self._made

    def key_set(self) -> Json:
        """`GET /.well-known/jwks.json`."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": _KEY_ID, "use": "sig", "alg": "RS256"}]}

    def access_token(self, user_id: str, audience: str, **claims: Any) -> str:  # noqa: ANN401
        """Return a user's access token for an API."""
        return self.signed({"sub": user_id, "aud": audience, **claims})

    def id_token(
        self, user: Mapping[str, Any], client_id: str, nonce: str, auth_time: float | None = None
    ) -> str:
        """Return what a log-in proves to the application that asked for it."""
        return self.signed(claims_of_log_in(user, client_id, nonce, auth_time))

    def signed(self, claims: Mapping[str, Any], **header: Any) -> str:  # noqa: ANN401
        """Sign claims; issuer and times are added where they are not given."""
        now = int(self.clock())
        common = {"iss": self.issuer, "iat": now, "exp": now + TOKEN_SECONDS}
        return jwt.encode({**common, **claims}, self.key, "RS256", {"kid": _KEY_ID, **header})

    def claims_of(self, token: str, audience: str) -> Json | None:
        """Verify an access token as API Gateway's JWT authoriser does; give its claims.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
        """
        try:
            # Its key is the published one that the token names.
            if jwt.get_unverified_header(token).get("kid") != _KEY_ID:
                return None
            claims: Json = jwt.decode(
                token,
                self.key.public_key(),
                algorithms=["RS256"],
                issuer=self.issuer,
                options={"require": ["exp", "iss"], "verify_aud": False},
            )
        # What nests too deep is no token either.
        except (jwt.PyJWTError, RecursionError):
            return None
        # `client_id` counts only where there is no `aud`.
        given = claims.get("aud") or claims.get("client_id")
        is_for_it = audience == given or (isinstance(given, list) and audience in given)
        return claims if is_for_it else None
