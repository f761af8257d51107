"""Proof that both sides' events come through: an event of each, and what the function counts."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from customerlink.adapters.stripe.sdk import stripe
from customerlink.cli.errors import CliError
from customerlink.cli.event_bridge import EventBridge
from customerlink.cli.event_stream import EventStream, EventStreams
from customerlink.cli.output import Output
from customerlink.model.beats import BEAT, canary_address, is_canary

AWAITED = {"sync_test": "Auth0's test event", "sync_beat": "Stripe's beat"}
"""What the function counts, by metric."""

POLL_SECONDS, PATIENCE_SECONDS = 10.0, 600.0
"""CloudWatch shows a count after a minute or two."""

_RUNBOOK = "docs/operations.md#no-events-come"


def beat(customers: stripe.CustomerService, stack: str) -> None:
    """Change the canary, a customer that is nobody's: Stripe tells of it as of any other."""
    now = datetime.now(UTC).isoformat()
    for each in canaries(customers, stack):
        customers.update(each, {"metadata": {BEAT: now}})
        return
    address = canary_address(stack)
    described = f"Customer Link's beats of the stack {stack}: changed to see that events come."
    made = customers.create(
        {"email": address, "description": described, "metadata": {BEAT: "none yet"}}
    )
    # Of a customer that is made Stripe tells nothing that the rule takes.
    customers.update(made.id, {"metadata": {BEAT: now}})


def canaries(customers: stripe.CustomerService, stack: str) -> list[str]:
    """Return the canary's id, if there is one."""
    found = customers.list({"email": canary_address(stack)}).auto_paging_iter()
    return [each.id for each in found if is_canary(each.metadata or {})]


@dataclass(frozen=True)
class Proof:
    """Sends an event of each side, and waits until both are counted."""

    bridge: EventBridge
    output: Output

    def of(
        self,
        streams: EventStreams,
        stream: EventStream,
        customers: stripe.CustomerService,
        stack: str,
    ) -> float:
        """Return after how many seconds both had come; a `CliError` says which has not."""
        since, began = datetime.now(UTC), time.monotonic()
        # An earlier run's may be of the same minute.
        before = self._counted(since)
        self.output.step("send a test event of Auth0's, and a beat of Stripe's")
        streams.send_test(stream)
        beat(customers, stack)
        while missing := self._missing(before, since):
            if time.monotonic() - began > PATIENCE_SECONDS:
                break
            self.output.wait(f"for {' and '.join(missing)}", POLL_SECONDS)
        if missing:
            text = f"Not come through in {PATIENCE_SECONDS:.0f} s: {' and '.join(missing)}."
            raise CliError(text, _RUNBOOK)
        return time.monotonic() - began

    def _counted(self, since: datetime) -> dict[str, int]:
        return {each: self.bridge.counted(each, since) for each in AWAITED}

    def _missing(self, before: Mapping[str, int], since: datetime) -> list[str]:
        now = self._counted(since)
        return [name for each, name in AWAITED.items() if now[each] <= before[each]]
