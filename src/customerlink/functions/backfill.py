"""The Lambda function behind the backfill's state machine (src/statemachine/backfill.asl.yaml)."""

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from customerlink.adapters.auth0.errors import Auth0Error
from customerlink.adapters.dynamodb.refusals import DynamoDbRefusals
from customerlink.adapters.stripe.listing import Listing
from customerlink.adapters.token_bucket import Taken
from customerlink.adapters.trouble import failure_of
from customerlink.functions import backfill_steps as steps_of
from customerlink.functions.backfill_steps import Segment
from customerlink.functions.shell.telemetry import report_drift, report_step
from customerlink.model.candidate import Candidate
from customerlink.model.errors import CustomerLinkError
from customerlink.model.user import User
from customerlink.usecases.backfill import Backfilled, provision_one
from customerlink.wiring.application import Application
from customerlink.wiring.operator import Operator, stripe_client
from customerlink.wiring.rates import limits_in, shared_rates
from customerlink.wiring.settings import Settings
from customerlink.wiring.tenant import needed_tenant, served, users_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

STRIPE_SECONDS = 20.0


class StepFailedError(CustomerLinkError):
    """A step failed in a way that another try may mend; the message is the error's kind."""


class Backfill:
    """What a warm function keeps; an event is `{"step": …, "run": …}` and the step's own."""

    def __init__(self) -> None:
        """Read settings and secrets."""
        application = Application(Settings.from_environment(os.environ))
        self._tenant = served(needed_tenant(application.aws), application.settings)
        self._trust = application.settings.policy.trust
        key, base = application.secret().stripe_key, application.settings.stripe_api_base
        # `patiently` tries again: it knows the rate that all workers share, the SDK does not.
        client = stripe_client(key, base, seconds=STRIPE_SECONDS, retries=0)
        ledger = boto3.client("dynamodb"), application.settings.ledger_table
        self._rates = shared_rates(*ledger, limits_in(os.environ, is_live=key.live))
        self._users = users_of(self._tenant, self._trust, Taken(self._rates))
        self._listing = Listing(client.v1.customers, self._rates)
        self._operator = Operator(application.services, key, time, self._rates)
        self._refusals = DynamoDbRefusals(*ledger, self._tenant.tenant)

    def carry_out(self, event: dict[str, Any], left: steps_of.Left) -> object:
        """Do a step; what it gives goes into the execution's state, so it holds no address."""
        files = steps_of.Files(boto3.client("s3"), os.environ["CUSTOMERLINK_BUCKET"], event["run"])
        steps: dict[str, Callable[[], object]] = {
            "segments": lambda: [asdict(each) for each in steps_of.segments(self._listing)],
            "list": lambda: asdict(
                steps_of.list_segment(Segment(**event["segment"]), self._listing, files, left)
            ),
            "start_export": lambda: {"job": self._users.start_export(), "is_done": False},
            "export": lambda: steps_of.export(event["job"], self._users, files),
            "compare": lambda: self._compare(files),
            "provision": lambda: steps_of.provision_chunk(
                Path(event["key"]).name, files, self._provision, left
            ),
        }
        return steps[event["step"]]()

    def _provision(self, candidate: Candidate) -> Backfilled:
        user = User(self._tenant.tenant, candidate.user_id)
        settling = partial(self._operator.settling, known=candidate.known)
        return provision_one(user, self._users, settling, self._rates)

    def _compare(self, files: steps_of.Files) -> object:
        # The one place where Lambda lets a function write: 10 GB of it, by the template.
        folder = Path(tempfile.gettempdir()) / "both-sides"
        tenant = self._tenant.tenant
        counts = steps_of.compare(tenant, files, self._refusals, folder, self._trust)
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
        report_step(str(event.get("step")), failure_of(error))
        # Of Auth0's, the state machine knows no name.
        if isinstance(error, CustomerLinkError) and not isinstance(error, Auth0Error):
            raise
        # Without its cause, which the runtime would print, text and all.
        raise StepFailedError(type(error).__name__) from None


@cache
def _backfill() -> Backfill:
    return Backfill()
