"""What is told of each call: one log line and a handful of metrics, nothing personal among them."""

import os
import traceback
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum

from customerlink.functions.shell.api_gateway import ERRORS, Rejection
from customerlink.functions.shell.cloudwatch import Log, Measured, Metrics, Unit
from customerlink.model.denial_texts import REFERENCE_FIELD
from customerlink.model.failure import FailedAt, Failure, fields_of
from customerlink.model.instruction import Instruction, Reason
from customerlink.model.log_names import LogNames, provider_of
from customerlink.model.signup import SignUp
from customerlink.model.user import User
from customerlink.ports.run import Run

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
    UNKNOWN_SENDER = "unknown_sender"
    UNSIGNED = "unsigned"
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

logger = Log(SERVICE)
_metrics = Metrics(NAMESPACE, SERVICE, BY_FUNCTION)


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
    _publish({rejection.counted or rejection.error: 1})


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
    # The zero as well: an alarm takes silence for a repair that does not run.
    ends: dict[str, int] = {Metric(f"repair_{end}"): count for end, count in repaired.items()}
    _publish_all({Metric.OPEN_SIGN_UPS: still_open, **ends})


def report_beat(end: StrEnum, failure: Failure | None = None) -> None:
    """Log how the sending of a beat ended; what comes of it is counted where it arrives."""
    logger.info("beat", extra={"end": end, **fields_of(failure)})


def report_watch(findings: Sequence[str]) -> None:
    """Log what the watch found, and publish 1 for nothing at all, else 0."""
    (logger.warning if findings else logger.info)("watch", extra={"findings": [*findings]})
    # The zero as well, unlike a count: it is what the alarm looks for.
    _publish_all({Metric.WATCH_HEALTHY: int(not findings)})


def report_counts(counts: Mapping[str, int]) -> None:
    """Count what was done, zeros left out."""
    if any(counts.values()):
        _publish(counts)


def report_drift[Kind: StrEnum](counts: Mapping[Kind, int]) -> None:
    """Publish what a comparison of both sides found, zeros included."""
    _publish_all({f"{DRIFT}{kind}": count for kind, count in counts.items()})


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
    """Count what was done, and how long it took.

    CloudWatch charges by the metric, and zeros would make each one occur.
    """
    _publish_all({name: value for name, value in counts.items() if value}, milliseconds)


def _publish_all(counts: Mapping[str, int], milliseconds: float | None = None) -> None:
    measured = [Measured(name, value) for name, value in counts.items()]
    if milliseconds is not None:
        measured.append(Measured(Metric.MILLISECONDS, milliseconds, Unit.MILLISECONDS))
    _metrics.publish(measured, FUNCTION)
