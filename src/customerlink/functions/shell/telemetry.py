"""What is told of each call: one log line and a handful of metrics, nothing personal among them."""

import os
import traceback
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from customerlink.adapters.slim_imports import without
from customerlink.functions.shell.api_gateway import ERRORS, Rejection
from customerlink.model.denial_texts import REFERENCE_FIELD
from customerlink.model.failure import FailedAt, Failure, fields_of
from customerlink.model.instruction import Instruction, Reason
from customerlink.model.log_names import LogNames, provider_of
from customerlink.model.signup import SignUp
from customerlink.model.user import User
from customerlink.ports.run import Run

# For correlation ids out of an event: 3 ms of a cold start.
with without("aws_lambda_powertools.utilities.jmespath_utils"):
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

if TYPE_CHECKING:
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.types import CloudWatchEMFOutput

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "customer-link")
"""The metrics' dimension `service`, and the logs': the stack's name, so that stacks stay apart."""

FUNCTION = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
"""Which of the stack's functions this is; "" outside of Lambda."""

NAMESPACE = "CustomerLink"


class Metric(StrEnum):
    """Every metric but the counts of reasons (`instruction.Reason`) and of `Rejection.error`."""

    ACTION_RETRY = "action_retry"
    STRIPE_RETRY = "stripe_retry"
    UNKNOWN_OUTCOME = "unknown_outcome"
    STRIPE_KEY_REJECTED = "stripe_key_rejected"
    STRIPE_2XX = "stripe_2xx"
    STRIPE_4XX = "stripe_4xx"
    STRIPE_429 = "stripe_429"
    STRIPE_5XX = "stripe_5xx"
    MILLISECONDS = "milliseconds"
    OPEN_SIGN_UPS = "open_sign_ups"
    ACCOUNTS_LINKED = "accounts_linked"
    CUSTOMERS_SUPERSEDED = "customers_superseded"
    REPAIR_FINISHED = "repair_finished"
    REPAIR_DENIED = "repair_denied"
    REPAIR_GONE = "repair_gone"
    REPAIR_FAILED = "repair_failed"
    WATCH_HEALTHY = "watch_healthy"
    SYNC_DONE = "sync_done"
    SYNC_NOTHING = "sync_nothing"
    SYNC_HELD = "sync_held"
    SYNC_AGAIN = "sync_again"
    SYNC_FAILED = "sync_failed"
    SYNC_PARKED = "sync_parked"
    SYNC_PASSED = "sync_passed"
    SYNC_FOREIGN = "sync_foreign"
    SYNC_UNREADABLE = "sync_unreadable"
    SYNC_TEST = "sync_test"
    SYNC_BEAT = "sync_beat"
    EVENT_NOT_TAKEN = "event_not_taken"
    MISSED_SIGN_UP = "missed_sign_up"
    DELETIONS_HELD = "deletions_held"


BY_FUNCTION = frozenset({"internal_error", Reason.PROVISIONING_FAILED, Metric.MILLISECONDS})
"""What is counted for the function by itself as well: a user of the shop's must not be able to roll
back a deployment of the sign-up's."""

DRIFT = "drift_"
"""Before each kind's name (`model.drift.Drift`), and `unread`: how many a comparison found."""

EMITTED = frozenset({*Metric, *Reason, *ERRORS})
"""The names of all metrics but those of drift."""

_ENDS_WELL = frozenset({Reason.CUSTOMER_CREATED, Reason.CUSTOMER_FOUND, Reason.ALREADY_LINKED})
"""Whatever failed on the way was of no consequence."""

logger = Logger(service=SERVICE)


