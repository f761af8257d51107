"""Whose `email_verified` is believed: the one place that decides it.

A profile's address is that of its *primary* identity, whichever connection the person logs in by.
Who administers an enterprise connection writes any address into it, and calls it verified:
https://auth0.com/docs/authenticate/identity-providers/enterprise-identity-providers/azuread-adfs-email-verification
"""

from collections.abc import Mapping

from customerlink.model.frozen import frozen
from customerlink.model.values import Reader, text

TRUSTED = frozenset(
    {
        "amazon",
        "apple",
        "auth0",
        "bitbucket",
        "dropbox",
        "email",
        "facebook",
        "github",
        "google-oauth2",
        "line",
        "linkedin",
        "paypal",
        "sms",
        "twitter",
        "yahoo",
    }
)
"""The strategies that are believed by default: Auth0's own, and providers that are one for all the
world, and verify addresses themselves."""

STRATEGIES = TRUSTED | frozenset(
    {
        "ad",
        "adfs",
        "auth0-adldap",
        "auth0-oidc",
        "baidu",
        "bitly",
        "box",
        "custom",
        "daccount",
        "dwolla",
        "evernote",
        "evernote-sandbox",
        "exact",
        "fitbit",
        "google-apps",
        "instagram",
        "ip",
        "oauth1",
        "oauth2",
        "office365",
        "oidc",
        "okta",
        "paypal-sandbox",
        "pingfederate",
        "planningcenter",
        "salesforce",
        "salesforce-community",
        "salesforce-sandbox",
        "samlp",
        "sharepoint",
        "shop",
        "shopify",
        "soundcloud",
        "thirtysevensignals",
        "untappd",
        "vkontakte",
        "waad",
        "weibo",
        "windowslive",
        "wordpress",
        "yammer",
        "yandex",
    }
)
"""All that Auth0 has: https://auth0.com/docs/api/management/v2/connections/post-connections"""

# Of an account at a directory, the provider is not the strategy.
_PROVIDER_OF = {"auth0-adldap": "ad"}


@frozen
class Trust:
    """The connections whose `email_verified` is believed, by strategies or by their own names."""

    names: frozenset[str] = TRUSTED

    def believes(self, strategy: str, connection: str | None) -> bool:
        """Return whether it believes a connection, whose name may not be known.

        A strategy's name is no connection's: else who names a directory `apple` were believed.
        """
        provider = _PROVIDER_OF.get(strategy, strategy)
        strategies = {_PROVIDER_OF.get(each, each) for each in self.names & STRATEGIES}
        return provider in strategies or connection in self.names - STRATEGIES

    def believes_user(self, user_id: str, profile: Reader) -> bool:
        """Return whether it believes the connection that a profile's address is of.

        Its strategy is the beginning of the `user_id`, whatever else a profile says; its name is
        that of the first identity, where an Action reports one.
        """
        return self.believes(provider_in(user_id), primary_connection(user_id, profile))


def provider_in(user_id: str) -> str:
    """Return the strategy of the connection that a user's own account is of."""
    return user_id.partition("|")[0]


def primary_connection(user_id: str, profile: Reader) -> str | None:
    """Return the name of the connection that a profile's address is of; None where none is said."""
    identities = profile.get("identities")
    first = identities[0] if isinstance(identities, list) and identities else None
    read = Reader(first if isinstance(first, Mapping) else {})
    is_own = read("provider", text) == provider_in(user_id)
    return read("connection", text) if is_own else None
