"""The AWS side of a deployment: the stack's outputs, the secret, alarms, open sign-ups."""

import base64
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config as AwsConfig
from botocore.exceptions import ClientError

from customerlink.adapters.dynamodb.open_index import count_open, due_users
from customerlink.adapters.dynamodb.recorded_tenants import recorded_tenants
from customerlink.cli.config import Config
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.event_bridge import CALLS, EventBridge
from customerlink.model.errors import ConfigurationError
from customerlink.model.keys import StripeKey
from customerlink.model.log_names import LogNames
from customerlink.model.notes import Note, read_notes
from customerlink.model.policy import VerifiedEmail
from customerlink.model.secret import SELF_TEST_KEY, TICKET_KEYS, log_names, subscriptions_key
from customerlink.model.signature import SigningSecret
from customerlink.model.sync_policy import SyncPolicy
from customerlink.model.tickets import TicketKey
from customerlink.model.trust import Trust
from customerlink.model.user import User
from customerlink.model.watch_secret import WatchSecret
from customerlink.wiring.settings import trust_in

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

# As the alarm counts them; the command line may not import functions (pyproject.toml).
OPEN_FOR_SECONDS = 15 * 60

STRIPE_KEY, SIGNING_SECRETS = "stripe_restricted_key", "action_signing_secrets"
NOTES = "installed_actions"
"""The notes of what install saw; the functions, whose secret it is, pass over them."""
LOG_KEY = "log_key"
VERIFIED_EMAIL = "VerifiedEmail"
"""A parameter of the template's, as these are."""
AUTH0_SOURCE, STRIPE_SOURCE = "Auth0EventSource", "StripeEventSource"

LONGEST_SECONDS, MOST_OWED = 400 * 24 * 3600.0, 1000
"""The longest grace of a deletion is a year; more than so many are not counted."""

_NOTE_TRIES = 5

# An operator may be an ocean away from the table, and the ledger tries again by itself.
_LEDGER_CALLS = AwsConfig(connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 1})


