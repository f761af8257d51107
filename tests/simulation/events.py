"""What both sides tell of their changes, and the queue that delivers it: late, twice, in any order.

The envelopes are EventBridge's, around Auth0's CloudEvents and around Stripe's snapshots.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any

from tests.simulation.auth0 import TENANT, Auth0, User
from tests.simulation.outside import EPOCH, Body, World
from tests.simulation.scheduler import Task

VISIBILITY_SECONDS = 180.0
MOST_RECEIVES = 10
BATCH, WINDOW_SECONDS = 5, 1.0
LATEST_SECONDS = 3 * 3600.0

type Envelope = dict[str, Any]
type Handler = Callable[[list["Message"]], Task]
"""Starts an invocation, whose result are the ids of the messages that it did not deal with."""


@dataclass
class Message:
    """A message of the queue."""

    id: str
    body: str
    sent: float
    receives: int = 0
    unanswered: int = 0
    """How often the function crashed, or froze, with it."""


@dataclass
class Queue:
    """SQS and its event source mapping: a message comes again until an invocation is done with it.

    `held` are deliveries of another phase of the history: hours late, whatever happens meanwhile.
    """

    world: World
    rng: Random
    handler: Handler
    is_calm: bool = False
    """Whether everything is delivered once, soon and in order."""
    held: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    under_way: int = 0
    _ready: list[Message] = field(default_factory=list)
    _sent: int = 0

    def send(self, envelope: Envelope) -> None:
        """Take a message, once or twice."""
        self._sent += 1
        times = 1 if self.is_calm or self.rng.random() < 0.8 else 2
        for number in range(times):
            name = f"{self._sent}.{number}"
            message = Message(name, json.dumps(envelope), self.world.scheduler.now)
            if not self.is_calm and self.rng.random() < 0.15:
                self.held.append(message)
            else:
                self._deliver(message, self._latency())

    def release(self) -> None:
        """Let what was held come now, in any order."""
        held, self.held = self.held, []
        self.rng.shuffle(held)
        for message in held:
            self._deliver(message, self._latency())

    def _latency(self) -> float:
        if self.is_calm:
            return 0.5
        longest = LATEST_SECONDS if self.rng.random() < 0.05 else 4.0
        return self.rng.uniform(0.2, longest)

    def _deliver(self, message: Message, delay: float) -> None:
        self.under_way += 1
        self.world.scheduler.spawn(lambda: self._arrived(message), delay)

    def _arrived(self, message: Message) -> None:
        self._ready.append(message)
        if len(self._ready) == 1:
            self.world.scheduler.sleep(self.rng.uniform(0, WINDOW_SECONDS))
            while self._ready:
                batch, self._ready = self._ready[:BATCH], self._ready[BATCH:]
                self.world.scheduler.spawn(partial(self._handed_over, batch))

    def _handed_over(self, batch: list[Message]) -> None:
        """Give a batch to the function; what fails is seen again after its time."""
        scheduler = self.world.scheduler
        for each in batch:
            each.receives += 1
        end, task = scheduler.now + VISIBILITY_SECONDS, self.handler(batch)
        is_over = scheduler.wait(task, VISIBILITY_SECONDS) and task.error is None
        failed = set(task.result) if is_over else {each.id for each in batch}
        for each in batch:
            each.unanswered += not is_over
            self.under_way -= 1
            if each.id not in failed:
                continue
            if each.receives == MOST_RECEIVES:
                self.dead.append(each)
            else:
                self._deliver(each, end - scheduler.now)


class Feeds:
    """What Auth0 and Stripe send of their changes."""

    def __init__(self, auth0: Auth0, send: Callable[[Envelope], None]) -> None:
        """Know the users as they are."""
        self.auth0, self.world, self._send = auth0, auth0.world, send
        self._shown: dict[str, Body] = {}
        self._number = 0

    def watch(self, users: Iterable[User]) -> None:
        """Know these as they are."""
        self._shown |= {user.user_id: document(user) for user in users}

    def deleted(self, user: User) -> None:
        """Tell that a user is gone."""
        self._send(self._of_auth0("user.deleted", {"object": document(user)}))

    def customer(self, before: Body, after: Body | None) -> None:
        """Tell of a customer's change, or that it was deleted."""
        if after is None:
            self._send(self._of_stripe("customer.deleted", {"object": before}))
            return
        changed = {name: before[name] for name in ("email", "name") if before[name] != after[name]}
        old, new = before["metadata"], after["metadata"]
        # Of metadata, what was another value; what was not there is null.
        keys = [each for each in {**old, **new} if old.get(each) != new.get(each)]
        metadata = {"metadata": {each: old.get(each) for each in keys}} if keys else {}
        if changed or metadata:
            data = {"object": after, "previous_attributes": {**changed, **metadata}}
            self._send(self._of_stripe("customer.updated", data))

    def changed(self, user: User) -> None:
        """Tell of a change, unless the user is not the tenant's yet."""
        before, now = self._shown[user.user_id], document(user)
        self._shown[user.user_id] = now
        if before != now and self.auth0.users.get(user.user_id) is user:
            data = {"object": now, "previous_object": before}
            self._send(self._of_auth0("user.updated", data))

    def _of_auth0(self, kind: str, data: Body) -> Envelope:
        detail = {"type": kind, "a0tenant": TENANT, "data": data}
        return self._envelope("aws.partner/auth0.com/acme/stream", kind, detail)

    def _of_stripe(self, kind: str, data: Body) -> Envelope:
        detail = {"type": kind, "livemode": False, "data": data}
        return self._envelope("aws.partner/stripe.com/ed_1", kind, detail)

    def _envelope(self, source: str, kind: str, detail: Body) -> Envelope:
        self._number += 1
        return {
            "version": "0",
            "id": f"event-{self._number}",
            "source": source,
            "detail-type": kind,
            "time": datetime.fromtimestamp(EPOCH + self.world.scheduler.now, UTC).isoformat(),
            "detail": {"id": f"evt_{self._number}", **detail},
        }


def document(user: User) -> Body:
    """Return a user as Auth0's events and its Management API have one."""
    parts = [user.user_id, *user.identities]
    return {
        "user_id": user.user_id,
        "email": user.email,
        "email_verified": user.is_verified,
        "name": user.full_name,
        "app_metadata": dict(user.metadata),
        "identities": [
            dict(zip(("provider", "user_id"), each.split("|", 1), strict=True)) for each in parts
        ],
    }
