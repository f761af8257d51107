"""The composition root: which adapter stands behind which port."""

import logging
import os
import time
from collections.abc import Callable
from functools import partial

from customerlink.adapters.aws.aws_json import Aws, LedgerClient
from customerlink.adapters.aws.secrets_manager import FETCH_SECONDS, SecretsManagerSecret
from customerlink.adapters.connections import Connections
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger, Installation
from customerlink.adapters.dynamodb.table import CONNECT_SECONDS, READ_SECONDS
from customerlink.adapters.stripe.customers import StripeCustomers
from customerlink.model.errors import ConfigurationError
from customerlink.model.frozen import frozen
from customerlink.model.keys import StripeKey
from customerlink.model.policy import Policy
from customerlink.model.secret import KeyRefresh, Secret
from customerlink.model.sign_up_record import Adoption
from customerlink.model.signature import TOLERANCE_SECONDS
from customerlink.model.signup import SignUp
from customerlink.model.tickets import issue, signing_key
from customerlink.model.user import CustomerId
from customerlink.ports.run import Run
from customerlink.usecases.settle import Creates, Settling
from customerlink.wiring.settings import Settings


@frozen
class Invocation:
    """One invocation's budget of time, and the ledger and Stripe's customers within it."""

    run: Run
    ledger: DynamoDbLedger
    customers: StripeCustomers
    policy: Policy

    def settling(  # noqa: PLR0913 (what may be asked of it)
        self,
        signup: SignUp,
        *,
        is_admission: bool = False,
        creates: Creates = Creates.ALWAYS,
        known: tuple[CustomerId, ...] = (),
        heir_to: Adoption | None = None,
        linking_page: Callable[[SignUp], str | None] = lambda _: None,
    ) -> Settling:
        """Put together what settles one user's record: for whoever does, it is done here."""
        return Settling(
            signup=signup,
            ledger=self.ledger,
            customers=self.customers,
            policy=self.policy,
            run=self.run,
            is_admission=is_admission,
            creates=creates,
            known=known,
            heir_to=heir_to,
            linking_page=linking_page,
        )


@frozen
class Services:
    """A deployment's ledger and Stripe account, from which every invocation gets its own ports."""

    dynamodb: LedgerClient
    table: str
    connections: Connections
    api_base: str
    policy: Policy
    installation: Installation

    def ledger(self, run: Run) -> DynamoDbLedger:
        """Return the ledger for one invocation."""
        return DynamoDbLedger(self.dynamodb, self.table, run, self.installation)

    def customers(self, key: StripeKey, refresh: KeyRefresh, run: Run) -> StripeCustomers:
        """Return Stripe's customers for one invocation."""
        return StripeCustomers(self.connections, self.api_base, key, refresh, run)

    def invocation(self, key: StripeKey, refresh: KeyRefresh, run: Run) -> Invocation:
        """Return both."""
        customers = self.customers(key, refresh, run)
        return Invocation(run, self.ledger(run), customers, self.policy)


class Application:
    """What a warm function keeps: settings, clients, their connections, the cached secret."""

    def __init__(self, settings: Settings) -> None:
        """Make the clients; nothing is called yet."""
        # These loggers print addresses (in URLs and bodies) from the level INFO or DEBUG on.
        for name in ("stripe", "urllib3", "boto3", "botocore"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self.settings = settings
        aws_url = os.environ.get("AWS_ENDPOINT_URL", "")
        connections = Connections(settings.stripe_api_base, aws_url)
        self.aws = Aws(connections, {**os.environ})
        self.dynamodb = self.aws.dynamodb(CONNECT_SECONDS, READ_SECONDS)
        self.services = Services(
            self.dynamodb,
            settings.ledger_table,
            connections,
            settings.stripe_api_base,
            settings.policy,
            Installation(),
        )
        self._secret = SecretsManagerSecret(
            self.aws.secrets_manager(FETCH_SECONDS / 2, FETCH_SECONDS / 2), settings.secret_id, time
        )

    def secret(self) -> Secret:
        """Return the current secret, once its key was found fit for this deployment."""
        secret = self._secret.current()
        # Each time: a refresh may have brought another key.
        self._check(secret.stripe_key)
        return secret

    def ledger(self, run: Run) -> DynamoDbLedger:
        """Return the ledger for one sign-up."""
        return self.services.ledger(run)

    def customers(self, secret: Secret, run: Run) -> StripeCustomers:
        """Return Stripe's customers for one sign-up."""
        return self.services.customers(secret.stripe_key, self._replacement_of, run)

    def settling(
        self,
        signup: SignUp,
        secret: Secret,
        run: Run,
        *,
        is_admission: bool = False,
        creates: Creates = Creates.ALWAYS,
    ) -> Settling:
        """Return what settles one user's record, under the deployment's policy."""
        return self.services.invocation(secret.stripe_key, self._replacement_of, run).settling(
            signup,
            is_admission=is_admission,
            creates=creates,
            linking_page=partial(self._linking_page, secret),
        )

    def _linking_page(self, secret: Secret, signup: SignUp) -> str | None:
        """Return the page with a ticket, for a log-in that has just begun in a browser we know."""
        url, now = self.settings.policy.linking_url, time.time()
        key = signing_key(secret.ticket_keys, now)
        if not (url and key and signup.browser and signup.is_fresh(now)):
            return None
        ticket = issue(key, signup.user, signup.browser, now)
        return f"{url}{'&' if '?' in url else '?'}link_ticket={ticket}"

    def _replacement_of(self, rejected: StripeKey) -> StripeKey | None:
        key = self._secret.replacement_of(rejected)
        try:
            if key is not None:
                self._check(key)
        except ConfigurationError:
            # An unfit key is no replacement; the sign-up ends as with the rejected one.
            return None
        return key

    def _check(self, key: StripeKey) -> None:
        key.check(
            self.settings.stripe_api_base,
            unrestricted_allowed=self.settings.unrestricted_key_allowed,
        )
        # Long ones are for events/, which were signed at a fixed time.
        if key.live and self.settings.signature_tolerance > TOLERANCE_SECONDS:
            raise ConfigurationError("CUSTOMERLINK_SIGNATURE_TOLERANCE is too long for a live key")
