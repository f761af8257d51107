"""Uninstall --sync: both sides' events switched off, in the reverse order of the switching on."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from customerlink.cli.deployment import AUTH0_SOURCE, STRIPE_SOURCE, Deployment
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.event_destination import EventDestinations, destinations_key
from customerlink.cli.event_stream import SWITCHING_OFF, EventStream, EventStreams
from customerlink.cli.installing import Change, Kind, show, tell
from customerlink.cli.release import sync_name
from customerlink.cli.session import Session
from customerlink.cli.sync_beats import canaries
from customerlink.cli.tenant import GRANT

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
        return self.now.tenant().streams(self._name)

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
        stream, has_sources = self._streams.find(), any(self.deployment.event_sources)
        if stream and stream.is_enabled:
            yield Change(Kind.DISABLE_STREAM, self._name)
        if has_sources:
            yield Change(Kind.LET_GO_OF_SOURCES, self.deployment.stack)
        if self._may_have_destination(stream):
            yield Change(Kind.DELETE_DESTINATION, self._name)
        if stream:
            yield Change(Kind.DELETE_STREAM, self._name)
        yield from (Change(Kind.DELETE_CANARY, each) for each in self._canaries())

    def _may_have_destination(self, stream: EventStream | None) -> bool:
        """Return whether there may be one: only the key that is not kept would tell."""
        return stream is not None or any(self.deployment.event_sources)

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
        if any(self.deployment.event_sources):
            self._step(Kind.LET_GO_OF_SOURCES, "which takes some minutes")
            with self.now.output.busy("Updating the stack"):
                self.deployment.change_parameters({AUTH0_SOURCE: "", STRIPE_SOURCE: ""})

    def _delete_destination(self) -> None:
        key, config = destinations_key(), self.now.config
        if not key:
            text = f"Stripe's event destination {self._name} is yours to delete"
            self.now.output.say(f"{text}: Stripe's dashboard, Workbench > Webhooks.")
            return
        destinations = EventDestinations(key, config.stripe_api_base, config.mode, self._name)
        found = destinations.find()
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
