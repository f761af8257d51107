"""The deployment's settings, read from the environment."""

import re
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from customerlink.model.customer_fields import NAME_ONLY, CustomerFields
from customerlink.model.denial_texts import DenialTexts
from customerlink.model.errors import ConfigurationError
from customerlink.model.frozen import frozen
from customerlink.model.keys import STRIPE_API_BASE
from customerlink.model.policy import (
    ExistingCustomer,
    ExistingUsers,
    OnFailure,
    Policy,
    ProvisionAt,
    VerifiedEmail,
)
from customerlink.model.signature import TOLERANCE_SECONDS
from customerlink.model.trust import Trust
from customerlink.model.user import Tenant, is_tenant
from customerlink.model.web_address import WebAddressError, parts_of

type Network = IPv4Network | IPv6Network

_MAX_TOLERANCE = 10 * 365 * 24 * 3600
_SHA256 = r"[0-9a-fA-F]{64}"
_RATE = r"[0-9]{1,6}(\.[0-9]{1,6})?"
_CONNECTION = r"[A-Za-z0-9._-]{1,128}"
_TRUSTED = "CUSTOMERLINK_TRUSTED_CONNECTIONS"


@frozen
class Settings:
    """What a deployment sets; secrets are not among it."""

    secret_id: str
    ledger_table: str
    stripe_api_base: str
    signature_tolerance: int
    unrestricted_key_allowed: bool
    allowed_callers: tuple[Network, ...]
    """Empty: anybody may call, and the signature decides alone."""
    edge_digests: tuple[bytes, ...]
    """Of the secrets that the edge adds to requests, SHA-256; empty where there is no edge."""
    tenants: frozenset[Tenant]
    """Whose reports are taken; empty: of every tenant that signs."""
    policy: Policy
    denial_texts: DenialTexts
    odd: tuple[str, ...]
    """What is wrong and keeps nobody out: a self-test, and with it a deployment, fails by it."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the `CUSTOMERLINK_…` variables; a `ConfigurationError` names all that are wrong."""
        reader = EnvironmentReader(environment)
        settings = cls(
            secret_id=reader.required("CUSTOMERLINK_SECRET_ID"),
            ledger_table=reader.required("CUSTOMERLINK_LEDGER_TABLE"),
            stripe_api_base=reader.address("CUSTOMERLINK_STRIPE_API_BASE", STRIPE_API_BASE),
            signature_tolerance=reader.number(
                "CUSTOMERLINK_SIGNATURE_TOLERANCE", TOLERANCE_SECONDS, _MAX_TOLERANCE
            ),
            unrestricted_key_allowed=reader.flag("CUSTOMERLINK_ALLOW_UNRESTRICTED_KEY"),
            allowed_callers=reader.networks("CUSTOMERLINK_ALLOWED_CALLER_CIDRS"),
            edge_digests=reader.digests("CUSTOMERLINK_EDGE_SECRET_DIGESTS"),
            tenants=reader.tenants("CUSTOMERLINK_TENANTS"),
            policy=Policy(
                verified_email=reader.choice("CUSTOMERLINK_VERIFIED_EMAIL", VerifiedEmail),
                existing_customer=reader.choice("CUSTOMERLINK_EXISTING_CUSTOMER", ExistingCustomer),
                existing_users=reader.choice("CUSTOMERLINK_EXISTING_USERS", ExistingUsers),
                provision_at=reader.choice("CUSTOMERLINK_PROVISION_AT", ProvisionAt),
                on_failure=reader.choice("CUSTOMERLINK_ON_FAILURE", OnFailure),
                linking_url=reader.page("CUSTOMERLINK_LINKING_URL"),
                customer_fields=reader.customer_fields("CUSTOMERLINK_CUSTOMER_FIELDS"),
                trust=reader.trust(_TRUSTED),
            ),
            denial_texts=reader.denial_texts("CUSTOMERLINK_DENIAL_TEXTS"),
            odd=tuple(reader.odd),
        )
        if "STRIPE_LOG" in environment:
            reader.wrong.append("STRIPE_LOG (it would print addresses)")
        if reader.wrong:
            raise ConfigurationError(f"missing or wrong: {', '.join(reader.wrong)}")
        return settings

    def allows(self, caller: str) -> bool:
        """Return whether an address may call; what is no address may not."""
        if not self.allowed_callers:
            return True
        try:
            address = ip_address(caller)
        except ValueError:
            return False
        return any(address in network for network in self.allowed_callers)

    def serves(self, tenant: Tenant) -> bool:
        """Return whether the deployment is for a tenant: at every door it is asked here."""
        return not self.tenants or tenant in self.tenants


def trust_in(names: str) -> Trust:
    """Read `TrustedConnections`, for who has no environment; raise `ConfigurationError`."""
    return trust_from({_TRUSTED: names})


