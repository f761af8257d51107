"""A tenant's ID tokens, verified by PyJWT with the keys that the tenant publishes."""

import hmac
import json
import time
from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING, Any

from customerlink.adapters.auth0.errors import Auth0Error
from customerlink.model.failure import How
from customerlink.model.frozen import frozen
from customerlink.model.tickets import CLOCKS_SECONDS, FRESH_SECONDS

if TYPE_CHECKING:
    import jwt

# An unknown key has them fetched before that, so no rotation of keys waits for the hour.
_KEYS_SECONDS = 3600
_FETCH_SECONDS = 3.0
_REQUIRED = ["aud", "auth_time", "exp", "iat", "iss", "sub"]


class KeysUnavailableError(Auth0Error):
    """The keys that the tenant publishes cannot be had: nothing is known of a token."""

    def __init__(self, kind: str) -> None:
        """Take the kind of error."""
        super().__init__(kind, How.NO_ANSWER)


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

    @cached_property
    def _keys(self) -> "jwt.PyJWKClient":
        import jwt  # noqa: PLC0415 (its cryptography is a third of a cold start, and few link)

        address = f"{self._issuer}.well-known/jwks.json"
        return jwt.PyJWKClient(address, lifespan=_KEYS_SECONDS, timeout=_FETCH_SECONDS)

    def verified(self, token: str, nonce: str | None = None) -> Login | None:
        """Return the login; None for a token that is not of this issuer, for the shop, and fresh.

        https://auth0.com/docs/secure/tokens/id-tokens/validate-id-tokens. Only RS256 counts,
        whatever the token says of itself; with a `nonce`, it has to have that one. Raise
        `KeysUnavailableError`.
        """
        claims = self._claims(token)
        if claims is None:
            return None
        # A token for several audiences says in `azp` for which application it was made.
        is_ours = claims.get("azp", claims["aud"]) in self._audiences
        given = str(claims.get("nonce", ""))
        # As bytes: of texts, `compare_digest` takes ASCII only, and a token may hold anything.
        sent = given.encode(errors="surrogatepass")
        is_bound = nonce is None or hmac.compare_digest(sent, nonce.encode())
        if not (is_ours and is_bound and _is_fresh(claims["auth_time"])):
            return None
        return Login(str(claims["sub"]), claims.get("email_verified") is True, given)

    def _claims(self, token: str) -> dict[str, Any] | None:
        import jwt  # noqa: PLC0415 (as above)

        try:
            return jwt.decode(
                token,
                self._keys.get_signing_key_from_jwt(token),
                algorithms=["RS256"],
                audience=self._audiences,
                issuer=self._issuer,
                leeway=CLOCKS_SECONDS,
                options={"require": _REQUIRED},
            )
        except (
            jwt.PyJWKClientConnectionError,
            jwt.PyJWKSetError,
            json.JSONDecodeError,
        ) as trouble:
            # PyJWT counts these among its errors, and they are no fault of the token.
            raise KeysUnavailableError(type(trouble).__name__) from None
        except (jwt.PyJWTError, RecursionError):
            # It is read before it is known to be Auth0's: brackets without end are nobody's token.
            return None


def _is_fresh(auth_time: object) -> bool:
    """By `auth_time`: `iat` is new in every token that a session is good for.

    Auth0 puts it in where the log-in was asked for with `prompt=login` or `max_age`
    (https://auth0.com/docs/authenticate/login/max-age-reauthentication).
    """
    # Not isinstance: in Python, true is an int.
    if type(auth_time) not in (int, float):
        return False
    age = time.time() - float(str(auth_time))
    return -CLOCKS_SECONDS <= age <= FRESH_SECONDS + CLOCKS_SECONDS