@dataclass(frozen=True, slots=True)
class Outputs:
    """What the stack tells (template.yaml, Outputs)."""

    url: str
    secret_name: str
    table: str
    watch_secret_name: str | None = None
    """None for a stack without the watch (`Watch=no`)."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What it was deployed with; of an earlier release's stack, those that it has."""
    tenant_secret_name: str | None = None
    queue: str | None = None
    """Where events wait; None where none come, as for those that nobody could read."""
    dead_letters: str | None = None

    @property
    def tenants(self) -> tuple[str, ...]:
        """Return those of the parameter `Tenants`, whom it is for; none where it names none."""
        named = self.parameters.get("Tenants", "").split(",")
        return tuple(each.strip() for each in named if each.strip())


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A version of the deployment's secret; fields that are not ours are kept as they are."""

    stripe_key: str | None = field(default=None, repr=False)
    signing_secrets: tuple[str, ...] = field(default=(), repr=False)
    others: dict[str, Any] = field(default_factory=dict, repr=False)
    made_at: datetime | None = None
    notes: Mapping[str, Note] = field(default_factory=dict)
    """By the Actions' ids: a stack may serve several tenants."""
    version: str | None = field(default=None, compare=False)
    ticket_keys: tuple[str, ...] = field(default=(), repr=False)
    self_test_key: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str, made_at: datetime) -> "StoredSecret":
        """Read the JSON document; a `CliError` names the field that has an unknown shape."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            raise _unknown_shape("it is not JSON") from None
        if not isinstance(document, dict):
            raise _unknown_shape("it is not a JSON object")
        key = document.pop(STRIPE_KEY, None)
        signing, tickets = (document.pop(each, []) for each in (SIGNING_SECRETS, TICKET_KEYS))
        test_key = document.pop(SELF_TEST_KEY, None)
        notes = dict(read_notes(document.pop(NOTES, {})))
        try:
            if key is not None:
                StripeKey(key if isinstance(key, str) else "")
            if not isinstance(signing, list) or not all(isinstance(each, str) for each in signing):
                raise _unknown_shape(f"{SIGNING_SECRETS} is no list of texts")
            for each in signing:
                SigningSecret.parse(each)
            if test_key is not None and not _is_signing_secret(test_key):
                raise _unknown_shape(f"{SELF_TEST_KEY} is no whsec_ secret")
        except ConfigurationError as error:
            raise _unknown_shape(str(error)) from None
        if not isinstance(tickets, list) or not all(TicketKey.parse(each) for each in tickets):
            raise _unknown_shape(f"{TICKET_KEYS} is no list of keys for link tickets")
        return cls(
            key,
            tuple(signing),
            document,
            made_at,
            notes,
            ticket_keys=tuple(tickets),
            self_test_key=test_key,
        )

    @property
    def subscriptions_key(self) -> StripeKey | None:
        """Return the key that reads subscriptions, if somebody has put one in."""
        return subscriptions_key(self.others)

    def age(self, now: float) -> float:
        """Return the seconds since this version was put in."""
        return now - self.made_at.timestamp() if self.made_at else 0.0

    def text(self) -> str:
        """Return the JSON document."""
        notes = {name: each.document() for name, each in self.notes.items()}
        ours = {
            STRIPE_KEY: self.stripe_key,
            SIGNING_SECRETS: list(self.signing_secrets),
            TICKET_KEYS: list(self.ticket_keys),
            SELF_TEST_KEY: self.self_test_key,
            NOTES: notes,
        }
        return json.dumps({**self.others, **{name: each for name, each in ours.items() if each}})

    def with_key(self, key: str) -> "StoredSecret":
        """Return it with another Stripe key."""
        return replace(self, stripe_key=key)

    def with_signing(self, *secrets: str) -> "StoredSecret":
        """Return it with these signing secrets and no others."""
        return replace(self, signing_secrets=secrets)

    def with_note(self, action_id: str, note: Note) -> "StoredSecret":
        """Return it with what was seen of an Action's secrets."""
        return replace(self, notes={**self.notes, action_id: note})

    def with_log_key(self) -> "StoredSecret":
        """Return it with the key of the users' names in logs: its own, or a new one."""
        return replace(self, others={LOG_KEY: secrets.token_hex(32), **self.others})

    def log_names(self) -> LogNames:
        """Return what the functions' logs call users."""
        return log_names(self.others.get(LOG_KEY), self.stripe_key or "")

    def with_ticket_keys(self, *keys: str) -> "StoredSecret":
        """Return it with these keys for link tickets and no others."""
        return replace(self, ticket_keys=keys)

    def with_self_test_key(self) -> "StoredSecret":
        """Return it with a key for self-tests: its own, or a new one."""
        return replace(self, self_test_key=self.self_test_key or new_signing_secret())