def trust_from(environment: Mapping[str, str]) -> Trust:
    """Read whose `email_verified` is believed, and nothing else; raise `ConfigurationError`."""
    reader = EnvironmentReader(environment)
    trust = reader.trust(_TRUSTED)
    if reader.wrong:
        raise ConfigurationError(f"missing or wrong: {', '.join(reader.wrong)}")
    return trust


class EnvironmentReader:
    """Reads variables; `wrong` are the names of those that say what they must not."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Take the environment."""
        self._environment = environment
        self.wrong: list[str] = []
        self.odd: list[str] = []

    def required(self, name: str) -> str:
        """Read a text that must be there."""
        return self._environment.get(name) or self._complain(name, "")

    def address(self, name: str, default: str) -> str:
        """Read where a service is."""
        value = (self._environment.get(name) or default).rstrip("/")
        try:
            # Plain HTTP is for stand-ins: `StripeKey.check` keeps live keys from them.
            parts_of(value)
        except WebAddressError:
            return self._complain(name, default)
        return self._complain(name, default) if "?" in value else value

    def page(self, name: str) -> str:
        """Read an address that a browser is sent to, or none."""
        value = self._environment.get(name) or ""
        try:
            parts = urlsplit(value)
            # A ticket is put behind it, and behind a fragment no server would see that.
            is_safe = parts.scheme == "https" and parts.hostname and not parts.fragment
            is_safe = is_safe and parts.port != 0
        except ValueError:  # of what is no IPv6 address, and no port
            is_safe = False
        return value if not value or is_safe else self._complain(name, "")

    def customer_fields(self, name: str) -> CustomerFields:
        """Read which of a profile's fields a customer has."""
        value = self._environment.get(name)
        try:
            return CustomerFields.parse(value) if value else NAME_ONLY
        except ConfigurationError as problem:
            return self._complain(f"{name} ({problem})", NAME_ONLY)

    def number(self, name: str, default: int, most: int) -> int:
        """Read a whole number from 1 on."""
        value = self._environment.get(name) or str(default)
        # `isdigit` alone lets a superscript pass, of which `int` makes no number.
        if not (value.isascii() and value.isdigit() and 0 < int(value) <= most):
            return self._complain(name, default)
        return int(value)

    def rate(self, name: str, default: float, most: float) -> float:
        """Read how often a second; nothing, or 0, is the default."""
        value = self._environment.get(name) or "0"
        if not re.fullmatch(_RATE, value) or float(value) > most:
            return self._complain(name, default)
        return float(value) or default

    def flag(self, name: str) -> bool:
        """Read a yes or no; without one it is no."""
        value = self._environment.get(name) or "false"
        return (
            value == "true" if value in ("true", "false") else self._complain(name, default=False)
        )

    def networks(self, name: str) -> tuple[Network, ...]:
        """Read networks, by commas."""
        value = self._environment.get(name) or ""
        try:
            return tuple(ip_network(each.strip()) for each in value.split(",") if each.strip())
        except ValueError:
            return self._complain(name, ())

    def digests(self, name: str) -> tuple[bytes, ...]:
        """Read SHA-256 digests in hex, by commas."""
        given = [each.strip() for each in (self._environment.get(name) or "").split(",")]
        if not all(re.fullmatch(_SHA256, each) for each in given if each):
            return self._complain(name, ())
        return tuple(bytes.fromhex(each) for each in given if each)

    def trust(self, name: str) -> Trust:
        """Read strategies and connections' names, by commas; without any, the default."""
        value = self._environment.get(name) or ""
        names = frozenset(each.strip() for each in value.split(","))
        if not value.strip():
            return Trust()
        is_list = all(re.fullmatch(_CONNECTION, each) for each in names)
        return Trust(names) if is_list else self._complain(name, Trust(frozenset()))

    def tenants(self, name: str) -> frozenset[Tenant]:
        """Read tenants' names, by commas."""
        value = self._environment.get(name) or ""
        given = [each.strip() for each in value.split(",")] if value else []
        # Strictly: what an empty name in the list was to be, nobody knows, and empty is everybody.
        if not all(is_tenant(each) for each in given):
            return self._complain(name, frozenset())
        return frozenset(map(Tenant, given))

    def denial_texts(self, name: str) -> DenialTexts:
        """Read the texts; odd ones are no reason to keep anybody out, and are told by `odd`."""
        value = self._environment.get(name)
        try:
            return DenialTexts.parse(value) if value else DenialTexts()
        except ConfigurationError as problem:
            self.odd.append(f"{name} ({problem})")
            return DenialTexts()

    def choice[Choice: StrEnum](self, name: str, choices: type[Choice]) -> Choice:
        """Read one of a policy's values; the first is the default."""
        default = next(iter(choices))
        value = self._environment.get(name) or default
        return choices(value) if value in choices else self._complain(name, default)

    def _complain[Value](self, name: str, default: Value) -> Value:
        self.wrong.append(name)
        return default
