"""The whole system on one machine: Auth0, API Gateway, the function, AWS, and Stripe."""

import base64
import io
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from customerlink.functions import send_mail, verify_email
from customerlink.functions import shop_api as customers
from customerlink.functions.post_login import respond
from customerlink.functions.shell import cloudwatch, telemetry
from customerlink.model.tickets import new_ticket_key
from customerlink.usecases.watch import confirmed
from customerlink.wiring.application import Application
from customerlink.wiring.settings import Settings
from customerlink.wiring.watch import Watch
from sandbox.auth0.api import ManagementApi, management_app
from sandbox.auth0.authorize import LogIn
from sandbox.auth0.clients import Applications, Client
from sandbox.auth0.universal_login import add_log_in
from sandbox.aws import (
    EVENTS_SECRET,
    MAIL_FUNCTION,
    NO_LIMITS,
    SECRET,
    SESSION_SECRET_NAME,
    TABLE,
    TENANT_SECRET,
    WATCH_SECRET,
    Aws,
    aws,
)
from sandbox.gateway import Gateway, in_process
from sandbox.journal import Journal
from sandbox.noting import (
    NotedOutput,
    flows_go_along,
    noting,
    noting_calls,
    of_auth0,
    of_dynamodb,
    of_stripe,
)
from sandbox.places import on_this_machine
from sandbox.serving import Middleware, Server, unchanged
from sandbox.stripe_account import StripeAccount
from sandbox.stripe_destinations import Destinations, add_destinations
from sandbox.stripe_server import stripe_app
from sandbox.tenant import ActionHost, Tenant

if TYPE_CHECKING:
    from sandbox.deployment import Deployment


@dataclass(frozen=True)
class Ports:
    """Where to listen: 0 is any free port; `host` is for Stripe and AWS alone."""

    gateway: int = 0
    stripe: int = 0
    aws: int = 0
    auth0: int = 0
    host: str = "127.0.0.1"


FREE_PORTS = Ports()


