"""The one secret of a deployment: what it holds, and the port that fetches it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from customerlink.errors import ConfigurationError
from customerlink.keys import StripeKey
from customerlink.signature import SigningSecret


@dataclass(frozen=True, slots=True)
class Secret:
    """A version of the secret, parsed; neither key shows in its `repr`."""

    version: str
    stripe_key: StripeKey = field(repr=False)
    signing_secrets: tuple[SigningSecret, ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str, version: str) -> "Secret":
        """Read the JSON document; `ConfigurationError` names the field that is missing or wrong."""
        try:
            document = json.loads(text)
        except ValueError:
            raise ConfigurationError("the secret is not JSON") from None
        if not isinstance(document, dict):
            raise ConfigurationError("the secret is not a JSON object")
        key = document.get("stripe_restricted_key")
        if not isinstance(key, str):
            raise ConfigurationError("the secret's field stripe_restricted_key is missing")
        signing = document.get("action_signing_secrets")
        if not isinstance(signing, list) or not signing:
            raise ConfigurationError("the secret's field action_signing_secrets is missing")
        if not all(isinstance(each, str) for each in signing):
            raise ConfigurationError("the secret's field action_signing_secrets has a wrong type")
        return cls(version, StripeKey(key), tuple(SigningSecret.parse(each) for each in signing))


type KeyRefresh = Callable[[StripeKey], StripeKey | None]
"""Given a key that Stripe rejected: the key that has replaced it since, or None."""
