"""The Lambda function to which both sides post their events, where no EventBridge takes them.

It knows who posts, and puts what a rule of EventBridge's would let through into the same queue.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from customerlink.adapters.aws.aws_json import AwsRefusedError, AwsSilentError
from customerlink.adapters.stripe.webhook_signature import HEADER, is_signed
from customerlink.functions.shell.answering import answered
from customerlink.functions.shell.api_gateway import (
    NO_SUCH_ROUTE,
    Answer,
    Event,
    Rejection,
    Request,
    answer,
)
from customerlink.functions.shell.edge import AROUND, came_through
from customerlink.functions.shell.telemetry import Metric, report_counts
from customerlink.model.documents import json_object
from customerlink.model.failure import FailedAt, Failure, How, told
from customerlink.model.message_fields import LONGEST
from customerlink.model.signature import TOLERANCE_SECONDS
from customerlink.model.webhook_secret import WebhookSecret
from customerlink.model.webhooks import LONGEST_BYTES, Posted, Sender
from customerlink.wiring.webhooks import Webhooks

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

ROUTES = {f"POST /events/{each}": each for each in Sender}

FRESH_SECONDS = 30.0
"""A sender who is not known may have a secret of a moment ago: so often it is looked for."""

FORGED = Rejection(
    HTTPStatus.UNAUTHORIZED,
    "invalid_signature",
    "the sender is not known",
    counted=Metric.UNKNOWN_SENDER,
)
"""Counted by a metric of its own: what anybody posts must not ring for the Action's signature."""
TOO_LARGE = Rejection(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "request_too_large",
    f"body is longer than {LONGEST_BYTES} bytes",
)
_UNREADABLE = Rejection(HTTPStatus.BAD_REQUEST, "invalid_request", "body")
_NOT_QUEUED = Rejection(
    HTTPStatus.SERVICE_UNAVAILABLE, "queue_unavailable", "the event was not put into the queue"
)


def handler(event: Event, context: "LambdaContext") -> Answer:
    """Answer one request of Auth0's or of Stripe's."""
    return respond(_webhooks, event, context)


def respond(webhooks: Callable[[], Webhooks], event: Event, context: "LambdaContext") -> Answer:
    """Do likewise, with what is kept."""
    return answered(lambda: _taken(webhooks(), event), context.aws_request_id)


def _taken(webhooks: Webhooks, event: Event) -> Answer | Rejection:
    request = Request.of(event)
    sender = ROUTES.get(request.route)
    if not came_through(webhooks.settings, event):
        return AROUND
    if sender is None:
        return NO_SUCH_ROUTE
    # Before anything else is looked at: who is not known is told nothing more.
    if why := _why_unknown(webhooks, sender, request):
        return replace(FORGED, failure=why)
    outcome = _put(webhooks, sender, request.body)
    if isinstance(outcome, Rejection):
        # Its sender may give up: then nobody looks at the user but a comparison.
        report_counts({Metric.EVENT_NOT_TAKEN: 1})
    return outcome


def _why_unknown(webhooks: Webhooks, sender: Sender, request: Request) -> Failure | None:
    """Return why a sender is not known, for our log; None for one who is."""
    # A stranger who has nothing to show costs no look into the secret.
    if not (request.bearer() if sender is Sender.AUTH0 else request.headers.get(HEADER)):
        return Failure(FailedAt.SIGNATURE, How.NO_SIGNATURE)
    if _is_from(sender, webhooks.secret.current(), request):
        return None
    secret = webhooks.secret.current(within=FRESH_SECONDS)
    if _is_from(sender, secret, request):
        return None
    if not (secret.auth0_tokens if sender is Sender.AUTH0 else secret.stripe_secrets):
        return Failure(FailedAt.SECRET, How.NO_VALUE)
    is_late = sender is Sender.STRIPE and _is_from(sender, secret, request, tolerance=None)
    return Failure(FailedAt.SIGNATURE, How.WRONG_TIME if is_late else How.WRONG_SECRET)


def _is_from(
    sender: Sender,
    secret: WebhookSecret,
    request: Request,
    tolerance: int | None = TOLERANCE_SECONDS,
) -> bool:
    if sender is Sender.AUTH0:
        return secret.has_token(request.bearer())
    header = request.headers.get(HEADER, "")
    return is_signed(request.body, header, secret.stripe_secrets, tolerance)


def _put(webhooks: Webhooks, sender: Sender, body: bytes) -> Answer | Rejection:
    """Put an event into the queue, if it is followed; nothing is lost once this is answered."""
    if len(body) > LONGEST_BYTES:
        return TOO_LARGE
    found = json_object(body, LONGEST_BYTES)
    if isinstance(found, str):
        return replace(_UNREADABLE, detail=f"body {found}")
    posted = Posted(sender, found)
    message = posted.message
    if len(message) > LONGEST:
        return TOO_LARGE
    if posted.is_followed:
        try:
            webhooks.put(message)
        except AwsRefusedError as error:
            return replace(_NOT_QUEUED, failure=Failure(FailedAt.QUEUE, told(error.code)))
        except AwsSilentError:
            return replace(_NOT_QUEUED, failure=Failure(FailedAt.QUEUE, How.NO_ANSWER))
    return answer(HTTPStatus.OK, {"followed": posted.is_followed})


@cache
def _webhooks() -> Webhooks:
    return Webhooks()
