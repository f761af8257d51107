"""The life after the sign-up: what either side tells is followed by the real function.

Between them is what AWS has there: the buses, a queue with its dead letters, and the event source
mapping that takes from it in batches and deletes what the function is done with.
"""

import json
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import batched
from typing import Any
from unittest.mock import patch

import boto3

from customerlink.adapters.aws.queue import AT_ONCE
from customerlink.adapters.dynamodb.open_index import due_users
from customerlink.adapters.token_bucket import Unlimited
from customerlink.functions import events, sync
from customerlink.functions.repair import AT_MOST
from customerlink.model.events import OF_AUTH0, OF_STRIPE, due
from customerlink.model.sync_policy import SyncBy
from customerlink.model.webhook_secret import WebhookSecret
from customerlink.wiring.sync import AfterTheSignUp
from customerlink.wiring.webhooks import Webhooks
from sandbox.aws import EVENTS_SECRET, REGION, STACK, TABLE
from sandbox.buses import Buses, Delivery, resources
from sandbox.events import AUTH0_SOURCE, STRIPE_SOURCE, Document, record
from sandbox.gateway import Context, in_process
from sandbox.journal import Kind, flow
from sandbox.noting import text_or_json
from sandbox.posts import Posts
from sandbox.sandbox import Sandbox, started

QUEUE, DEAD_LETTERS = "SyncQueue", "SyncDeadLetters"
AGAIN_SECONDS = 5
"""When a message comes again that the function was not done with: in AWS after three minutes."""

CALL_UP_SECONDS = 5.0
"""How often what is due is called up: in AWS every five minutes."""

NAME = f"customerlink/{STACK}"
"""What the stream and the destination are called."""

_BY = "CUSTOMERLINK_SYNC_BY"
_SOURCES = {
    "CUSTOMERLINK_AUTH0_EVENT_SOURCE": AUTH0_SOURCE,
    "CUSTOMERLINK_STRIPE_EVENT_SOURCE": STRIPE_SOURCE,
}

type Invoke = Callable[[Document], Mapping[str, Any]]


@dataclass
class Following:
    """The queue, and what takes from it."""

    box: Sandbox
    buses: Buses
    sqs: Any
    queue: str
    dead_letters: str
    invoke: Invoke
    batch_size: int
    tell: Callable[[str], None] = lambda _: None
    delivered: int = 0
    """How many messages were put into the queue."""
    requests: int = 0
    """How many requests SQS would have had of EventBridge and Lambda."""
    invocations: int = 0
    _printed: int = 0
    """As much of what functions print is in CloudWatch."""
    _one_batch: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        """Deliver what has arrived, until there is nothing that may be delivered now."""
        self.post()
        while self.poll():
            self.post()

    def post(self) -> None:
        """Put into the queue what has come through the buses."""
        self.send([json.dumps(each) for each in self.buses.take()])

    def send(self, bodies: list[str]) -> None:
        """Put messages into the queue, one by one as far as it is told."""
        for some in batched(bodies, AT_ONCE, strict=False):
            entries: Any = [{"Id": str(at), "MessageBody": each} for at, each in enumerate(some)]
            self.sqs.send_message_batch(QueueUrl=self.queue, Entries=entries)
        self.delivered += len(bodies)
        self.requests += len(bodies)

    def call_up(self) -> None:
        """Send whom the ledger says to look at, as the repair does."""
        users = [*due_users(self.box.aws.dynamodb, TABLE, self.buses.delivery.clock(), AT_MOST)]
        self.send([json.dumps(due(each)) for each in users])

    def poll(self) -> int:
        """Hand a batch to the function, and delete what it is done with; return how many came."""
        with self._one_batch:
            found = self.sqs.receive_message(
                QueueUrl=self.queue,
                MaxNumberOfMessages=self.batch_size,
                MessageSystemAttributeNames=["All"],
            ).get("Messages", [])
            if not found:
                return 0
            records = [_record(each) for each in found]
            with flow() as name:
                answer = self.invoke({"Records": records})
            self._printed = self.box.publish(self._printed)
            again = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            done: Any = [
                {"Id": str(at), "ReceiptHandle": each["receiptHandle"]}
                for at, each in enumerate(records)
                if each["messageId"] not in again
            ]
            if done:
                self.sqs.delete_message_batch(QueueUrl=self.queue, Entries=done)
        self.requests += 1 + bool(done)
        self.invocations += 1
        for each in records:
            self._told(each, name, is_done=each["messageId"] not in again)
        return len(records)

    def dead(self) -> list[str]:
        """Take the dead letters out; return their bodies."""
        bodies: list[str] = []
        while found := self.sqs.receive_message(
            QueueUrl=self.dead_letters, MaxNumberOfMessages=AT_ONCE
        ).get("Messages"):
            for each in found:
                handle = each["ReceiptHandle"]
                self.sqs.delete_message(QueueUrl=self.dead_letters, ReceiptHandle=handle)
                bodies.append(each["Body"])
        return bodies

    def _told(self, record: Document, flow: str, *, is_done: bool) -> None:
        # Whoever sends into the queue may send what is no event.
        kind = re.search(r'"detail-type": "([\w.]+)"', record["body"])
        end = "followed" if is_done else "comes again"
        line = f"{kind[1] if kind else 'a message'}: {end}"
        self.box.journal.note(
            Kind.SYNC, line, {"event": text_or_json(record["body"]), "is_done": is_done}, flow=flow
        )
        self.tell(line)