@dataclass(frozen=True)
class Sandbox:
    """The parts, running."""

    stripe: StripeAccount
    stripe_url: str
    aws: Aws
    gateway: Gateway
    url: str
    tenant: Tenant
    management: ManagementApi
    auth0_url: str
    signing_secret: str
    ticket_key: str
    self_test_key: str
    stripe_key: str
    destinations: Destinations
    log_in: LogIn
    log: io.StringIO
    """What the function printed: its log lines and metrics."""
    journal: Journal
    """What has happened in all of them."""
    secrets: Mapping[str, str]
    """What the Action was installed with; what it knows of policies comes with a deployment."""
    settings: dict[str, str] = field(default_factory=dict)
    """The policies that are deployed, as variables of every function's environment."""

    def deploy(self, deployment: "Deployment") -> None:
        """Deploy what the operator chose, wherever somebody looks for it."""
        self.start(deployment.settings)
        self.aws.create_stack(self.url, {**deployment.parameters})
        self.tenant.secrets = {**self.secrets, **deployment.action_secrets}
        self.tenant.registers = deployment.registers
        self.tenant.verify_email = self._verify_email() if deployment.verifies else {}

    def _verify_email(self) -> dict[str, str]:
        url = self.url.replace("/post-login", "/verify-email")
        secrets = {"CUSTOMERLINK_SESSION_SECRET": SESSION_SECRET}
        return {"CUSTOMERLINK_VERIFY_URL": url} | secrets

    def start(self, settings: Mapping[str, str]) -> None:
        """Start the functions anew; `settings` are more variables of their environment."""
        self.settings.clear()
        self.settings.update(settings)
        environment, gateway = self.environment(), self.gateway
        gateway.invoke = in_process(partial(respond, application(environment)))
        gateway.shop = in_process(partial(customers.respond, started(customers.Shop, environment)))
        page = partial(verify_email.respond, started(verify_email.Page, environment))
        gateway.page = on_this_machine(in_process(page), self.log_in.hosts, self.auth0_url)
        post = partial(send_mail.respond, started(send_mail.Post, environment))
        self.aws.functions[MAIL_FUNCTION] = in_process(post)

    def seed(self) -> None:
        """Put in the customer whom some of the events meet, and who names nobody."""
        self.stripe.create({"email": TAKEN_EMAIL}, FOREIGN_CUSTOMER)

    def tools_environment(self) -> dict[str, str]:
        """Return the environment in which `customerlink` works on all this."""
        client_id, client_secret = self.management.add_client(known=TOOLS_CLIENT)
        watch_id, watch_secret = self.management.add_client(("read:actions",), WATCH_CLIENT)
        return {
            **self.aws.environment(),
            "AUTH0_DOMAIN": self.auth0_url,
            "AUTH0_CLIENT_ID": client_id,
            "AUTH0_CLIENT_SECRET": client_secret,
            "CUSTOMERLINK_STRIPE_API_BASE": self.stripe_url,
            "CUSTOMERLINK_WATCH_CLIENT_ID": watch_id,
            "CUSTOMERLINK_WATCH_CLIENT_SECRET": watch_secret,
        }

    def look(self, at: datetime | None = None) -> tuple[str, ...]:
        """Run the watch as its schedule does; put what it published into CloudWatch, as of a time.

        Return what it found.
        """
        before = len(self.log.getvalue())
        with patch.dict(os.environ, self.environment(), clear=True):
            looked = Watch(Settings.from_environment(os.environ))
            found = tuple(str(each) for each in confirmed(looked.look, lambda: None))
        telemetry.report_watch(found)
        self.publish(before, at)
        return found

    def publish(self, since: int, at: datetime | None = None) -> int:
        """Put into CloudWatch what functions printed from a place on; return where that ends."""
        text = self.log.getvalue()
        for line in text[since:].splitlines():
            self.aws.publish(json.loads(line), at or datetime.now(UTC))
        return len(text)

    def open_shop(self, *pages: str) -> None:
        """Let the log-in page send people to these pages of the shop's, as its settings say."""
        self.log_in.applications.add(Client.single_page(SHOP_CLIENT, SHOP_NAME, *pages))

    def let_functions_into_the_tenant(self) -> None:
        """Put in what the functions that speak to Auth0 need, and the page, as an operator does."""
        client_id, client_secret = self.management.add_client(("read:users", "update:users"))
        secret = {
            "tenant": self.tenant.name,
            "domain": self.auth0_url,
            "client_id": client_id,
            "client_secret": client_secret,
        }
        sessions = {"session_secrets": [SESSION_SECRET]}
        for name, document in ((TENANT_SECRET, secret), (SESSION_SECRET_NAME, sessions)):
            self.aws.secrets_manager.put_secret_value(
                SecretId=name, SecretString=json.dumps(document)
            )

    def shop_token(self, user_id: str, **claims: Any) -> str:  # noqa: ANN401 (of a JWT)
        """Return a user's access token, as Auth0 makes it for the shop's application.

        Claims may differ; None leaves one out.
        """
        given = {"azp": SHOP_CLIENT, "scope": SHOP_SCOPES} | claims
        there = {name: value for name, value in given.items() if value is not None}
        return self.management.tokens.access_token(user_id, SHOP_AUDIENCE, **there)

    def proof_of(self, user_id: str) -> str:
        """Return the ID token of somebody who has just logged in."""
        tokens, user = self.management.tokens, self.tenant.users[user_id]
        return tokens.id_token(user, SHOP_CLIENT, "a nonce", tokens.clock())

    def environment(self) -> dict[str, str]:
        """Return the functions' environment."""
        return {
            **self.aws.environment(),
            "CUSTOMERLINK_SECRET_ID": SECRET,
            "CUSTOMERLINK_TENANT_SECRET_ID": TENANT_SECRET,
            "CUSTOMERLINK_SESSION_SECRET_ID": SESSION_SECRET_NAME,
            "CUSTOMERLINK_WATCH_SECRET_ID": WATCH_SECRET,
            "CUSTOMERLINK_EVENTS_SECRET_ID": EVENTS_SECRET,
            "CUSTOMERLINK_ENDPOINT": self.url,
            "CUSTOMERLINK_MAIL_FUNCTION": MAIL_FUNCTION,
            "CUSTOMERLINK_LEDGER_TABLE": TABLE,
            "CUSTOMERLINK_TENANTS": self.tenant.name,
            "CUSTOMERLINK_AUTH0_ISSUER": self.management.tokens.issuer,
            "CUSTOMERLINK_SHOP_AUDIENCE": SHOP_AUDIENCE,
            "CUSTOMERLINK_SHOP_CLIENT_IDS": SHOP_CLIENT,
            "CUSTOMERLINK_STRIPE_API_BASE": self.stripe_url,
            "CUSTOMERLINK_AUTH0_PER_SECOND": NO_LIMITS["Auth0PerSecond"],
            "CUSTOMERLINK_STRIPE_PER_SECOND": NO_LIMITS["StripePerSecond"],
            **self.settings,
        }


SIGNING_SECRET = "whsec_" + base64.b64encode(b"the sandbox's, known to everyone").decode()
"""What `make sandbox` and the events in events/ sign with."""

SESSION_SECRET = "the sandbox's session secret, known to everyone"  # noqa: S105 (it says so)
"""What the Action verify-email signs with."""

TOOLS_CLIENT = "sandbox-tools", "known-to-everyone-for-tools"
WATCH_CLIENT = "sandbox-watch", "known-to-everyone-for-the-watch"
"""The tools' applications and their secrets, the same in each run: what was exported once holds."""

