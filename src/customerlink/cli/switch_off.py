"""Uninstall --sync: both sides' events switched off, in the reverse order of the switching on."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from customerlink.cli.deployment import AUTH0_SOURCE, STRIPE_SOURCE, SYNC_BY, Deployment
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.event_destination import TYPE, WEBHOOK, EventDestinations, destinations_key
from customerlink.cli.event_stream import SWITCHING_OFF, EventStream, EventStreams
from customerlink.cli.installing import Change, Kind, show, tell
from customerlink.cli.release import sync_name
from customerlink.cli.session import Session
from customerlink.cli.sync_beats import canaries
from customerlink.cli.tenant import GRANT, Tenant
from customerlink.model.sync_policy import SyncBy

IS_OFF = "sync is off"
STAYS_ON = "Sync stays on: customerlink uninstall --sync switches it off."


@dataclass(frozen=True)
class SwitchOff:
    """What is switched off: one stack's, and one tenant's, events."""

    now: Session
    deployment: Deployment

    @property
    def _name(self) -> str:
        return sync_name(self.deployment.stack)

    @cached_property
    def _streams(self) -> EventStreams:
        return self._tenant.streams(self._name, self._by)

    @cached_property
    def _tenant(self) -> Tenant:
        return self.now.tenant()

    @cached_property
    def _by(self) -> SyncBy:
        """Return which way is closed; of what an interrupted run has left, the stream says it."""
        has_posts = self._tenant.streams(self._name, SyncBy.WEBHOOK).find() is not None
        return SyncBy.WEBHOOK if has_posts else self.deployment.sync_by

    def off(self, *, dry_run: bool, yes: bool) -> None:
        """Carry out what is left of it; what the ledger remembers stays."""
        output = self.now.output
        with output.busy("Looking at the stack and the tenant"):
            scopes = self.now.tenant().missing_scopes(SWITCHING_OFF)
            if scopes:
                raise CliError(f"The Auth0 client lacks {', '.join(scopes)}.", GRANT, Exit.REFUSED)
            stream, changes = self._streams.find(), [*self._left()]
        if dry_run:
            show(output, changes)
            tell(output, changes, IS_OFF)
            return
        if not changes:
            output.say(f"Nothing to do: {IS_OFF}.")
            output.document({"changes": [], "steps": []})
            return
        self.now.confirm("Switch sync off", yes=yes)
        may_have_destination = self._may_have_destination(stream)
        self._silence(stream)
        self._take_sources_out()
        if may_have_destination:
            self._delete_destination()
        # The last of the three: by it an interrupted run knows that there is more.
        self._delete_stream(stream)
        self._delete_canary()
        output.say("Sync is off.")
        output.document({"changes": [each.kind for each in changes], "steps": output.steps})

    def _left(self) -> Iterator[Change]:
        stream, has_events = self._streams.find(), self.deployment.has_events
        if stream and stream.is_enabled:
            yield Change(Kind.DISABLE_STREAM, self._name)
        if has_events:
            yield Change(self._letting_go, self.deployment.stack)
        if self._may_have_destination(stream):
            yield Change(Kind.DELETE_DESTINATION, self._name)
        if stream:
            yield Change(Kind.DELETE_STREAM, self._name)
        yield from (Change(Kind.DELETE_CANARY, each) for each in self._canaries())

    @property
    def _letting_go(self) -> Kind:
        return Kind.CLOSE_ROUTES if self._by is SyncBy.WEBHOOK else Kind.LET_GO_OF_SOURCES

    def _without_events(self) -> dict[str, str]:
        """Return the stack's parameters as they are without any event."""
        way = {SYNC_BY: SyncBy.EVENTBRIDGE.value} if self._by is SyncBy.WEBHOOK else {}
        return {AUTH0_SOURCE: "", STRIPE_SOURCE: ""} | way

    def _may_have_destination(self, stream: EventStream | None) -> bool:
        """Return whether there may be one: only the key that is not kept would tell."""
        return stream is not None or self.deployment.has_events

    def _silence(self, stream: EventStream | None) -> None:
        """Let Auth0 tell nothing more, before the queue goes: what waits in it goes with it."""
        if stream and stream.is_enabled and not self._is_declared(stream):
            self._step(Kind.DISABLE_STREAM, self._name)
            self._streams.switch(stream, on=False)
        queue = self.deployment.outputs.queue
        waiting = self.deployment.event_bridge.waiting(queue) if queue else 0
        if waiting:
            self.now.output.say(f"{waiting} events wait in the queue, and are dropped with it.")

    def _take_sources_out(self) -> None:
        if self.deployment.has_events:
            self._step(self._letting_go, "which takes some minutes")
            with self.now.output.busy("Updating the stack"):
                self.deployment.change_parameters(self._without_events())

    def _delete_destination(self) -> None:
        key, config = destinations_key(), self.now.config
        if not key:
            text = f"Stripe's event destination {self._name} is yours to delete"
            self.now.output.say(f"{text}: Stripe's dashboard, Workbench > Webhooks.")
            return
        destinations = EventDestinations(key, config.stripe_api_base, config.mode, self._name)
        found = destinations.find(WEBHOOK if self._by is SyncBy.WEBHOOK else TYPE)
        if found:
            self._step(Kind.DELETE_DESTINATION, self._name)
            destinations.delete(found)

    def _delete_stream(self, stream: EventStream | None) -> None:
        if stream and not self._is_declared(stream):
            self._step(Kind.DELETE_STREAM, self._name)
            self._streams.delete(stream)

    def _is_declared(self, stream: EventStream) -> bool:
        """Say whose the stream is, where another tool declares what the tenant has."""
        is_declared = self.now.config.is_declared
        if is_declared and stream.is_enabled:
            tool = "is for the tool that declares the tenant to take out"
            self.now.output.say(f"Auth0's event stream {self._name} {tool}.")
        return is_declared

    def _delete_canary(self) -> None:
        for each in self._canaries():
            self._step(Kind.DELETE_CANARY, each)
            self.now.own_probe().customers.delete(each)

    def _canaries(self) -> list[str]:
        if not self.deployment.read_secret().stripe_key:
            return []
        return canaries(self.now.own_probe().customers, self.deployment.stack)

    def _step(self, kind: Kind, about: str) -> None:
        self.now.output.step(f"{kind}: {about}")