def report_outcome(  # noqa: PLR0913 (what a line tells)
    signup: SignUp,
    run: Run,
    instruction: Instruction,
    request_id: str,
    names: LogNames,
    *,
    reference: str | None = None,
) -> None:
    """Log the sign-up's one line, and count its reason, retries and unknown outcomes."""
    milliseconds = round((run.deadline.seconds - run.deadline.remaining()) * 1000, 3)
    failure = None if instruction.reason in _ENDS_WELL else run.trace.failure
    logger.info(
        "sign_up",
        extra={
            **_which(request_id, reference),
            "tenant": signup.user.tenant,
            "user_id": names.name(signup.user.user_id),
            "decision": instruction.decision.value,
            "reason": instruction.reason.value,
            **fields_of(failure),
            "strategy": signup.strategy and provider_of(signup.strategy),
            "dropped": signup.dropped,
            "action_try": signup.tries,
            "attempt": run.trace.attempt,
            "stripe_request_ids": run.trace.stripe_request_ids,
            "stripe_statuses": run.trace.stripe_statuses,
            "stripe_retries": run.trace.stripe_retries,
            "unknown_outcomes": run.trace.unknown_outcomes,
            "milliseconds": milliseconds,
            "steps": run.trace.steps,
        },
    )
    counts: dict[str, int] = {
        instruction.reason.value: 1,
        # Whoever an outage lets in for now rings as well.
        **({Reason.PROVISIONING_FAILED: 1} if _lets_in(failure, instruction) else {}),
        Metric.ACTION_RETRY: int(signup.tries > 1),
        Metric.STRIPE_RETRY: run.trace.stripe_retries,
        Metric.UNKNOWN_OUTCOME: run.trace.unknown_outcomes,
        Metric.STRIPE_KEY_REJECTED: run.trace.key_rejections,
        **_by_status(run.trace.stripe_statuses),
    }
    _publish(counts, milliseconds)


def report_rejection(rejection: Rejection, request_id: str, reference: str | None = None) -> None:
    """Log and count a request that got no decision."""
    told = {"error": rejection.error, "detail": rejection.detail}
    told |= fields_of(rejection.failure)
    logger.warning("rejected", extra={**_which(request_id, reference), **told})
    _publish({rejection.error: 1})


def report_bug(bug: Exception, request_id: str, reference: str | None = None) -> None:
    """Log and count an unexpected exception: its kind and place; its text may quote anything."""
    places = traceback.extract_tb(bug.__traceback__)
    logger.error(
        "internal_error",
        extra={
            **_which(request_id, reference),
            "exception": type(bug).__name__,
            **Failure(FailedAt.CODE, type(bug).__name__).fields(),
            "at": [f"{each.name}:{each.lineno}" for each in places],
        },
    )
    _publish({"internal_error": 1})


def report_odd(settings: Iterable[str]) -> None:
    """Log settings that are wrong, and keep nobody out."""
    for each in settings:
        logger.warning("odd_setting", extra={"detail": each})


def report_repair(
    user: User, end: StrEnum, reason: str, names: LogNames, failure: Failure | None = None
) -> None:
    """Log how the repair of one user's sign-up ended."""
    who = {"tenant": user.tenant, "user_id": names.name(user.user_id)}
    logger.info("repair", extra={**who, "end": end, "reason": reason, **fields_of(failure)})


def report_run_failed(failure: Failure) -> None:
    """Log why a whole run of the repair failed, so that nobody is counted."""
    logger.error("repair", extra={"end": "failed", **failure.fields()})


def report_step(step: str, failure: Failure) -> None:
    """Log where a step of the backfill failed, which the state machine may try again."""
    logger.error("backfill", extra={"step": step, **failure.fields()})


def report_linked(  # noqa: PLR0913, PLR0917 (what is told of it)
    primary: User,
    secondary_id: str,
    outcome: str,
    superseded: Collection[str],
    names: LogNames,
    failure: Failure | None = None,
) -> None:
    """Log how the linking of two accounts ended, and count the customers that it leaves over."""
    logger.info(
        "accounts_linked",
        extra={
            "tenant": primary.tenant,
            "user_id": names.name(primary.user_id),
            "secondary_user_id": names.name(secondary_id),
            "outcome": outcome,
            "superseded": [*superseded],
            **fields_of(failure),
        },
    )
    _publish({Metric.ACCOUNTS_LINKED: 1, Metric.CUSTOMERS_SUPERSEDED: len(superseded)})


