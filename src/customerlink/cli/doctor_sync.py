"""Doctor's look at both sides' events: from where they are told to where they are dealt with."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from customerlink.cli.checks import Check, bad, good, names_of, warning
from customerlink.cli.config import Config, Mode
from customerlink.cli.deployment import Deployment
from customerlink.cli.event_bridge import OF_TEST_DATA, EventBridge, SourceState
from customerlink.cli.event_stream import KINDS, EventStream, StreamScope
from customerlink.cli.probes import door_status
from customerlink.cli.release import sync_name
from customerlink.cli.sync_beats import AWAITED
from customerlink.cli.tenant import GRANT, Tenant
from customerlink.model.sync_policy import SyncBy
from customerlink.model.webhooks import Sender

SWITCH_ON = "customerlink install --sync"
PROVED_FOR = timedelta(days=14)
"""As far back as beats are looked for; CloudWatch keeps them longer, by the hour."""

MOST_TOLD = 3

SIDES = {Sender.AUTH0: "Auth0", Sender.STRIPE: "Stripe"}


@dataclass(frozen=True)
class SyncLooks:
    """What is looked at of sync; nothing at all where it is off."""

    config: Config
    deployment: Deployment
    tenant: Tenant

    def sync(self) -> Iterator[Check]:
        """Follow the way of an event."""
        if not self.deployment.has_events:
            yield good("sync", "off: nobody's changes are followed by themselves.")
            return
        auth0, stripe = self.deployment.event_sources
        yield self._stream(auth0)
        if self._by is SyncBy.WEBHOOK:
            yield from map(self._door, Sender)
        else:
            for side, source in (("Auth0", auth0), ("Stripe", stripe)):
                yield self._way(f"sync: {side}", side, source)
        yield self._dead_letters()
        yield from self._beats()
        yield self._owed()

    @property
    def _by(self) -> SyncBy:
        return self.deployment.sync_by

    @property
    def _bridge(self) -> EventBridge:
        return self.deployment.event_bridge

    def _stream(self, source: str) -> Check:
        name, called = "sync: stream", sync_name(self.deployment.stack)
        if self.tenant.missing_scopes([StreamScope.READ]):
            return warning(name, f"It was not looked at: it lacks {StreamScope.READ}.", GRANT)
        stream = self.tenant.streams(called, self._by).find()
        if stream is None:
            return bad(name, f"The tenant has no event stream {called}.", SWITCH_ON)
        wrong = self._wrong_with(stream, source)
        return bad(name, wrong, SWITCH_ON) if wrong else good(name, f"{called} is enabled.")

    def _wrong_with(self, stream: EventStream, source: str) -> str | None:
        """Say what is wrong with a stream, the first thing first."""
        if stream.by is SyncBy.EVENTBRIDGE:
            here = self._bridge.account, self._bridge.region
            if (stream.account, stream.region) != here:
                place = f"account {stream.account}, {stream.region}"
                return f"It is for {place}: the stack is elsewhere."
            if stream.source != source:
                return "The stack listens to another source than it has."
        elif stream.url != self._url(Sender.AUTH0):
            return "It posts to another address than the stack's."
        if untold := sorted(frozenset(map(str, KINDS)) - stream.kinds):
            return f"It does not tell of {names_of(untold)}."
        # Auth0 does it too, after many deliveries that failed.
        return None if stream.is_enabled else "It is disabled: nothing is told."

    def _url(self, sender: Sender) -> str:
        return f"{self.deployment.outputs.events_url}/{sender}"

    def _door(self, sender: Sender) -> Check:
        """Look at the route to which a side posts: that it is there, and knows whom to let in."""
        side = SIDES[sender]
        known = self.deployment.read_webhooks()
        if not (known.auth0_tokens if sender is Sender.AUTH0 else known.stripe_secrets):
            meaning = f"The stack does not know {side} by anything: its secret has no value for it."
            return bad(f"sync: {side}", meaning, SWITCH_ON)
        status = door_status(self._url(sender))
        if status != HTTPStatus.UNAUTHORIZED:
            meaning = f"Its route answers {status or 'nothing'} to a stranger, in place of 401."
            return bad(f"sync: {side}", meaning, "docs/operations.md#events-errors")
        return good(f"sync: {side}", "Its route is there, and turns strangers away.")

    def _way(self, name: str, side: str, source: str) -> Check:
        """Look at a side's source, and at the rule that takes its events."""
        if wrong := self._wrong_with_source(side, source):
            return bad(name, wrong, SWITCH_ON)
        rules = self._bridge.rules(source)
        off = sorted(each for each, is_enabled in rules.items() if not is_enabled)
        if off or not rules:
            meaning = f"Disabled: {names_of(off)}." if off else "No rule takes its events."
            return bad(name, meaning, "docs/operations.md#no-events-come")
        return good(name, f"Its source is active, and {names_of(sorted(rules))} takes its events.")

    def _wrong_with_source(self, side: str, source: str) -> str | None:
        if not source:
            return f"The stack has no source of {side}'s events."
        if self.config.mode is Mode.LIVE and OF_TEST_DATA in source:
            return "Its events are of test data, and the profile is live."
        found = self._bridge.source(source)
        if found is None:
            return f"There is no source {source} in {self._bridge.region}."
        return {
            SourceState.PENDING: "Its source waits for a bus: the stack has none.",
            SourceState.DELETED: f"{side} has deleted its source: nothing comes.",
        }.get(found.state)

    def _dead_letters(self) -> Check:
        name, queue = "sync: dead letters", self.deployment.outputs.dead_letters
        count = self._bridge.waiting(queue) if queue else 0
        if count:
            meaning = f"{count} events could not be read or dealt with."
            return bad(name, meaning, "docs/operations.md#sync-dead-letters")
        return good(name, "There are none.")

    def _beats(self) -> Iterator[Check]:
        since = datetime.now(UTC) - PROVED_FOR
        for metric, what in AWAITED.items():
            last = self._bridge.last_counted(metric, since)
            name = f"sync: {'Auth0' if metric == 'sync_test' else 'Stripe'} came"
            if last is None:
                meaning = f"{what} has not come in {PROVED_FOR.days} days: nobody sent any, or no"
                yield warning(name, f"{meaning} event comes.", f"{SWITCH_ON} sends one.")
            else:
                # CloudWatch counts by the hour.
                end = last + timedelta(hours=1)
                hour = f"{last:%Y-%m-%d %H:00} and {end:%H:00} UTC"
                yield good(name, f"{what} came last between {hour}.")

    def _owed(self) -> Check:
        """Tell who is held, or was put off: each has a time at which they are looked at again."""
        name, owed = "sync: held", self.deployment.owed_looks()
        if not owed:
            return good(name, "Nobody is held, or put off.")
        first = names_of(each.user_id for each in owed[:MOST_TOLD])
        more = len(owed) - MOST_TOLD
        others = f", and {more} more" if more > 0 else ""
        return warning(name, f"To be looked at again: {first}{others}.", "customerlink sync USER")