SHOP_AUDIENCE, SHOP_CLIENT = "https://shop.example/api", "shop-client"
"""The shop's API, for which its users have access tokens; its application, for ID tokens."""

SHOP_NAME = "the shop"
"""What people know the application by."""

SHOP_NAMESPACE = "https://shop.example"
"""Of the claim that has the customer's id."""

SHOP_API_SCOPES = ("customers:own", "accounts:link")
SHOP_SCOPES = " ".join(("openid profile email", *SHOP_API_SCOPES))

TAKEN_EMAIL = "grace@example.com"
FOREIGN_CUSTOMER = "cus_SandboxGrace"
"""A customer with that address, made in Stripe by hand, for the events that meet one."""


def new_signing_secret() -> str:
    """Make a secret as the Standard Webhooks specification has it."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


@contextmanager
def sandbox(
    *,
    ports: Ports = FREE_PORTS,
    signing_secret: str | None = None,
    around: Middleware = unchanged,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Sandbox]:
    """Run everything while the block runs; the function is this process's own handler.

    `settings` are more variables of its environment: a deployment's policies.
    `around` is put around Stripe's and AWS's stand-ins, to watch or to disturb them.
    One at a time in a process: moto's state is the process's, and so is the function's output.
    """
    journal, stripe = Journal(), StripeAccount()
    stripe_key = stripe.add_key()
    signing_secret, ticket_key = signing_secret or new_signing_secret(), new_ticket_key(0)
    self_test_key = new_signing_secret()
    secret = {
        "stripe_restricted_key": stripe_key,
        "action_signing_secrets": [signing_secret],
        "link_ticket_keys": [ticket_key],
        "self_test_key": self_test_key,
    }
    gateway = Gateway(in_process(_unready))
    destinations, stripe_service = Destinations(stripe), stripe_app(stripe)
    add_destinations(stripe_service, destinations)
    with ExitStack() as running:
        log = running.enter_context(_captured_output(journal))
        running.enter_context(flows_go_along())
        noted, noted_by_aws = noting(journal, of_stripe), noting(journal, of_dynamodb)
        stripe_server = running.enter_context(
            Server(around(noted(stripe_service)), ports.stripe, ports.host)
        )
        cloud = running.enter_context(
            aws(secret, ports.aws, ports.host, lambda app: around(noted_by_aws(app)))
        )
        gateway_server = running.enter_context(
            Server(noting_calls(journal)(gateway), ports.gateway)
        )
        host = running.enter_context(ActionHost(journal=journal))
        url = f"{gateway_server.url}/post-login"
        cloud.create_stack(url)
        of_the_action = {
            "CUSTOMERLINK_URL": url,
            "CUSTOMERLINK_SIGNING_SECRET": signing_secret,
            "CUSTOMERLINK_CLAIM_NAMESPACE": SHOP_NAMESPACE,
        }
        tenant = Tenant(host, of_the_action)
        management = ManagementApi(tenant.users)
        auth0_app = management_app(management)
        applications = Applications(apis={SHOP_AUDIENCE: frozenset(SHOP_API_SCOPES)})
        log_in = add_log_in(auth0_app, management, tenant, applications)
        auth0 = running.enter_context(Server(noting(journal, of_auth0)(auth0_app), ports.auth0))
        management.tokens.issuer = f"{auth0.url}/"
        running_sandbox = Sandbox(
            stripe,
            stripe_server.url,
            cloud,
            gateway,
            url,
            tenant,
            management,
            auth0.url,
            signing_secret,
            ticket_key,
            self_test_key,
            stripe_key,
            destinations,
            log_in,
            log,
            journal,
            of_the_action,
        )
        for partner in (management.event_streams, destinations):
            partner.offer, partner.withdraw = (
                cloud.event_sources.offer,
                cloud.event_sources.withdraw,
            )
        running_sandbox.start(settings or {})
        gateway.authorise = partial(management.tokens.claims_of, audience=SHOP_AUDIENCE)
        yield running_sandbox


def application(environment: Mapping[str, str]) -> Callable[[], Application]:
    """Make the function's application as a cold start with this environment does."""
    return started(lambda: Application(Settings.from_environment(environment)), environment)


def started[Made](make: Callable[[], Made], environment: Mapping[str, str]) -> Callable[[], Made]:
    """Make once, at the first call, what a function keeps."""
    lock = threading.Lock()

    @cache
    def made() -> Made:
        with patch.dict(os.environ, environment, clear=True):
            return make()

    def one_at_a_time() -> Made:
        with lock:
            return made()

    return one_at_a_time


def _unready(*_: object) -> dict[str, Any]:
    return {}


@contextmanager
def _captured_output(journal: Journal) -> Iterator[io.StringIO]:
    """Catch what the function in this process prints, as CloudWatch would."""
    log = NotedOutput(journal)
    with patch.object(cloudwatch, "print", partial(print, file=log), create=True):
        yield log
