"""A tenant's ID tokens, verified by PyJWT with the keys that the tenant publishes."""

import hmac
import json
import time
from collections.abc import Collection

import jwt

from customerlink.model.frozen import frozen

FRESH_SECONDS = 300
"""How old the login may be that an ID token proves."""

KEYS_UNAVAILABLE = (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, json.JSONDecodeError)

# Auth0's clock and ours need not agree.
_LEEWAY_SECONDS = 30
# An unknown key has them fetched before that, so no rotation of keys waits for the hour.
_KEYS_SECONDS = 3600
_FETCH_SECONDS = 3.0
_REQUIRED = ["aud", "exp", "iat", "iss", "nonce", "sub"]


@frozen
class Login:
    """A login that a token proves."""

    user_id: str
    email_verified: bool
    nonce: str


class IdTokens:
    """Verifies ID tokens of one issuer; its keys are fetched once an hour."""

    def __init__(self, issuer: str, audiences: Collection[str]) -> None:
        """Take the issuer, with the slash at its end, and the shop's client ids."""
        self._issuer, self._audiences = issuer, [*audiences]
        self._keys = jwt.PyJWKClient(
            f"{issuer}.well-known/jwks.json", lifespan=_KEYS_SECONDS, timeout=_FETCH_SECONDS
        )

    def verified(self, token: str, nonce: str) -> Login | None:
        """Return the login; None for a token that is not of this issuer, for the shop, and fresh.

        https://auth0.com/docs/secure/tokens/id-tokens/validate-id-tokens. Only RS256 counts,
        whatever the token says of itself. Raise one of `KEYS_UNAVAILABLE` when the keys cannot be
        had: then nothing is known of the token.
        """
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self._audiences,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": _REQUIRED},
            )
        except KEYS_UNAVAILABLE:
            # PyJWT counts these among its errors, and they are no fault of the token.
            raise
        except jwt.PyJWTError:
            return None
        # A token for several audiences says in `azp` for which application it was made.
        is_ours = claims.get("azp", claims["aud"]) in self._audiences
        is_fresh = time.time() - claims["iat"] <= FRESH_SECONDS + _LEEWAY_SECONDS
        # As bytes: of texts, `compare_digest` takes ASCII only, and a token may hold anything.
        is_bound = hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode())
        if not (is_ours and is_fresh and is_bound):
            return None
        return Login(str(claims["sub"]), claims.get("email_verified") is True, nonce)