def new_signing_secret() -> str:
    """Make a secret as the Standard Webhooks specification has it."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def _is_signing_secret(text: object) -> bool:
    try:
        SigningSecret.parse(str(text))
    except ConfigurationError:
        return False
    return isinstance(text, str)


def _unknown_shape(why: str) -> CliError:
    fix = "Look at it in the AWS console; nothing was changed."
    return CliError(f"The secret has an unknown shape: {why}.", fix, Exit.REFUSED)


class Deployment:
    """The stack of a profile."""

    def __init__(self, config: Config) -> None:
        """Name the stack; nothing is called yet."""
        self.stack = config.stack
        self._session = boto3.Session(
            profile_name=config.aws_profile or None, region_name=config.region or None
        )

    def account(self) -> str:
        """Return the account that the credentials are for."""
        return self.event_bridge.account

    @cached_property
    def outputs(self) -> Outputs:
        """Read the stack's outputs."""
        stacks = self._session.client("cloudformation", config=CALLS)
        fix = "make build && sam deploy --guided, or name another one by --stack"
        try:
            stack = stacks.describe_stacks(StackName=self.stack)["Stacks"][0]
        except ClientError as error:
            # CloudFormation has no code of its own for a stack that is not there.
            if error.response.get("Error", {}).get("Code") != "ValidationError":
                raise
            raise CliError(f"There is no stack {self.stack}.", fix) from None
        if stack["StackStatus"].startswith("DELETE"):
            raise CliError(f"The stack {self.stack} was deleted.", fix)
        given = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
        try:
            return Outputs(
                given["PostLoginUrl"],
                given["SecretName"],
                given["LedgerTableName"],
                given.get("WatchSecretName"),
                {
                    each["ParameterKey"]: each.get("ParameterValue", "")
                    for each in stack.get("Parameters", [])
                },
                given.get("TenantSecretName"),
                given.get("SyncQueueUrl"),
                given.get("SyncDeadLettersUrl"),
            )
        except KeyError as missing:
            text = f"The stack {self.stack} has no output {missing.args[0]}."
            raise CliError(text, fix) from None

    def trust(self) -> Trust:
        """Return whose `email_verified` the functions believe."""
        return trust_in(self.outputs.parameters.get("TrustedConnections", ""))

    def verified_email(self) -> VerifiedEmail | None:
        """Return the policy that the functions have; None for a stack without such a parameter."""
        found = self.outputs.parameters.get(VERIFIED_EMAIL)
        return next((each for each in VerifiedEmail if each == found), None)

    def sync_policy(self) -> SyncPolicy:
        """Return by which policies the functions follow events; the defaults for an older stack."""
        given, usual = self.outputs.parameters, SyncPolicy()
        return SyncPolicy(
            _chosen(given, usual.email_changes),
            _chosen(given, usual.edited_customers),
            _chosen(given, usual.deleted_customers),
            usual.differences,
            _chosen(given, usual.deleted_users),
            int(given.get("DeletedUsersDays", usual.deleted_users_days)),
            int(given.get("DeletionsPerDay", usual.deletions_per_day)),
        )

    @property
    def event_sources(self) -> tuple[str, str]:
        """Return the partner sources of Auth0's and of Stripe's events; empty where none come."""
        given = self.outputs.parameters
        return given.get(AUTH0_SOURCE, ""), given.get(STRIPE_SOURCE, "")

    def has_tenant_secret(self) -> bool:
        """Return whether the functions that speak to Auth0 have what they need for it."""
        try:
            self._secrets.get_secret_value(SecretId=str(self.outputs.tenant_secret_name))
        except self._secrets.exceptions.ResourceNotFoundException:
            return False
        return True

    @cached_property
    def event_bridge(self) -> EventBridge:
        """Return the way of both sides' events through AWS."""
        return EventBridge(self._session, self.stack)

    def change_parameters(self, wanted: Mapping[str, str]) -> None:
        """Update the stack, and wait: nothing but these parameters of it changes."""
        stacks = self._session.client("cloudformation", config=CALLS)
        kept: list[ParameterTypeDef] = [
            {"ParameterKey": name, "UsePreviousValue": True}
            for name in self.outputs.parameters
            if name not in wanted
        ]
        changed: list[ParameterTypeDef] = [
            {"ParameterKey": name, "ParameterValue": value} for name, value in wanted.items()
        ]
        stacks.update_stack(
            StackName=self.stack,
            UsePreviousTemplate=True,
            Parameters=[*kept, *changed],
            # The template's roles, and its transform.
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        stacks.get_waiter("stack_update_complete").wait(StackName=self.stack)
        del self.outputs

    def read_secret(self) -> StoredSecret:
        """Return the current version; one without anything where none was put in yet."""
        try:
            stored = self._secrets.get_secret_value(SecretId=self.outputs.secret_name)
        except self._secrets.exceptions.ResourceNotFoundException:
            # Of the version: the template makes the secret, and puts no key in.
            return StoredSecret()
        parsed = StoredSecret.parse(stored.get("SecretString", ""), stored["CreatedDate"])
        return replace(parsed, version=stored["VersionId"])

    def write_secret(self, secret: StoredSecret) -> StoredSecret:
        """Put in a new version; return it with its date."""
        self._secrets.put_secret_value(
            SecretId=self.outputs.secret_name, SecretString=secret.text()
        )
        # The answer has no date. Ours is a little later, so whoever counts from it waits longer.
        return replace(secret, made_at=datetime.now(UTC))

    def note(self, action_id: str, note: Note) -> None:
        """Note what was seen of an Action's secrets, beside what else the secret has by now.

        Where others write it again and again, nothing is noted: `doctor` says so.
        """
        for _ in range(_NOTE_TRIES):
            stored = self.read_secret()
            # A rotation in between has stored a signing secret, which writing this would undo.
            if self.read_secret().version == stored.version:
                self.write_secret(stored.with_note(action_id, note))
                break
        self._tell_the_watch(action_id, note)

    def _tell_the_watch(self, action_id: str, note: Note) -> None:
        """Let the watch know what it is to find now; which Actions are its own, install says."""
        watch = self.read_watch()
        if watch and action_id in watch.notes:
            self.write_watch(watch.with_note(action_id, note))

    def read_watch(self) -> WatchSecret | None:
        """Return the watch's secret; None without a watch, or while nobody has put it in.

        One that cannot be read is as none, and put in anew.
        """
        name = self.outputs.watch_secret_name
        if name is None:
            return None
        try:
            stored = self._secrets.get_secret_value(SecretId=name)
            return WatchSecret.parse(stored.get("SecretString", ""))
        except (self._secrets.exceptions.ResourceNotFoundException, ConfigurationError):
            return None

    def write_watch(self, watch: WatchSecret) -> None:
        """Put in a new version of the watch's secret."""
        name = str(self.outputs.watch_secret_name)
        self._secrets.put_secret_value(SecretId=name, SecretString=watch.text())

    def last_watch(self, clock: Callable[[], float] = time.time) -> float | None:
        """Return what the watch's last run published; None if none has in a quarter of an hour."""
        now = datetime.fromtimestamp(clock(), UTC)
        found = self._session.client("cloudwatch", config=CALLS).get_metric_statistics(
            Namespace="CustomerLink",
            MetricName="watch_healthy",
            Dimensions=[{"Name": "service", "Value": self.stack}],
            StartTime=now - timedelta(minutes=15),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Minimum"],
        )["Datapoints"]
        last = max(found, key=lambda each: each["Timestamp"], default=None)
        return last["Minimum"] if last else None

    def recorded_tenants(self) -> frozenset[str]:
        """Return the tenants whose reports the ledger has, as far as its first pages tell."""
        return recorded_tenants(self.dynamodb, self.outputs.table)

    def alarms(self) -> dict[str, str]:
        """Return the stack's alarms and their states."""
        cloudwatch = self._session.client("cloudwatch", config=CALLS)
        pages = cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"{self.stack}-"
        )
        return {
            each["AlarmName"]: each["StateValue"] for page in pages for each in page["MetricAlarms"]
        }

    def open_sign_ups(self, clock: Callable[[], float] = time.time) -> int:
        """Count the sign-ups that have been open for more than 15 minutes."""
        return count_open(self.dynamodb, self.outputs.table, clock() - OPEN_FOR_SECONDS)

    def owed_looks(self, clock: Callable[[], float] = time.time) -> list[User]:
        """Return those who are held or were put off, in the order of their times; so many."""
        return due_users(self.dynamodb, self.outputs.table, clock() + LONGEST_SECONDS, MOST_OWED)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """Return the client for the ledger, with its time-outs and without retries of its own."""
        return self._session.client("dynamodb", config=_LEDGER_CALLS)

    @cached_property
    def _secrets(self) -> "SecretsManagerClient":
        return self._session.client("secretsmanager", config=CALLS)


def _chosen[Choice: StrEnum](parameters: Mapping[str, str], usual: Choice) -> Choice:
    """Read a policy, whose parameter is called as it is."""
    found = parameters.get(type(usual).__name__)
    return next((each for each in type(usual) if each == found), usual)
