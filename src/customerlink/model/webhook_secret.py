"""By what those are known who post events: Stripe's signing secrets, and Auth0's bearer tokens.

Of either there are two while one is rotated in.
"""

import hmac
import json
from collections.abc import Mapping

from customerlink.model.documents import json_object
from customerlink.model.errors import ConfigurationError
from customerlink.model.frozen import field, frozen, replace

AUTH0_TOKENS, STRIPE_SECRETS = "auth0_bearer_tokens", "stripe_endpoint_secrets"
DESTINATION = "stripe_destination"

_SHORTEST = 32
"""Characters: `whsec_` and as many as HS256's output has, and likewise of a token."""


@frozen
class WebhookSecret:
    """The secret, parsed; nothing of it shows in its `repr`."""

    auth0_tokens: tuple[str, ...] = field(default=(), repr=False)
    """The newest one last, as below; without any, nobody is let in."""
    stripe_secrets: tuple[str, ...] = field(default=(), repr=False)
    destination: str = ""
    """The destination of Stripe's that has the newest secret: nobody is told a secret twice."""

    @classmethod
    def parse(cls, text: str, _version: str = "") -> "WebhookSecret":
        """Read the JSON document; `ConfigurationError` names the field that is wrong."""
        document = json_object(text)
        if isinstance(document, str):
            raise ConfigurationError(f"the secret {document}")
        tokens, secrets = (_texts(document, each) for each in (AUTH0_TOKENS, STRIPE_SECRETS))
        destination = document.get(DESTINATION, "")
        return cls(tokens, secrets, destination if isinstance(destination, str) else "")

    def has_token(self, given: str) -> bool:
        """Return whether it is one of Auth0's, in a time that tells nothing of which."""
        sent = given.encode(errors="surrogatepass")
        found = [hmac.compare_digest(sent, each.encode()) for each in self.auth0_tokens]
        return any(found)

    def text(self) -> str:
        """Return the JSON document."""
        document = {
            AUTH0_TOKENS: self.auth0_tokens,
            STRIPE_SECRETS: self.stripe_secrets,
            DESTINATION: self.destination,
        }
        return json.dumps(document)

    def with_tokens(self, *tokens: str) -> "WebhookSecret":
        """Return it with these in the place of Auth0's."""
        return replace(self, auth0_tokens=tokens)

    def with_secrets(self, destination: str, *secrets: str) -> "WebhookSecret":
        """Return it with these in the place of Stripe's, and whose the last one is."""
        return replace(self, destination=destination, stripe_secrets=secrets)


def _texts(document: Mapping[str, object], name: str) -> tuple[str, ...]:
    found = document.get(name, [])
    if not isinstance(found, list) or not all(map(is_secret, found)):
        raise ConfigurationError(f"the secret's field {name} is wrong")
    return tuple(found)


def is_secret(text: object) -> bool:
    """Return whether it may be either side's: long enough, and of plain letters."""
    return isinstance(text, str) and len(text) >= _SHORTEST and text.isascii()
