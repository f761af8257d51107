"""EventBridge: what both sides tell of their changes, as far as the template's rules let it pass.

Neither side promises an order, that an event comes once, or soon.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from moto.events.models import EventPattern
from samtranslator.yaml_helper import yaml_parse

from sandbox.events import (
    AUTH0_SOURCE,
    STRIPE_SOURCE,
    Document,
    auth0_event,
    of_customer,
    of_user,
)

_TEMPLATE = Path(__file__).parents[2] / "template.yaml"
_SOURCES = {"Auth0EventSource": AUTH0_SOURCE, "StripeEventSource": STRIPE_SOURCE}
_RULES = ("UsersChangedRule", "CustomersChangedRule")


@cache
def template() -> Mapping[str, Any]:
    """Return template.yaml."""
    found: Mapping[str, Any] = yaml_parse(_TEMPLATE.read_text())
    return found


def resources() -> Mapping[str, Any]:
    """Return what the template has of resources."""
    found: Mapping[str, Any] = template()["Resources"]
    return found


@cache
def rules() -> tuple[EventPattern, ...]:
    """Return the patterns of the template's rules, for the sandbox's sources."""
    patterns = [resources()[each]["Properties"]["EventPattern"] for each in _RULES]
    return tuple(EventPattern(None, _with_sources(each)) for each in patterns)


def _with_sources(pattern: object) -> Any:  # noqa: ANN401 (a pattern)
    text = json.dumps(pattern)
    for parameter, source in _SOURCES.items():
        text = text.replace(json.dumps({"Ref": parameter}), json.dumps(source))
    return json.loads(text)


@dataclass
class Delivery:
    """How events arrive: at best once, at once and in order."""

    late_seconds: float = 0.0
    """How late one may come, by chance."""
    twice: float = 0.0
    """Which share of them comes again."""
    is_shuffled: bool = False
    clock: Callable[[], float] = time.time
    chance: Random = field(default_factory=lambda: Random(0))  # noqa: S311 (trouble, not secrets)


@dataclass
class Buses:
    """The buses of both sides, and the way from there to the queue."""

    tenant: str
    delivery: Delivery = field(default_factory=Delivery)
    dropped: "Counter[str]" = field(default_factory=Counter)
    """How many events no rule has let pass, by kind."""
    passed: int = 0
    """How many one has."""
    _under_way: list[tuple[float, Document]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def user(self, before: Document | None, after: Document | None) -> None:
        """Hear of a user's change."""
        self.put(of_user(before, after, self.tenant))

    def customer(self, before: Document | None, after: Document | None) -> None:
        """Hear of a customer's change."""
        self.put(of_customer(before, after))

    def test(self, _: str, kind: str) -> None:
        """Take the event by which somebody tries the tenant's stream."""
        self.put(auth0_event(kind, {"user_id": "auth0|test"}, tenant=self.tenant, is_test=True))

    def put(self, event: Document) -> None:
        """Let an event pass to where a rule sends it."""
        if not self.lets_pass(event):
            self.dropped[event["detail-type"]] += 1
            return
        way = self.delivery
        times = 1 + (way.chance.random() < way.twice)
        with self._lock:
            self.passed += 1
            for _ in range(times):
                at = way.clock() + way.chance.uniform(0, way.late_seconds)
                self._under_way.append((at, event))

    def lets_pass(self, event: Document) -> bool:
        """Return whether a rule takes it."""
        message: Any = event
        return any(each.matches_event(message) for each in rules())

    def take(self) -> list[Document]:
        """Return what has arrived by now."""
        with self._lock:
            now = self.delivery.clock()
            arrived = [event for at, event in self._under_way if at <= now]
            self._under_way = [each for each in self._under_way if each[0] > now]
        if self.delivery.is_shuffled:
            self.delivery.chance.shuffle(arrived)
        return arrived
