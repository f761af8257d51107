"""Who calls the shop's API, by the claims of an access token whose signature was checked before.

API Gateway hands claims on as text, a list as `[one two]`; by themselves they are JSON's.
"""

from collections.abc import Collection, Mapping

from customerlink.model.frozen import frozen
from customerlink.model.user import UserId
from customerlink.model.values import Reader, text

_MACHINES = "client-credentials"


@frozen
class ShopApi:
    """For what tokens are made: the API's identifier in Auth0, and the shop's applications."""

    issuer: str
    """The tenant's address: another tenant of the same people's has the same audience, maybe."""
    audience: str
    clients: Collection[str]

    def caller(self, claims: Mapping[str, object]) -> UserId | None:
        """Return the user; None for a machine's token, or another tenant's, API's or party's.

        https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles: the application
        is in `azp`, or, in the profile of RFC 9068, in `client_id`.
        """
        subject = Reader(claims)("sub", text) or ""
        is_users = "|" in subject and claims.get("gty") != _MACHINES
        party = claims.get("azp") or claims.get("client_id")
        is_for_us = self.audience in _words(claims.get("aud"))
        is_of_tenant = claims.get("iss") == self.issuer
        # An ID token has a nonce, and is proof of a log-in, not leave to call.
        is_access_token = "nonce" not in claims
        is_ours = is_of_tenant and is_for_us and is_access_token and party in self.clients
        return UserId(subject) if is_users and is_ours else None


def has_scope(claims: Mapping[str, object], scope: str) -> bool:
    """Return whether the user's application was given leave for this."""
    return scope in _words(claims.get("scope"))


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return value.removeprefix("[").removesuffix("]").split()
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
