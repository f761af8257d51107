"""What functions ask of the tenant: by a secret that somebody puts in, and by what is set."""

import json
import os
import time
from collections.abc import Iterator

import pytest
from tests.adapters.auth0.test_id_tokens import GOOD, NONCE
from werkzeug.wrappers import Response

from customerlink.adapters.auth0.id_tokens import Login
from customerlink.adapters.aws.aws_json import Aws as Account
from customerlink.adapters.connections import Connections
from customerlink.model.access_token import ShopApi
from customerlink.model.errors import ConfigurationError
from customerlink.model.secret import Auth0Client, TenantSecret
from customerlink.model.trust import Trust
from customerlink.model.user import Tenant
from customerlink.wiring.tenant import (
    id_tokens,
    needed_tenant,
    shop_api,
    stored_tenant,
    usage_limits,
    users_of,
)
from sandbox.auth0.tokens import Tokens
from sandbox.aws import TENANT_SECRET, Aws
from sandbox.serving import Server

STORED = {
    "tenant": "acme",
    "domain": "acme.us.auth0.com",
    "client_id": "functions",
    "client_secret": "hidden",
}
READ = TenantSecret(Tenant("acme"), Auth0Client("https://acme.us.auth0.com", "functions", "hidden"))


def here() -> Account:
    """Return the account that the environment names."""
    return Account(Connections(), {**os.environ})


@pytest.fixture(scope="module")
def tokens() -> Iterator[Tokens]:
    """Serve a tenant's keys."""
    made = Tokens()
    with Server(Response(json.dumps(made.key_set()))) as server:
        made.issuer = f"{server.url}/"
        yield made


@pytest.mark.usefixtures("environment")
class TestSecret:
    """Nobody has to put one in: then the functions that need it say so."""

    @pytest.fixture(autouse=True)
    def fresh(self, cloud: Aws) -> None:
        """Return the secret to what it is before anybody puts in a value."""
        secrets = cloud.secrets_manager
        secrets.delete_secret(SecretId=TENANT_SECRET, ForceDeleteWithoutRecovery=True)
        secrets.create_secret(Name=TENANT_SECRET)

    def test_without_a_value(self) -> None:
        """None for who can do without, and a sentence for who cannot."""
        assert stored_tenant(here()) is None
        with pytest.raises(ConfigurationError, match="has no value yet"):
            needed_tenant(here())

    def test_with_one(self, cloud: Aws) -> None:
        """Both read it."""
        cloud.secrets_manager.put_secret_value(
            SecretId=TENANT_SECRET, SecretString=json.dumps(STORED)
        )

        assert stored_tenant(here()) == needed_tenant(here()) == READ


def test_users() -> None:
    """Asked so often, and so long at a time, as the caller has time for."""
    management = users_of(READ, Trust(), tries=2, seconds=1.5)._management

    assert (management._tries, management._seconds) == (2, 1.5)


@pytest.mark.usefixtures("environment")
def test_limits_are_in_the_ledgers_table(cloud: Aws) -> None:
    """By the client of the sign-up's ledger."""
    limits = usage_limits(here().dynamodb(1, 2))

    assert limits.begin("proof", "auth0|ada")
    assert [str(each["pk"]).partition("#")[0] for each in cloud.items()] == ["proof"]


class TestIdTokens:
    """Whose tokens count is set: by the issuer, and by the applications that may ask."""

    @pytest.mark.parametrize(
        ("clients", "counts"),
        [("shop-client", True), ("other,shop-client", True), ("other", False), ("", False)],
    )
    def test_application(
        self, tokens: Tokens, monkeypatch: pytest.MonkeyPatch, clients: str, *, counts: bool
    ) -> None:
        """One of the list's; where none is named, nobody's."""
        monkeypatch.setenv("CUSTOMERLINK_AUTH0_ISSUER", tokens.issuer)
        monkeypatch.setenv("CUSTOMERLINK_SHOP_CLIENT_IDS", clients)
        login = Login("auth0|ada", email_verified=True, nonce=NONCE)
        token = tokens.signed(GOOD | {"auth_time": int(time.time())})

        assert id_tokens().verified(token, NONCE) == (login if counts else None)

    def test_access_tokens(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """For one API, of the same applications."""
        monkeypatch.setenv("CUSTOMERLINK_AUTH0_ISSUER", "https://acme.us.auth0.com/")
        monkeypatch.setenv("CUSTOMERLINK_SHOP_AUDIENCE", "https://shop.example/api")
        monkeypatch.setenv("CUSTOMERLINK_SHOP_CLIENT_IDS", "one,,two")

        assert shop_api() == ShopApi(
            "https://acme.us.auth0.com/", "https://shop.example/api", ["one", "two"]
        )
