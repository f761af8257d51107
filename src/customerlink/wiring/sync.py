"""The composition root of what follows a sign-up: its settings, and who looks at users."""

import math
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from secrets import token_hex

import boto3
from botocore.config import Config

from customerlink.adapters.auth0.management import Users
from customerlink.adapters.aws.queue import Queue, sqs
from customerlink.adapters.dynamodb.newcomers import DynamoDbNewcomers
from customerlink.adapters.stripe.synced_customers import SyncedStripeCustomers
from customerlink.adapters.token_bucket import Unlimited
from customerlink.adapters.trouble import trouble_of
from customerlink.model.beats import PAUSE_SECONDS, canary_address
from customerlink.model.errors import ConfigurationError
from customerlink.model.events import Served
from customerlink.model.frozen import frozen
from customerlink.model.keys import StripeKey
from customerlink.model.log_names import LogNames
from customerlink.model.secret import TenantSecret
from customerlink.model.sync import SyncRules
from customerlink.model.sync_memory import Digests
from customerlink.model.sync_policy import (
    DeletedCustomers,
    DeletedUsers,
    EditedCustomers,
    EmailChanges,
    MissedSignUps,
    SyncBy,
    SyncPolicy,
)
from customerlink.ports.canaries import Canaries
from customerlink.ports.rate import Rates
from customerlink.ports.run import Run
from customerlink.usecases.follow_events import Follow, Report
from customerlink.usecases.missed_sign_ups import MissedSignUpsCheck
from customerlink.usecases.send_beat import BeatEnd, send_beat
from customerlink.wiring.application import Application
from customerlink.wiring.operator import Operator, sync
from customerlink.wiring.rates import limits_in, shared_rates
from customerlink.wiring.settings import EnvironmentReader, Settings
from customerlink.wiring.tenant import needed_tenant, served, users_of

TENANT_SECONDS = 4.0
"""The longest that one call to Auth0 takes; in the queue others wait."""

# Others wait for the turns that are taken by it.
_CALLS = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2})

MOST_DAYS, MOST_A_DAY = 365, 10_000
"""Of `DeletedUsersDays` and `DeletionsPerDay`."""

BATCH_SECONDS = 30.0
"""As long as the function may take (template.yaml)."""


@frozen
class SyncSettings:
    """What a deployment sets of the life after the sign-up."""

    policy: SyncPolicy
    missed_sign_ups: MissedSignUps
    by: SyncBy
    auth0_source: str
    stripe_source: str
    queue: str
    """The address of the queue; empty where neither side's events come."""
    dead_letters: str

    @property
    def has_customers_events(self) -> bool:
        """Return whether Stripe tells of its customers, by whichever way."""
        return self.by is SyncBy.WEBHOOK or bool(self.stripe_source)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "SyncSettings":
        """Read the variables; a `ConfigurationError` names all that are wrong."""
        reader = EnvironmentReader(environment)
        settings = cls(
            policy=SyncPolicy(
                reader.choice("CUSTOMERLINK_EMAIL_CHANGES", EmailChanges),
                reader.choice("CUSTOMERLINK_EDITED_CUSTOMERS", EditedCustomers),
                reader.choice("CUSTOMERLINK_DELETED_CUSTOMERS", DeletedCustomers),
                deleted_users=reader.choice("CUSTOMERLINK_DELETED_USERS", DeletedUsers),
                deleted_users_days=reader.number("CUSTOMERLINK_DELETED_USERS_DAYS", 30, MOST_DAYS),
                deletions_per_day=reader.number("CUSTOMERLINK_DELETIONS_PER_DAY", 50, MOST_A_DAY),
            ),
            missed_sign_ups=reader.choice("CUSTOMERLINK_MISSED_SIGNUPS", MissedSignUps),
            by=reader.choice("CUSTOMERLINK_SYNC_BY", SyncBy),
            auth0_source=environment.get("CUSTOMERLINK_AUTH0_EVENT_SOURCE", ""),
            stripe_source=environment.get("CUSTOMERLINK_STRIPE_EVENT_SOURCE", ""),
            queue=environment.get("CUSTOMERLINK_SYNC_QUEUE", ""),
            dead_letters=environment.get("CUSTOMERLINK_SYNC_DEAD_LETTERS", ""),
        )
        if reader.wrong:
            raise ConfigurationError(f"missing or wrong: {', '.join(reader.wrong)}")
        return settings


