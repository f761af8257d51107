"""The composition root of what takes posted events: by what senders are known, and the queue."""

import os
import time

from customerlink.adapters.aws.aws_json import Aws
from customerlink.adapters.aws.secrets_manager import FETCH_SECONDS, CachedSecret
from customerlink.adapters.connections import Connections
from customerlink.model.webhook_secret import WebhookSecret
from customerlink.wiring.settings import Settings

_CONNECT_SECONDS, _READ_SECONDS = 1.0, 3.0
"""Whoever posts waits, and comes again if need be."""


class Webhooks:
    """What a warm function keeps: the secret, and connections."""

    def __init__(self) -> None:
        """Read the settings; nothing is called yet."""
        self.settings = Settings.from_environment(os.environ)
        aws = Aws(Connections(), {**os.environ})
        secrets = aws.secrets_manager(FETCH_SECONDS / 2, FETCH_SECONDS / 2)
        secret_id = os.environ["CUSTOMERLINK_EVENTS_SECRET_ID"]
        # Until a value is put in nobody is known, which is no trouble of the function's.
        parse, nobody = WebhookSecret.parse, WebhookSecret()
        self.secret = CachedSecret(secrets, secret_id, time, parse, absent=nobody)
        self._sqs = aws.sqs(_CONNECT_SECONDS, _READ_SECONDS)
        self._queue = os.environ["CUSTOMERLINK_SYNC_QUEUE"]

    def put(self, message: str) -> None:
        """Put a message into the queue; raise `AwsRefusedError` or `AwsSilentError`."""
        self._sqs.send_message(QueueUrl=self._queue, MessageBody=message)
