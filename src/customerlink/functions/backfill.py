"""The Lambda function behind the backfill's state machine (src/statemachine/backfill.asl.yaml)."""

import os
import tempfile
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import stripe

from customerlink.adapters.auth0.management import Management, Users
from customerlink.adapters.aws.secrets_manager import tenant_secret
from customerlink.adapters.dynamodb.token_bucket import SharedTokenBucket
from customerlink.adapters.stripe.listing import Listing
from customerlink.functions import backfill_steps as steps_of
from customerlink.functions.shell.telemetry import report_drift
from customerlink.model.errors import ConfigurationError, CustomerLinkError
from customerlink.usecases.backfill import PacedProfiles, provision_one
from customerlink.wiring.application import Application
from customerlink.wiring.provisioner import Provisioner
from customerlink.wiring.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from customerlink.model.secret import TenantSecret

STRIPE_SECONDS = 20.0


class StepFailedError(CustomerLinkError):
    """A step failed in a way that another try may mend; the message is the error's kind."""


class Backfill:
    """What a warm function keeps; an event is `{"step": …, "run": …}` and the step's own."""

    def __init__(self) -> None:
        """Read settings and secrets."""
        self._application = application = Application(Settings.from_environment(os.environ))
        self._tenant = _tenant_secret()
        self._users = Users(Management(self._tenant.client))
        key = application.secret().stripe_key
        client = stripe.StripeClient(
            key.value,
            base_addresses={"api": application.settings.stripe_api_base},
            http_client=stripe.RequestsClient(timeout=STRIPE_SECONDS),
            max_network_retries=0,
        )
        rate = partial(
            SharedTokenBucket, boto3.client("dynamodb"), application.settings.ledger_table
        )
        self._listing = Listing(
            client.v1.customers, rate("stripe-lists", _per_second("LISTS_PER_SECOND"))
        )
        creations = rate("stripe-creations", _per_second("CREATIONS_PER_SECOND"))
        self._auth0 = rate("auth0-writes", _per_second("AUTH0_PER_SECOND"))
        self._provisioner = Provisioner(
            self._tenant.tenant,
            application.dynamodb,
            application.settings.ledger_table,
            application.settings.stripe_api_base,
            key,
            client.v1.customers,
            creations,
            application.settings.policy,
        )

    def carry_out(self, event: dict[str, Any], left: steps_of.Left) -> object:
        """Do a step; what it gives goes into the execution's state, so it holds no address."""
        provisioner = self._provisioner
        files = steps_of.Files(boto3.client("s3"), os.environ["CUSTOMERLINK_BUCKET"], event["run"])
        steps: dict[str, Callable[[], object]] = {
            "segments": lambda: steps_of.segments(self._listing),
            "list": lambda: steps_of.list_segment(event["segment"], self._listing, files, left),
            "start_export": lambda: {"job": self._users.start_export(), "is_done": False},
            "export": lambda: steps_of.export(event["job"], self._users, files),
            "compare": lambda: self._compare(files),
            "provision": lambda: steps_of.provision_chunk(
                Path(event["key"]).name,
                files,
                lambda user: provision_one(
                    provisioner.user(str(user["user_id"])),
                    PacedProfiles(self._users, self._auth0),
                    provisioner.settling,
                    provisioner.bucket,
                ),
                left,
            ),
        }
        return steps[event["step"]]()

    def _compare(self, files: steps_of.Files) -> object:
        folder = Path(tempfile.gettempdir()) / "both-sides"
        counts = steps_of.compare(self._tenant.tenant, files, folder)
        report_drift(counts)
        return counts


def handler(event: dict[str, Any], context: "LambdaContext") -> object:
    """Do one step; what the SDKs raise, whose texts may be personal, goes on as its kind alone."""
    end = time.monotonic() + context.get_remaining_time_in_millis() / 1000
    try:
        return _backfill().carry_out(event, lambda: end - time.monotonic())
    except Exception as error:
        # The next try reads the secrets, and asks for a token, anew: one may have expired.
        _backfill.cache_clear()
        if isinstance(error, CustomerLinkError):
            raise
        raise StepFailedError(type(error).__name__) from None


@cache
def _backfill() -> Backfill:
    return Backfill()


def _tenant_secret() -> "TenantSecret":
    secret_id = os.environ["CUSTOMERLINK_TENANT_SECRET_ID"]
    found = tenant_secret(boto3.client("secretsmanager"), secret_id)
    if found is None:
        raise ConfigurationError("the tenant's secret has no value yet")
    return found


def _per_second(name: str) -> float:
    try:
        return float(os.environ[f"CUSTOMERLINK_{name}"])
    except (KeyError, ValueError):
        raise ConfigurationError(f"missing or wrong: CUSTOMERLINK_{name}") from None