@contextmanager
def following(
    box: Sandbox,
    *,
    settings: Mapping[str, str] | None = None,
    delivery: Delivery | None = None,
    again_seconds: int = AGAIN_SECONDS,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[Following]:
    """Let both sides tell of their changes while the block runs, under the policies deployed.

    `settings` are more variables of the function's environment; `tell` gets a line for each message
    that was delivered. By which way the events come is what is deployed by then, or among them.
    """
    box.let_functions_into_the_tenant()
    session = boto3.Session("sandbox", "sandbox", "sandbox", REGION)
    sqs = session.client("sqs", endpoint_url=box.aws.url)
    queue, dead = _queues(sqs, again_seconds)
    by = SyncBy({_BY: SyncBy.EVENTBRIDGE, **box.settings, **(settings or {})}[_BY])
    by_post = by is SyncBy.WEBHOOK
    ours = {
        "CUSTOMERLINK_SYNC_QUEUE": queue,
        "CUSTOMERLINK_SYNC_DEAD_LETTERS": dead,
        _BY: by,
        **({} if by_post else _SOURCES),
    }

    def environment() -> dict[str, str]:
        return {**box.environment(), **ours, **box.settings, **(settings or {})}

    of_the_function = resources()["SyncFunction"]["Properties"]
    batch_size = of_the_function["Events"]["Changes"]["Properties"]["BatchSize"]
    invoke = _function(environment, of_the_function["Timeout"])
    streams = box.management.event_streams
    way = box.tenant.name, delivery or Delivery()
    buses = Posts(*way, streams=streams, destinations=box.destinations) if by_post else Buses(*way)
    told = box.tenant.users.tell, box.stripe.tell, streams.deliver
    box.tenant.users.tell, box.stripe.tell = buses.user, buses.customer
    streams.deliver = buses.test
    try:
        with _posted(box, environment()) if by_post else nullcontext():
            yield Following(box, buses, sqs, queue, dead, invoke, batch_size, tell)
    finally:
        box.tenant.users.tell, box.stripe.tell, streams.deliver = told
        for each in (queue, dead):
            sqs.delete_queue(QueueUrl=each)


@contextmanager
def _posted(box: Sandbox, environment: Mapping[str, str]) -> Iterator[None]:
    """Let both sides post, and the function take it, as `install --sync` sets it up."""
    url, token = box.url.replace("/post-login", "/events"), secrets.token_urlsafe(32)
    subscriptions = [{"event_type": each.value} for each in OF_AUTH0]
    authorization = {"method": "bearer", "token": token}
    settings = {"webhook_endpoint": f"{url}/auth0", "webhook_authorization": authorization}
    to = {"type": "webhook", "configuration": settings}
    streams, destinations = box.management.event_streams, box.destinations
    stream = streams.create({"name": NAME, "subscriptions": subscriptions, "destination": to})
    made = destinations.create(
        {
            "name": NAME,
            "type": "webhook_endpoint",
            "event_payload": "snapshot",
            "enabled_events": [each.value for each in OF_STRIPE],
            "webhook_endpoint": {"url": f"{url}/stripe"},
            "include": ["webhook_endpoint.signing_secret"],
        }
    )
    secret = WebhookSecret().with_tokens(token)
    secret = secret.with_secrets(made["id"], made["webhook_endpoint"]["signing_secret"])
    box.aws.secrets_manager.put_secret_value(SecretId=EVENTS_SECRET, SecretString=secret.text())
    before = box.gateway.events
    box.gateway.events = in_process(partial(events.respond, started(Webhooks, environment)))
    try:
        yield
    finally:
        box.gateway.events = before
        streams.delete(stream["id"])
        destinations.delete(made["id"])


@contextmanager
def by_itself(what: Following) -> Iterator[None]:
    """Let it run in a thread of its own while the block runs."""
    window = resources()["SyncFunction"]["Properties"]["Events"]["Changes"]["Properties"]
    ended = threading.Event()

    def run() -> None:
        called_up = time.monotonic()
        while not ended.wait(window["MaximumBatchingWindowInSeconds"]):
            if time.monotonic() - called_up >= CALL_UP_SECONDS:
                what.call_up()
                called_up = time.monotonic()
            what.run()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _queues(sqs: Any, again_seconds: int) -> tuple[str, str]:  # noqa: ANN401 (boto3's)
    """Make the queue and its dead letters; return their addresses."""
    dead = sqs.create_queue(QueueName=DEAD_LETTERS)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    policy = resources()[QUEUE]["Properties"]["RedrivePolicy"]
    policy = {**policy, "deadLetterTargetArn": found["Attributes"]["QueueArn"]}
    attributes = {"VisibilityTimeout": str(again_seconds), "RedrivePolicy": json.dumps(policy)}
    return sqs.create_queue(QueueName=QUEUE, Attributes=attributes)["QueueUrl"], dead


def _function(environment: Callable[[], Mapping[str, str]], seconds: float) -> Invoke:
    """Return the function's handler, with what a cold start in the environment of now keeps.

    It waits for no turns: nobody else needs what the stand-ins can do in a second.
    """
    kept = _Kept(environment)
    respond: Any = partial(sync.respond, kept)
    return lambda event: respond(event, Context.of("SyncFunction", seconds))


class _Kept:
    """What a warm function keeps: until it is cleared, or another environment is deployed."""

    def __init__(self, environment: Callable[[], Mapping[str, str]]) -> None:
        self._environment = environment
        self._started = cache(_started)
        self.cache_clear = self._started.cache_clear

    def __call__(self) -> AfterTheSignUp:
        return self._started(frozenset(self._environment().items()))


def _started(environment: frozenset[tuple[str, str]]) -> AfterTheSignUp:
    with patch.dict(os.environ, dict(environment), clear=True):
        started = AfterTheSignUp.started()
        started.rates = Unlimited()
        # Its client looks into the environment when it is made.
        _ = started.dead_letters
        return started


def _record(message: Any) -> Document:  # noqa: ANN401 (boto3's)
    receives = int(message["Attributes"]["ApproximateReceiveCount"])
    handle = message["ReceiptHandle"]
    return record(message["MessageId"], message["Body"], receives, handle)
