"""The composition root for who looks after a deployment: on a laptop, or in its cloud."""

import time
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from secrets import token_hex
from threading import Event
from typing import TYPE_CHECKING

from customerlink.adapters.aws.server_clock import ServerClock
from customerlink.adapters.connections import Connections
from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.deletions import DynamoDbDeletions
from customerlink.adapters.dynamodb.erasing_ledger import DynamoDbErasingLedger
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger, Installation
from customerlink.adapters.dynamodb.ledger_view import DynamoDbLedgerView
from customerlink.adapters.dynamodb.sync_ledger import DynamoDbSyncLedger
from customerlink.adapters.stripe.directory import StripeDirectory
from customerlink.adapters.stripe.sdk import stripe
from customerlink.adapters.stripe.synced_customers import (
    PacedStripeCustomers,
    SyncedStripeCustomers,
)
from customerlink.adapters.token_bucket import Taken, Unlimited
from customerlink.adapters.trouble import trouble_of
from customerlink.model.errors import KeyRejectedError
from customerlink.model.failure import How
from customerlink.model.keys import StripeKey
from customerlink.model.policy import Policy
from customerlink.model.rates import Endpoint
from customerlink.model.secret import KeyRefresh
from customerlink.model.sign_up_record import RECORD_LEASE_SECONDS, Adoption
from customerlink.model.signup import SignUp
from customerlink.model.sync import SyncRules
from customerlink.model.sync_memory import SYNC_LEASE_SECONDS
from customerlink.model.user import CustomerId, Tenant, User
from customerlink.ports.customer_directory import DELETION_SECONDS
from customerlink.ports.customer_usage import CustomerUsage
from customerlink.ports.deadline import Clock
from customerlink.ports.rate import Rates
from customerlink.ports.run import Run
from customerlink.usecases.forget import Forgetting
from customerlink.usecases.link_accounts import Account, Linking
from customerlink.usecases.look import SyncInvocations
from customerlink.usecases.reassign import Reassignment
from customerlink.usecases.release_address import AddressRelease
from customerlink.usecases.repair import Invocations, Repair
from customerlink.usecases.settle import Creates, Settling
from customerlink.usecases.sync import Sync
from customerlink.wiring.application import Invocation, Services

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from customerlink.adapters.auth0.management import Users

PROVISION_SECONDS = 8.0
"""Nobody waits for it, so it may take longer than a sign-up; a call begun at its end is over well
before the record's lease is."""

SYNC_SECONDS = 30.0
"""Within so long a reconciliation writes to Stripe, or not at all; its lease lasts 70 s longer."""


@dataclass(frozen=True)
class Operator(Invocations, SyncInvocations):
    """Settles users' records without their logins, one by one, from any thread."""

    services: Services
    key: StripeKey
    clock: Clock
    rates: Rates = field(default_factory=Unlimited)
    """At which Stripe is asked, and Auth0; of a settling, the turns were taken before."""
    reading_key: StripeKey | None = None
    """By which subscriptions are read, if there is one for that."""
    _rejected: Event = field(default_factory=Event, init=False)

    def ahead(self, endpoints: Iterable[Endpoint]) -> AbstractContextManager[None]:
        """Wait for a turn at each endpoint; inside, this thread waits for none."""
        return self.rates.ahead(endpoints)

    def settling(
        self,
        signup: SignUp,
        *,
        creates: Creates = Creates.ALWAYS,
        known: tuple[CustomerId, ...] = (),
        heir_to: Adoption | None = None,
    ) -> Settling:
        """Return what settles a record; who asks has had a turn, and then read the profile."""
        begun = self._invocation()
        customers = PacedStripeCustomers(*self._ours(begun.run), rates=Taken(self.rates))
        return replace(begun, customers=customers).settling(
            signup, creates=creates, known=known, heir_to=heir_to
        )

    def linking(self, primary: Account, secondary: Account) -> Linking:
        """Return what lets a linked account's customer follow into the primary."""
        begun = self._invocation()
        ports = begun.ledger, self._synced(begun.run), begun.run
        return Linking(primary, secondary, *ports, begun.policy)

    def ledger(self) -> DynamoDbLedger:
        """Return the ledger, for as long as a lease of its lasts."""
        return self.services.ledger(self._run(RECORD_LEASE_SECONDS))

    def erasing_ledger(self) -> DynamoDbErasingLedger:
        """Return the ledger for who lets go of a user, for as long as a lease of its lasts."""
        run = self._run(SYNC_LEASE_SECONDS)
        return DynamoDbErasingLedger(self.services.dynamodb, self.services.table, run)

    def deletions(self, tenant: Tenant) -> DynamoDbDeletions:
        """Return the count of a tenant's deletions."""
        run = self._run(SYNC_SECONDS)
        return DynamoDbDeletions(self.services.dynamodb, self.services.table, run, tenant)

    def view(self) -> DynamoDbLedgerView:
        """Return the ledger to look at, likewise."""
        return DynamoDbLedgerView(self.services.dynamodb, self.services.table, self._run())

    def syncing(
        self, signup: SignUp, customer_id: CustomerId
    ) -> tuple[Settling, SyncedStripeCustomers]:
        """Return what settles a record and makes no customer, and the customers in its budget."""
        begun = self._invocation()
        customers = self._synced(begun.run)
        settling = replace(begun, customers=customers).settling(
            signup, creates=Creates.NEVER, known=(customer_id,)
        )
        return settling, customers

    def synced_customers(self) -> SyncedStripeCustomers:
        """Return Stripe's customers with their fields."""
        return self._synced(self._invocation().run)

    def sync_ledger(self) -> DynamoDbSyncLedger:
        """Return what remembers, for as long as one reconciliation may take."""
        return DynamoDbSyncLedger(
            self.services.dynamodb, self.services.table, self._run(SYNC_SECONDS)
        )

    def _synced(self, run: Run) -> SyncedStripeCustomers:
        reading_key = self.reading_key
        return SyncedStripeCustomers(*self._ours(run), rates=self.rates, reading_key=reading_key)

    def _ours(self, run: Run) -> tuple[Connections, str, StripeKey, KeyRefresh, Run]:
        services = self.services
        return services.connections, services.api_base, self.key, self._no_other_key, run

    def _invocation(self) -> Invocation:
        # Whose key was rejected is told by the outcome; nobody after them need try.
        if self._rejected.is_set():
            text = "Stripe does not take the key, or it may not write customers"
            raise KeyRejectedError(text, How.REFUSED)
        return self.services.invocation(self.key, self._no_other_key, self._run())

    def _no_other_key(self, _: StripeKey) -> None:
        """Note that Stripe rejects the key: there is one for the whole run."""
        self._rejected.set()

    def _run(self, seconds: float = PROVISION_SECONDS) -> Run:
        return Run(self.clock, owner=token_hex(16), seconds=seconds)


