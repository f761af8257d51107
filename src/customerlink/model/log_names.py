"""What a log calls a user: the id where it is certainly nobody's name, else a keyed digest of it.

Whoever administers a connection chooses its ids: addresses, in any encoding, names, numbers of
phones. So it is not searched for what is personal: three shapes are known not to be.
"""

import hashlib
import hmac
import re

from customerlink.model.frozen import field, frozen

MARK = "digest:"
DIGITS = 16

_PURPOSE = b"customer-link: what a log calls a user"

# Auth0 makes the first kind itself, Google and Apple the others. A custom database may give its
# users ids of its own under `auth0|`: those are opaque only if random (a UUID of version 4).
_OPAQUE = re.compile(
    r"(?:auth0|email|sms)\|(?P<hex>(?=[0-9]*[a-f])[0-9a-f]{24})"
    r"|auth0\|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    # Longer than any phone's number.
    r"|google-oauth2\|[0-9]{18,21}"
    r"|apple\|[0-9]{6}\.[0-9a-f]{32}\.[0-9]{4}"
)

# https://auth0.com/docs/manage-users/user-accounts/user-profiles/normalized-user-profile-schema
_PROVIDERS = """
    ad adfs amazon apple auth0 auth0-adldap bitbucket custom dropbox email facebook github
    google-apps google-oauth2 instagram line linkedin oauth1 oauth2 office365 oidc okta paypal
    pingfederate registration salesforce samlp sharepoint shopify sms twitter vkontakte waad weibo
    windowslive wordpress yahoo yandex
"""
PROVIDERS = frozenset(_PROVIDERS.split())
"""Auth0's identity providers, and what stands before a registration's id."""

OTHER = "other"


@frozen
class LogNames:
    """The names of a deployment's users, which nobody can try without its key."""

    key: bytes = field(repr=False)

    @classmethod
    def keyed(cls, secret: str) -> "LogNames":
        """Derive the key from a secret, which has other uses and is not told by it."""
        return cls(hmac.digest(secret.encode("utf-8", "surrogatepass"), _PURPOSE, hashlib.sha256))

    def name(self, user_id: str) -> str:
        """Return what a log calls a user."""
        if _is_opaque(user_id):
            return user_id
        return f"{provider_of(user_id)}|{MARK}{self.digest(user_id)}"

    def digest(self, user_id: str) -> str:
        """Return what stands in a log for all of an id but the provider."""
        # An id is JSON's text, which may hold half a character.
        content = user_id.encode("utf-8", "surrogatepass")
        return hmac.digest(self.key, content, hashlib.sha256).hex()[:DIGITS]


def provider_of(user_id: str) -> str:
    """Return the identity provider that an id begins with; `other` for what is none of Auth0's."""
    provider = user_id.partition("|")[0]
    return provider if provider in PROVIDERS else OTHER


def _is_opaque(user_id: str) -> bool:
    found = _OPAQUE.fullmatch(user_id)
    if found is None:
        return False
    digits = found["hex"]
    # Twelve letters, written as hexadecimal digits, are no number of Auth0's.
    return digits is None or not bytes.fromhex(digits).isascii()
