"""Which Stripe keys may be used, and where they may be sent."""

from urllib.parse import urlsplit

from customerlink.model.errors import ConfigurationError
from customerlink.model.frozen import field, frozen

STRIPE_API_BASE = "https://api.stripe.com"

# https://docs.stripe.com/keys/organization-api-keys: whatever it may do, and in either mode.
_ORGANIZATION = "sk_org"
_PREFIXES = ("rk_test_", "rk_live_", "sk_test_", "sk_live_")


@frozen
class StripeKey:
    """A secret key of Stripe's (https://docs.stripe.com/keys); its value shows in no `repr`."""

    value: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no key of Stripe's, and what is one for no single account."""
        # Each request would have to name the account, and a list of customers is one account's.
        if self.value.startswith(_ORGANIZATION):
            raise ConfigurationError(
                "stripe_restricted_key is an organization's key: one account's is needed"
            )
        if not (
            self.value.startswith(_PREFIXES) and self.value.isascii() and self.value.isprintable()
        ):
            raise ConfigurationError("stripe_restricted_key is not a secret key of Stripe's")

    @property
    def live(self) -> bool:
        """Return whether the key moves real money."""
        return self.value[3:].startswith("live_")

    @property
    def restricted(self) -> bool:
        """Return whether the key has only the permissions that it was given."""
        return self.value.startswith("rk_")

    def check(self, api_base: str, *, unrestricted_allowed: bool) -> None:
        """Raise `ConfigurationError` unless the deployment may use the key at this address."""
        if not self.restricted and not unrestricted_allowed:
            raise ConfigurationError("stripe_restricted_key is not restricted")
        # A live key that goes to anybody else, a stand-in included, is lost.
        if self.live and not is_stripe(api_base):
            raise ConfigurationError(
                "CUSTOMERLINK_STRIPE_API_BASE is not Stripe's, the key is live"
            )


def is_stripe(url: str) -> bool:
    """Return whether a URL leads to Stripe's API and nowhere else."""
    # The whole of netloc: `https://api.stripe.com@evil.example` and `…:8443` are somebody else's.
    parts = urlsplit(url)
    return (parts.scheme, parts.netloc) == ("https", "api.stripe.com")