def stripe_client(
    key: StripeKey, api_base: str, *, seconds: float, retries: int
) -> stripe.StripeClient:
    """Return the SDK's client for calls that take their time, `seconds` at the most each."""
    return stripe.StripeClient(
        key.value,
        base_addresses={"api": api_base},
        http_client=stripe.RequestsClient(timeout=seconds),
        max_network_retries=retries,
    )


def server_clock(dynamodb: "DynamoDBClient", table: str) -> ServerClock:
    """Ask the service what time it is; return its clock."""
    clock, sent = ServerClock(), time.time()
    answer = dynamodb.get_item(TableName=table, Key={"pk": {"S": "installation"}})
    Boto3DynamoDb(dynamodb, clock).observe({**answer}, sent)
    return clock


def operator_on_a_laptop(  # noqa: PLR0913, PLR0917 (a deployment's parts)
    dynamodb: "DynamoDBClient",
    table: str,
    api_base: str,
    key: StripeKey,
    policy: Policy,
    clock: ServerClock | None = None,
) -> Operator:
    """Return one whose machine need not know what time it is."""
    clock = clock or server_clock(dynamodb, table)
    ledger = Boto3DynamoDb(dynamodb, clock)
    services = Services(ledger, table, Connections(), api_base, policy, Installation())
    return Operator(services, key, clock)


def deletions(dynamodb: "DynamoDBClient", table: str, tenant: Tenant) -> DynamoDbDeletions:
    """Return the count of a tenant's deletions."""
    clock = ServerClock()
    run = Run(clock, owner=token_hex(16), seconds=SYNC_SECONDS)
    return DynamoDbDeletions(Boto3DynamoDb(dynamodb, clock), table, run, tenant)


def reassignment(
    tenant: Tenant,
    users: "Users",
    customers: stripe.CustomerService,
    operator: Operator,
) -> Reassignment:
    """Return what lets a customer name another user."""
    directory, users = StripeDirectory(customers, operator.rates), users.at(operator.rates)
    return Reassignment(tenant, users, users, directory, operator, operator.clock)


def address_release(
    tenant: Tenant, users: "Users", operator: Operator, *, usage: CustomerUsage
) -> AddressRelease:
    """Return what looks at who holds an address, and lets go of it."""
    directory, users = _directory_to_delete_from(operator), users.at(operator.rates)
    return AddressRelease(tenant, users, users, directory, usage, operator, operator.clock)


def sync(users: "Users", operator: Operator, rules: SyncRules) -> Sync:
    """Return what reconciles one user with their customer."""
    return Sync(users.at(operator.rates), operator, rules, operator.clock)


def forgetting(
    who: User,
    emails: tuple[str, ...],
    users: "Users",
    operator: Operator,
    *,
    wait: Callable[[float], None],
    **asked: bool,
) -> Forgetting:
    """Return what erases a person."""
    users = users.at(operator.rates)
    return Forgetting(who, emails, users, operator, operator.clock, wait=wait, **asked)


def repair(  # noqa: PLR0913 (both sides, and what is asked)
    tenant: Tenant,
    users: "Users",
    operator: Operator,
    rules: SyncRules,
    *,
    served: Collection[str] = (),
    unknown_is_gone: bool = False,
) -> Repair:
    """Return what carries plans out, at rates that its look-ups at Stripe keep too."""
    directory, addresses = _directory_to_delete_from(operator), sync(users, operator, rules)
    users = users.at(operator.rates)
    services = users, users, directory, operator, addresses
    return Repair(tenant, *services, time, trouble_of, served, unknown_is_gone)


def _directory_to_delete_from(operator: Operator) -> StripeDirectory:
    # The SDK's time is for the connection, and once more for the answer.
    seconds, api_base = DELETION_SECONDS / 2, operator.services.api_base
    client = stripe_client(operator.key, api_base, seconds=seconds, retries=0)
    return StripeDirectory(client.v1.customers, operator.rates)
