"""The composition root of what functions ask of the tenant, by credentials that only some have."""

import os

from customerlink.adapters.auth0.id_tokens import IdTokens
from customerlink.adapters.auth0.management import TIME_OUT_SECONDS, TRIES, Management, Users
from customerlink.adapters.aws.aws_json import Aws, LedgerClient
from customerlink.adapters.aws.secrets_manager import FETCH_SECONDS
from customerlink.adapters.aws.stored_secrets import tenant_secret
from customerlink.adapters.connections import Connections
from customerlink.adapters.dynamodb.usage_limits import UsageLimits
from customerlink.model.access_token import ShopApi
from customerlink.model.errors import ConfigurationError
from customerlink.model.secret import TenantSecret
from customerlink.model.trust import Trust
from customerlink.ports.rate import Rates
from customerlink.wiring.settings import Settings


def stored_tenant(aws: Aws) -> TenantSecret | None:
    """Return what lets a function into its tenant; None while nobody has put it in."""
    client = aws.secrets_manager(FETCH_SECONDS / 2, FETCH_SECONDS / 2)
    return tenant_secret(client, os.environ["CUSTOMERLINK_TENANT_SECRET_ID"])


def needed_tenant(aws: Aws) -> TenantSecret:
    """Return it; raise `ConfigurationError` while there is none."""
    found = stored_tenant(aws)
    if found is None:
        raise ConfigurationError("the tenant's secret has no value yet")
    return found


def served(found: TenantSecret, settings: Settings) -> TenantSecret:
    """Return it, if its tenant is one that the deployment is for; else raise as well."""
    if not settings.serves(found.tenant):
        raise ConfigurationError("the tenant's secret names a tenant that is not among Tenants")
    return found


def users_of(  # noqa: PLR0913 (what a caller may choose)
    tenant: TenantSecret,
    trust: Trust,
    rates: Rates | None = None,
    *,
    tries: int = TRIES,
    seconds: float = TIME_OUT_SECONDS,
    connections: Connections | None = None,
) -> Users:
    """Return the tenant's users; `seconds` is how long one call of a try may take."""
    api = Management(
        tenant.client, tries=tries, seconds=seconds, rates=rates, connections=connections
    )
    return Users(api, trust)


def usage_limits(client: LedgerClient) -> UsageLimits:
    """Return what counts how often somebody asked."""
    return UsageLimits(client, os.environ["CUSTOMERLINK_LEDGER_TABLE"])


def shop_api() -> ShopApi:
    """Return for what the access tokens of the shop's users are made."""
    issuer = os.environ["CUSTOMERLINK_AUTH0_ISSUER"]
    return ShopApi(issuer, os.environ["CUSTOMERLINK_SHOP_AUDIENCE"], _shop_clients())


def id_tokens() -> IdTokens:
    """Return what verifies a log-in, by the applications that may ask for it."""
    return IdTokens(os.environ["CUSTOMERLINK_AUTH0_ISSUER"], _shop_clients())


def _shop_clients() -> list[str]:
    return [each for each in os.environ.get("CUSTOMERLINK_SHOP_CLIENT_IDS", "").split(",") if each]
