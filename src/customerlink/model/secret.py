"""The secrets of a deployment, parsed: the sign-up's, the tenant's, and the page's."""

import re
from collections.abc import Callable, Container, Mapping

from customerlink.model.documents import json_object
from customerlink.model.errors import ConfigurationError
from customerlink.model.frozen import field, frozen
from customerlink.model.keys import StripeKey
from customerlink.model.log_names import LogNames
from customerlink.model.signature import SigningSecret
from customerlink.model.tickets import TicketKey
from customerlink.model.user import Tenant

TICKET_KEYS = "link_ticket_keys"
"""The secret's field of the keys that sign link tickets."""

SELF_TEST_KEY = "self_test_key"
"""The secret's field of the key that signs self-tests, and nothing else."""

SUBSCRIPTIONS_KEY = "stripe_subscriptions_key"
"""The secret's field of a Stripe key that reads subscriptions, and nothing else."""

_SECRET_CHARACTERS = 32

# Nothing but this very machine is spoken to over plain HTTP.
_HERE = r"http://127\.0\.0\.1:[0-9]{1,5}"
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"


@frozen
class Secret:
    """A version of the secret, parsed; no key shows in its `repr`."""

    version: str
    stripe_key: StripeKey = field(repr=False)
    signing_secrets: tuple[SigningSecret, ...] = field(repr=False)
    log_names: LogNames = field(repr=False)
    ticket_keys: tuple[TicketKey, ...] = field(default=(), repr=False)
    """Without one there are no link tickets; log-ins go on."""
    self_test_keys: tuple[SigningSecret, ...] = field(default=(), repr=False)
    """One, or none: then whoever has no signing secret cannot test the endpoint."""
    subscriptions_key: StripeKey | None = field(default=None, repr=False)
    """Without one the sign-up's key is asked, which is told nothing: so no customer is deleted."""

    @classmethod
    def parse(cls, text: str, version: str) -> "Secret":
        """Read the JSON document; `ConfigurationError` names the field that is missing or wrong."""
        document = _json_object(text)
        key = document.get("stripe_restricted_key")
        if not isinstance(key, str):
            raise ConfigurationError("the secret's field stripe_restricted_key is missing")
        signing = document.get("action_signing_secrets")
        # Without a secret nobody could be told from a stranger; an empty list is no "let all in".
        if not isinstance(signing, list) or not signing:
            raise ConfigurationError("the secret's field action_signing_secrets is missing")
        if not all(isinstance(each, str) for each in signing):
            raise ConfigurationError("the secret's field action_signing_secrets has a wrong type")
        signing_secrets = tuple(SigningSecret.parse(each) for each in signing)
        tickets = _ticket_keys(document, {each.key for each in signing_secrets})
        names = log_names(document.get("log_key"), key)
        tests, reading = _self_test_keys(document), subscriptions_key(document)
        return cls(version, StripeKey(key), signing_secrets, names, tickets, tests, reading)


def log_names(log_key: object, stripe_key: str) -> LogNames:
    """Return the names of users in logs; raise `ConfigurationError` for a key that is none.

    A secret of before there was a `log_key` has another one, which is replaced now and then.
    """
    if log_key is None:
        return LogNames.keyed(stripe_key)
    if not _is_long_enough(log_key):
        raise ConfigurationError("the secret's field log_key is wrong")
    return LogNames.keyed(str(log_key))


@frozen
class Auth0Client:
    """A machine-to-machine application of a tenant."""

    url: str
    """`https://` and the tenant's domain."""
    client_id: str
    client_secret: str = field(repr=False)

    @classmethod
    def of(cls, document: Mapping[str, object]) -> "Auth0Client":
        """Read a secret's fields; `ConfigurationError` names the one that is missing or wrong."""
        domain, client_id, client_secret = (
            text_of(document, name) for name in ("domain", "client_id", "client_secret")
        )
        domain = domain.removeprefix("https://").removesuffix("/")
        is_here = re.fullmatch(_HERE, domain) is not None
        if not (is_here or re.fullmatch(_DOMAIN, domain)):
            raise ConfigurationError("the secret's field domain is wrong")
        return cls(domain if is_here else f"https://{domain}", client_id, client_secret)


@frozen
class TenantSecret:
    """What lets a function into a tenant's Management API; the sign-up's function has none."""

    tenant: Tenant
    client: Auth0Client
    session_secrets: tuple[str, ...] = field(default=(), repr=False)
    """Where releases up to 0.1 had what `session_secrets` reads."""

    @classmethod
    def parse(cls, text: str) -> "TenantSecret":
        """Read the JSON document; `ConfigurationError` names the field that is missing or wrong."""
        document = _json_object(text)
        tenant = Tenant(text_of(document, "tenant"))
        return cls(tenant, Auth0Client.of(document), _session_secrets(document))


def session_secrets(text: str) -> tuple[str, ...]:
    """Read what the Action verify-email signs its session tokens with, of its JSON document."""
    return _session_secrets(_json_object(text))


def _session_secrets(document: Mapping[str, object]) -> tuple[str, ...]:
    found = document.get("session_secrets", [])
    if not isinstance(found, list) or not all(_is_long_enough(each) for each in found):
        raise ConfigurationError("the secret's field session_secrets is wrong")
    return tuple(found)


def _ticket_keys(document: Mapping[str, object], others: Container[bytes]) -> tuple[TicketKey, ...]:
    """Read the keys of link tickets; what is none, or an Action has too, counts as absent."""
    given = document.get(TICKET_KEYS)
    parsed = [TicketKey.parse(each) for each in given] if isinstance(given, list) else []
    return tuple(each for each in parsed if each and each.key not in others)


def _self_test_keys(document: Mapping[str, object]) -> tuple[SigningSecret, ...]:
    """Read the key of self-tests; what is none counts as absent, since sign-ups go on without."""
    try:
        return (SigningSecret.parse(text_of(document, SELF_TEST_KEY)),)
    except ConfigurationError:
        return ()


def subscriptions_key(document: Mapping[str, object]) -> StripeKey | None:
    """Read the key of subscriptions; what is none, or may do anything, counts as absent."""
    try:
        key = StripeKey(text_of(document, SUBSCRIPTIONS_KEY))
    except ConfigurationError:
        return None
    return key if key.restricted else None


def _is_long_enough(secret: object) -> bool:
    """As long as HS256's output (RFC 7518, section 3.2)."""
    return isinstance(secret, str) and len(secret) >= _SECRET_CHARACTERS


def text_of(document: Mapping[str, object], name: str) -> str:
    """Return a field's text; a `ConfigurationError` names one that has none."""
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"the secret's field {name} is missing")
    return value


def _json_object(text: str) -> dict[str, object]:
    document = json_object(text)
    if isinstance(document, str):
        raise ConfigurationError(f"the secret {document}")
    return document


type KeyRefresh = Callable[[StripeKey], StripeKey | None]
"""Given a key that Stripe rejected: the key that has replaced it since, or None."""