def report_open(repaired: Mapping[str, int], still_open: int) -> None:
    """Count what was repaired, and publish how many sign-ups stay open; a zero as well."""
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    # The zero as well: an alarm takes silence for a repair that does not run.
    metrics.add_metric(Metric.OPEN_SIGN_UPS, MetricUnit.Count, still_open)
    for end, count in repaired.items():
        metrics.add_metric(Metric(f"repair_{end}"), MetricUnit.Count, count)
    metrics.flush_metrics()


def report_beat(end: StrEnum, failure: Failure | None = None) -> None:
    """Log how the sending of a beat ended; what comes of it is counted where it arrives."""
    logger.info("beat", extra={"end": end, **fields_of(failure)})


def report_watch(findings: Sequence[str]) -> None:
    """Log what the watch found, and publish 1 for nothing at all, else 0."""
    (logger.warning if findings else logger.info)("watch", extra={"findings": [*findings]})
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    # The zero as well, unlike a count: it is what the alarm looks for.
    metrics.add_metric(Metric.WATCH_HEALTHY, MetricUnit.Count, int(not findings))
    metrics.flush_metrics()


def report_counts(counts: Mapping[str, int]) -> None:
    """Count what was done, zeros left out."""
    if any(counts.values()):
        _publish(counts)


def report_drift[Kind: StrEnum](counts: Mapping[Kind, int]) -> None:
    """Publish what a comparison of both sides found, zeros included."""
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    for kind, count in counts.items():
        metrics.add_metric(f"{DRIFT}{kind}", MetricUnit.Count, count)
    metrics.flush_metrics()


def _which(request_id: str, reference: str | None) -> dict[str, str]:
    """Return which request a line is about."""
    return {"request_id": request_id} | ({REFERENCE_FIELD: reference} if reference else {})


def _lets_in(failure: Failure | None, instruction: Instruction) -> bool:
    """Return whether an outage let somebody in who has no customer, by policy or unasked."""
    return failure is not None and instruction.reason in (Reason.DEFERRED, Reason.NOT_NEW)


def _by_status(statuses: Iterable[int]) -> dict[str, int]:
    named = {429: Metric.STRIPE_429}
    hundreds = {2: Metric.STRIPE_2XX, 4: Metric.STRIPE_4XX, 5: Metric.STRIPE_5XX}
    kinds = (named.get(each) or hundreds.get(each // 100) for each in statuses)
    return Counter(str(each) for each in kinds if each)


def _publish(counts: Mapping[str, int], milliseconds: float | None = None) -> None:
    """Print one line in CloudWatch's embedded metric format, which becomes metrics by itself."""
    # Powertools' other class keeps what it was given in the class, for all calls.
    metrics = _Metrics(namespace=NAMESPACE, service=SERVICE)
    for name, value in counts.items():
        # CloudWatch charges by the metric, and zeros would make each one occur.
        if value:
            metrics.add_metric(name, MetricUnit.Count, value)
    if milliseconds is not None:
        metrics.add_metric(Metric.MILLISECONDS, MetricUnit.Milliseconds, milliseconds)
    metrics.flush_metrics()


class _Metrics(EphemeralMetrics):
    """Powertools' own would count every metric by each set of dimensions, and each is charged."""

    def serialize_metric_set(self, *args: Any, **kwargs: Any) -> "CloudWatchEMFOutput":  # noqa: ANN401 (Powertools')
        """Add a second directive for what is counted by function."""
        document = super().serialize_metric_set(*args, **kwargs)
        directives = document["_aws"]["CloudWatchMetrics"]
        counted = [each for each in directives[0]["Metrics"] if each["Name"] in BY_FUNCTION]
        if FUNCTION and counted:
            by = [["service", "function_name"]]
            directives.append({"Namespace": NAMESPACE, "Dimensions": by, "Metrics": counted})
            document.update({"function_name": FUNCTION})  # type: ignore[misc]  # a dimension's value
        return document