class AfterTheSignUp:
    """What a warm function keeps: clients, their connections, and the token for the tenant."""

    def __init__(self, application: Application, tenant: TenantSecret) -> None:
        """Read the settings; nothing is called yet."""
        self.application, self.tenant = application, tenant.tenant
        self.settings = SyncSettings.from_environment(os.environ)
        self._secret, self._trust = tenant, application.settings.policy.trust
        self._next_beat = 0.0
        self.until = math.inf
        """The wall clock's time after which nobody waits for a turn any more."""

    @classmethod
    def started(cls) -> "AfterTheSignUp":
        """Read the tenant's secret too, as a cold start does."""
        application = Application(Settings.from_environment(os.environ))
        return cls(application, served(needed_tenant(application.aws), application.settings))

    @cached_property
    def rates(self) -> Rates:
        """Return those that all functions keep together, and the command line."""
        is_live = self.application.secret().stripe_key.live
        dynamodb, table = boto3.client("dynamodb", config=_CALLS), self._table
        limits = limits_in(os.environ, is_live=is_live)
        return shared_rates(dynamodb, table, limits, until=lambda: self.until)

    @cached_property
    def _users(self) -> Users:
        return users_of(self._secret, self._trust, self.rates, tries=1, seconds=TENANT_SECONDS)

    @cached_property
    def dead_letters(self) -> Queue:
        """Return where a message goes that nobody can read or deal with."""
        return Queue(sqs(), self.settings.dead_letters)

    @cached_property
    def queue(self) -> Queue:
        """Return where messages wait."""
        return Queue(sqs(), self.settings.queue)

    @property
    def log_names(self) -> LogNames:
        """Return what users are called in logs."""
        return self.application.secret().log_names

    def follow(self, report: Report, has_time: Callable[[], bool]) -> Follow:
        """Return what follows the events of one invocation."""
        secret, policy = self.application.secret(), self.application.settings.policy
        operator = self._operator()
        digests = Digests.keyed(secret.log_names.key)
        rules = SyncRules(digests, self.settings.policy, policy.customer_fields)
        whose = Served(
            self.tenant,
            is_live=secret.stripe_key.live,
            auth0_source=self.settings.auth0_source,
            stripe_source=self.settings.stripe_source,
            fields=policy.customer_fields,
            email_changes=self.settings.policy.email_changes,
            trust=policy.trust,
        )
        reconciling = sync(self._users, operator, rules)
        return Follow(whose, reconciling, self._newcomers(), trouble_of, report, time, has_time)

    def missed_sign_ups(self) -> MissedSignUpsCheck:
        """Return what looks at whom the tenant has made."""
        return MissedSignUpsCheck(
            self._newcomers(),
            self._users,
            self._operator().settling,
            self.application.settings.policy,
            self.settings.missed_sign_ups,
            time,
        )

    def send_beat(self, stack: str, run: Run) -> BeatEnd | None:
        """Let Stripe tell of the stack's canary, if its events come and a beat is due."""
        now = time.time()
        if not self.settings.has_customers_events or now < self._next_beat:
            return None
        at = datetime.fromtimestamp(now, UTC).isoformat()
        end = send_beat(self._canaries(run), canary_address(stack), at)
        if end is BeatEnd.SENT:
            self._next_beat = now + PAUSE_SECONDS
        return end

    def _canaries(self, run: Run) -> Canaries:
        services, key = self.application.services, self.application.secret().stripe_key
        where = services.connections, services.api_base, key, _no_other_key, run
        # Two requests, which wait for no turn: others may have taken all for minutes.
        return SyncedStripeCustomers(*where, rates=Unlimited())

    def _operator(self) -> Operator:
        secret = self.application.secret()
        services = self.application.services
        reading = secret.subscriptions_key
        return Operator(services, secret.stripe_key, time, self.rates, reading)

    def _newcomers(self) -> DynamoDbNewcomers:
        run = Run(time, owner=token_hex(16), seconds=BATCH_SECONDS)
        return DynamoDbNewcomers(self.application.dynamodb, self._table, run)

    @property
    def _table(self) -> str:
        return self.application.settings.ledger_table


def _no_other_key(_: StripeKey) -> None:
    """Have none: the next beat reads the secret anew."""
