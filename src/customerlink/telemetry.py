"""What is told of each call: one log line and a handful of metrics, nothing personal among them."""

import hashlib
import traceback
from collections.abc import Mapping

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from customerlink.api_gateway import Rejection
from customerlink.instruction import Instruction
from customerlink.run import Run
from customerlink.signup import SignUp

SERVICE = "customer-link"
NAMESPACE = "CustomerLink"

logger = Logger(service=SERVICE)


def report_outcome(signup: SignUp, run: Run, instruction: Instruction, request_id: str) -> None:
    """Log the sign-up's one line, and count its reason, retries and unknown outcomes."""
    milliseconds = round((run.seconds - run.remaining()) * 1000, 3)
    logger.info(
        "sign_up",
        extra={
            "request_id": request_id,
            "tenant": signup.user.tenant,
            "user_id": loggable(signup.user.user_id),
            "decision": instruction.decision.value,
            "reason": instruction.reason.value,
            "strategy": signup.strategy,
            "action_try": signup.tries,
            "attempt": run.attempt,
            "stripe_request_ids": run.stripe_request_ids,
            "stripe_retries": run.stripe_retries,
            "unknown_outcomes": run.unknown_outcomes,
            "milliseconds": milliseconds,
            "steps": run.steps,
        },
    )
    counts = {
        instruction.reason.value: 1,
        "action_retry": int(signup.tries > 1),
        "stripe_retry": run.stripe_retries,
        "unknown_outcome": run.unknown_outcomes,
        "stripe_key_rejected": run.key_rejections,
    }
    _publish(counts, milliseconds)


def report_rejection(rejection: Rejection, request_id: str) -> None:
    """Log and count a request that got no decision."""
    extra = {"request_id": request_id, "error": rejection.error, "detail": rejection.detail}
    logger.warning("rejected", extra=extra)
    _publish({rejection.error: 1})


def report_bug(bug: Exception, request_id: str) -> None:
    """Log and count an unexpected exception: its kind and place; its text may quote anything."""
    places = traceback.extract_tb(bug.__traceback__)
    logger.error(
        "internal_error",
        extra={
            "request_id": request_id,
            "exception": type(bug).__name__,
            "at": [f"{each.name}:{each.lineno}" for each in places],
        },
    )
    _publish({"internal_error": 1})


def loggable(user_id: str) -> str:
    """Give the `user_id` for a log; where it holds an address (SAML's often do), a digest of it."""
    if "@" not in user_id:
        return user_id
    connection, _, name = user_id.rpartition("|")
    return f"{connection}|sha256:{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _publish(counts: Mapping[str, int], milliseconds: float | None = None) -> None:
    """Print one line in CloudWatch's embedded metric format, which becomes metrics by itself."""
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    for name, value in counts.items():
        if value:
            metrics.add_metric(name, MetricUnit.Count, value)
    if milliseconds is not None:
        metrics.add_metric("milliseconds", MetricUnit.Milliseconds, milliseconds)
    metrics.flush_metrics()
