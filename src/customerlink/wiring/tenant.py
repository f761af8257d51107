"""The composition root of what functions ask of the tenant, by credentials that only some have."""

import os
from typing import TYPE_CHECKING

import boto3

from customerlink.adapters.auth0.id_tokens import IdTokens
from customerlink.adapters.auth0.management import TIME_OUT_SECONDS, TRIES, Management, Users
from customerlink.adapters.aws.aws_json import LedgerClient
from customerlink.adapters.aws.stored_secrets import tenant_secret
from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.usage_limits import UsageLimits
from customerlink.model.access_token import ShopApi
from customerlink.model.errors import ConfigurationError
from customerlink.model.secret import TenantSecret
from customerlink.model.trust import Trust
from customerlink.ports.rate import RateLimiter
from customerlink.wiring.settings import Settings

if TYPE_CHECKING:
    from botocore.config import Config


def stored_tenant(config: "Config | None" = None) -> TenantSecret | None:
    """Return what lets a function into its tenant; None while nobody has put it in."""
    client = boto3.client("secretsmanager", config=config)
    return tenant_secret(client, os.environ["CUSTOMERLINK_TENANT_SECRET_ID"])


def needed_tenant(config: "Config | None" = None) -> TenantSecret:
    """Return it; raise `ConfigurationError` while there is none."""
    found = stored_tenant(config)
    if found is None:
        raise ConfigurationError("the tenant's secret has no value yet")
    return found


def served(found: TenantSecret, settings: Settings) -> TenantSecret:
    """Return it, if its tenant is one that the deployment is for; else raise as well."""
    if not settings.serves(found.tenant):
        raise ConfigurationError("the tenant's secret names a tenant that is not among Tenants")
    return found


def users_of(
    tenant: TenantSecret,
    trust: Trust,
    *,
    tries: int = TRIES,
    seconds: float = TIME_OUT_SECONDS,
    pace: RateLimiter | None = None,
) -> Users:
    """Return the tenant's users; `seconds` is how long one call of a try may take."""
    return Users(Management(tenant.client, tries=tries, seconds=seconds, pace=pace), trust)


def usage_limits(client: LedgerClient) -> UsageLimits:
    """Return what counts how often somebody asked."""
    return UsageLimits(client, os.environ["CUSTOMERLINK_LEDGER_TABLE"])


def boto3_dynamodb(config: "Config") -> LedgerClient:
    """Return a client for who keeps no connections of its own."""
    return Boto3DynamoDb(boto3.client("dynamodb", config=config))


def shop_api() -> ShopApi:
    """Return for what the access tokens of the shop's users are made."""
    issuer = os.environ["CUSTOMERLINK_AUTH0_ISSUER"]
    return ShopApi(issuer, os.environ["CUSTOMERLINK_SHOP_AUDIENCE"], _shop_clients())


def id_tokens() -> IdTokens:
    """Return what verifies a log-in, by the applications that may ask for it."""
    return IdTokens(os.environ["CUSTOMERLINK_AUTH0_ISSUER"], _shop_clients())


def _shop_clients() -> list[str]:
    return [each for each in os.environ.get("CUSTOMERLINK_SHOP_CLIENT_IDS", "").split(",") if each]
