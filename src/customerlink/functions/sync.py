"""The Lambda function behind the queue of both sides' events: each leads to a look at its users."""

import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from customerlink.adapters.aws.queue import Queue
from customerlink.functions.shell.answering import report_trouble
from customerlink.functions.shell.sync_report import SyncReport
from customerlink.model.errors import CustomerLinkError
from customerlink.usecases.follow_events import Batch, Ending, Message
from customerlink.wiring.sync import AfterTheSignUp

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

TIME_FOR_ONE_SECONDS = 10.0
"""No look begins with less time left."""

AFTER_A_TURN_SECONDS = 6.0
"""With less left nobody waits for a turn: a call of Auth0's is to end, and be told of."""


class ComesAgainError(CustomerLinkError):
    """A message is not done: the queue delivers it again."""


@dataclass(frozen=True)
class Delivery:
    """One invocation's messages, which Powertools hands over one by one."""

    batch: Batch
    dead_letters: Queue
    report: SyncReport

    def handle(self, record: SQSRecord) -> None:
        """Do what a message asks for; raise what leaves it in the queue.

        Powertools looks for a parameter of this very name, and tells nobody what was raised.
        """
        try:
            ending = self.batch.end(record.message_id)
            if ending is Ending.DEAD:
                self.dead_letters.send(record.body)
        except Exception as bug:
            self.report.bug(bug)
            raise
        if ending is Ending.AGAIN:
            raise ComesAgainError


class Kept(Protocol):
    """What a warm function keeps: made at the first call, and anew once it is forgotten."""

    def __call__(self) -> AfterTheSignUp:
        """Return it."""
        ...

    def cache_clear(self) -> None:
        """Forget it."""
        ...


def handler(event: dict[str, Any], context: "LambdaContext") -> "PartialItemFailureResponse":
    """Follow a batch of events; return which of them are to come again."""
    return respond(_kept, event, context)


def respond(
    kept: Kept, event: dict[str, Any], context: "LambdaContext"
) -> "PartialItemFailureResponse":
    """Do likewise, with what is kept."""
    records = event["Records"]
    try:
        delivery = _delivery(kept(), records, context)
    except Exception as trouble:  # noqa: BLE001 (a secret, a setting: told by where it failed)
        kept.cache_clear()
        report_trouble(trouble, context.aws_request_id)
        return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in records]}
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    with processor(records, delivery.handle):
        processor.process()
    if delivery.batch.is_refused:
        # The next one reads the secrets, and asks for a token, anew: one may have been replaced.
        kept.cache_clear()
    delivery.report.flush()
    return processor.response()


def _delivery(
    kept: AfterTheSignUp, records: list[dict[str, Any]], context: "LambdaContext"
) -> Delivery:
    report = SyncReport(kept.log_names, context.aws_request_id)
    seconds = context.get_remaining_time_in_millis() / 1000 - AFTER_A_TURN_SECONDS
    kept.until = time.time() + seconds
    follow = kept.follow(report, lambda: _has_time(context))
    return Delivery(follow.batch(map(_message, records)), kept.dead_letters, report)


def _message(record: dict[str, Any]) -> Message:
    receives = int(record["attributes"]["ApproximateReceiveCount"])
    return Message(record["messageId"], record["body"], receives)


def _has_time(context: "LambdaContext") -> bool:
    return context.get_remaining_time_in_millis() >= TIME_FOR_ONE_SECONDS * 1000


@cache
def _kept() -> AfterTheSignUp:
    return AfterTheSignUp.started()
