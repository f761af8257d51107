"""An SQS queue that messages are sent to."""

from collections.abc import Iterable
from itertools import batched
from typing import Protocol

import boto3
from botocore.config import Config

from customerlink.model.errors import CustomerLinkError

# A message that is sent twice is looked at twice, and no more.
_CALLS = Config(connect_timeout=1, read_timeout=5, retries={"total_max_attempts": 2})

AT_ONCE = 10
"""As many messages as SQS takes in one request."""


class NotSentError(CustomerLinkError):
    """The queue did not take a message."""


class SqsClient(Protocol):
    """What is asked of SQS, by the names of its API."""

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> object:  # noqa: N803 (AWS's names)
        """Send one."""
        ...

    def send_message_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        Entries: list[dict[str, str]],  # noqa: N803
    ) -> dict[str, object]:
        """Send some."""
        ...


def sqs() -> SqsClient:
    """Return a client."""
    client: SqsClient = boto3.client("sqs", config=_CALLS)
    return client


class Queue:
    """A queue by its address."""

    def __init__(self, client: SqsClient, url: str) -> None:
        """Take a client."""
        self._client, self._url = client, url

    def send(self, body: str) -> None:
        """Send a message."""
        self._client.send_message(QueueUrl=self._url, MessageBody=body)

    def send_all(self, bodies: Iterable[str]) -> None:
        """Send messages; raise `NotSentError` where the queue took only some of them."""
        for some in batched(bodies, AT_ONCE, strict=False):
            entries = [{"Id": str(at), "MessageBody": body} for at, body in enumerate(some)]
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            if answer.get("Failed"):
                raise NotSentError("the queue did not take every message")
