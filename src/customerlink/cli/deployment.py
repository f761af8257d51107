"""The AWS side of a deployment: the stack's outputs, the secret, alarms, open sign-ups."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config as AwsConfig
from botocore.exceptions import ClientError

from customerlink.adapters.aws.function_log import line_with
from customerlink.adapters.dynamodb.open_index import count_open, owed_users
from customerlink.adapters.dynamodb.recorded_tenants import recorded_tenants
from customerlink.cli.config import Config
from customerlink.cli.errors import CliError
from customerlink.cli.event_bridge import CALLS, EventBridge
from customerlink.cli.stored_secret import StoredSecret
from customerlink.model.errors import ConfigurationError
from customerlink.model.notes import Note
from customerlink.model.policy import VerifiedEmail
from customerlink.model.rates import Limits
from customerlink.model.sync_policy import SyncBy, SyncPolicy
from customerlink.model.trust import Trust
from customerlink.model.user import User
from customerlink.model.watch_secret import WatchSecret
from customerlink.model.webhook_secret import WebhookSecret
from customerlink.wiring.rates import limits_in
from customerlink.wiring.settings import trust_in

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

# As the alarm counts them; the command line may not import functions (pyproject.toml).
OPEN_FOR_SECONDS = 15 * 60

VERIFIED_EMAIL = "VerifiedEmail"
"""A parameter of the template's, as these are."""
AUTH0_SOURCE, STRIPE_SOURCE = "Auth0EventSource", "StripeEventSource"
SYNC_BY = "SyncBy"

_LIMITS = {
    "CUSTOMERLINK_AUTH0_PLAN": "Auth0Plan",
    "CUSTOMERLINK_AUTH0_PER_SECOND": "Auth0PerSecond",
    "CUSTOMERLINK_STRIPE_PER_SECOND": "StripePerSecond",
}
"""The functions' variables, by the parameters that fill them."""

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
    events_url: str | None = None
    """Where both sides post their events; None where they do not, as for what they are known by."""
    events_secret_name: str | None = None

    @property
    def tenants(self) -> tuple[str, ...]:
        """Return those of the parameter `Tenants`, whom it is for; none where it names none."""
        named = self.parameters.get("Tenants", "").split(",")
        return tuple(each.strip() for each in named if each.strip())


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
                given.get("EventsUrl"),
                given.get("EventsSecretName"),
            )
        except KeyError as missing:
            text = f"The stack {self.stack} has no output {missing.args[0]}."
            raise CliError(text, fix) from None

    def trust(self) -> Trust:
        """Return whose `email_verified` the functions believe."""
        return trust_in(self.outputs.parameters.get("TrustedConnections", ""))

    @property
    def denial_texts(self) -> str:
        """Return what the function's denials say, as JSON; empty for the built-in texts."""
        return self.outputs.parameters.get("DenialTexts", "")

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

    def limits(self, *, is_live: bool) -> Limits:
        """Return by which limits the functions ask; those of the lowest plan for an older stack."""
        given = self.outputs.parameters
        return limits_in(
            {variable: given.get(name, "") for variable, name in _LIMITS.items()}, is_live=is_live
        )

    @property
    def event_sources(self) -> tuple[str, str]:
        """Return the partner sources of Auth0's and of Stripe's events; empty where none come."""
        given = self.outputs.parameters
        return given.get(AUTH0_SOURCE, ""), given.get(STRIPE_SOURCE, "")

    @property
    def sync_by(self) -> SyncBy:
        """Return by which way both sides' events come, if any do."""
        return _chosen(self.outputs.parameters, SyncBy.EVENTBRIDGE)

    @property
    def has_events(self) -> bool:
        """Return whether either side's events come, by whichever way."""
        return self.sync_by is SyncBy.WEBHOOK or any(self.event_sources)

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

    def read_webhooks(self) -> WebhookSecret:
        """Return by what those are known who post events; one without anything at first."""
        try:
            stored = self._secrets.get_secret_value(SecretId=str(self.outputs.events_secret_name))
            return WebhookSecret.parse(stored.get("SecretString", ""))
        except (self._secrets.exceptions.ResourceNotFoundException, ConfigurationError):
            return WebhookSecret()

    def write_webhooks(self, secret: WebhookSecret) -> None:
        """Put in a new version of it."""
        name = str(self.outputs.events_secret_name)
        self._secrets.put_secret_value(SecretId=name, SecretString=secret.text())

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

    def line_with(self, reference: str) -> Mapping[str, object] | None:
        """Return the sign-up function's line that has a reference; None without one."""
        logs = self._session.client("logs", config=CALLS)
        group = f"/aws/lambda/{self.stack}-post-login"
        try:
            return line_with(logs, group, reference, time.time())
        except logs.exceptions.ResourceNotFoundException:
            text = f"There is no log {group} in {logs.meta.region_name}."
            raise CliError(text, "--stack, and --region: is it another one's?") from None

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
        now, until = clock(), clock() + LONGEST_SECONDS
        return owed_users(self.dynamodb, self.outputs.table, now, until, MOST_OWED)

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
