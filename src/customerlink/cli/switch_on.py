"""Install --sync: both sides' events switched on, step by step.

Each step looks first, and finds what an earlier run has made by its name; so whatever interrupts
it, the same command goes on.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import ClassVar, NoReturn

from customerlink.cli.config import Mode
from customerlink.cli.deployment import AUTH0_SOURCE, STRIPE_SOURCE, Deployment
from customerlink.cli.enrolling import Enrolling
from customerlink.cli.errors import AGAIN, CliError, Exit
from customerlink.cli.event_bridge import (
    OF_TEST_DATA,
    STRIPE_PREFIX,
    EventSource,
    SourceState,
)
from customerlink.cli.event_destination import KINDS as STRIPE_KINDS
from customerlink.cli.event_destination import (
    PAYLOAD,
    WHOSE,
    Destination,
    EventDestinations,
    destinations_key,
)
from customerlink.cli.event_stream import KINDS, SWITCHING_ON, EventStream, EventStreams
from customerlink.cli.installing import Change, Kind, show, tell
from customerlink.cli.release import sync_name
from customerlink.cli.session import Session
from customerlink.cli.sync_beats import Proof
from customerlink.cli.tenant import GRANT, Tenant
from customerlink.model.sync_policy import Differences, SyncBy

POLL_SECONDS, PATIENCE_SECONDS = 5.0, 300.0
"""A partner makes its source within a minute."""

THERE = (SourceState.PENDING, SourceState.ACTIVE)
LAPSED = f"{AGAIN} If a week has gone by, AWS has deleted it: {{}}, delete what made it before."

IS_ON = "sync is on"

DEPLOY = "make build && sam deploy --guided"
TENANT_SECRET = "docs/scale.md#in-the-cloud"  # noqa: S105 (a place)


@dataclass(frozen=True)
class Switch:
    """What is switched on: one stack's, and one tenant's, events."""

    now: Session
    deployment: Deployment
    differences: Differences
    stripe_source: str | None = None
    """The source of a destination that was made in Stripe's dashboard."""
    by: ClassVar[SyncBy] = SyncBy.EVENTBRIDGE

    @property
    def name(self) -> str:
        """Return what the stream and the destination are called."""
        return sync_name(self.deployment.stack)

    @cached_property
    def streams(self) -> EventStreams:
        """Return the tenant's event streams."""
        return self.tenant.streams(self.name, self.by)

    @cached_property
    def tenant(self) -> Tenant:
        """Return the Auth0 side, by one token."""
        return self.now.tenant()

    def on(self, *, dry_run: bool, yes: bool) -> None:
        """Carry out what is missing, and prove that events come."""
        output = self.now.output
        with output.busy("Looking at the stack and the tenant"):
            self._check()
            changes = [*self._missing()]
        if dry_run:
            show(output, changes)
            tell(output, changes, IS_ON)
            return
        if changes:
            self.now.confirm("Switch sync on", yes=yes)
        self._switch_on(changes)

    def _switch_on(self, changes: list[Change]) -> None:
        # Asked for before the users are looked at, which may take hours.
        connect = self._connecting()
        rows = self._enrol()
        stream = self._enabled(connect())
        seconds = Proof(self.deployment.event_bridge, self.now.output).of(
            self.streams, stream, self.now.own_probe().customers, self.deployment.stack
        )
        Enrolling(self.now, self.differences).finish()
        self._tell(changes, rows, seconds)

    # What is there

    def _check(self) -> None:
        """Raise for what is missing of all that the steps need."""
        parameters = self.deployment.outputs.parameters
        if not {AUTH0_SOURCE, STRIPE_SOURCE} <= parameters.keys():
            raise CliError("The stack is an earlier release's, without sync.", DEPLOY)
        if not self.deployment.read_secret().stripe_key:
            raise CliError("Nothing is installed yet.", "customerlink install")
        if not self.deployment.has_tenant_secret():
            text = "The functions cannot ask Auth0: the secret TenantSecretName has no value."
            raise CliError(text, TENANT_SECRET, Exit.REFUSED)
        scopes = self.tenant.missing_scopes(SWITCHING_ON)
        if scopes:
            raise CliError(f"The Auth0 client lacks {', '.join(scopes)}.", GRANT, Exit.REFUSED)
        denied = self._denied()
        if denied:
            text = f"The AWS credentials may not call {', '.join(denied)}."
            raise CliError(text, "docs/sync.md#what-it-needs", Exit.REFUSED)

    def _missing(self) -> Iterator[Change]:
        """Name what is to be done, as far as it can be known before."""
        stream = self.streams.find()
        auth0_source, stripe_source = self.deployment.event_sources
        is_on = stream is not None and stream.is_enabled
        yield from self._to_enrol(is_on=is_on)
        if not self._is_there(stripe_source):
            yield Change(Kind.CREATE_DESTINATION, self.name)
        if not stream:
            yield Change(Kind.CREATE_STREAM, self.name)
        if not (auth0_source and stripe_source) or (stream and stream.source != auth0_source):
            yield Change(Kind.UPDATE_STACK, f"{AUTH0_SOURCE} and {STRIPE_SOURCE}")
        if not is_on:
            yield Change(Kind.ENABLE_STREAM, self.name)

    def _to_enrol(self, *, is_on: bool) -> Iterator[Change]:
        if self.differences is Differences.APPLY:
            yield Change(Kind.ENROL, "who differs gets Auth0's values in Stripe")
        elif not is_on:
            yield Change(Kind.ENROL, "true links are recorded; who differs is listed, and stays")

    def _denied(self) -> list[str]:
        """Return what the AWS credentials may not call."""
        return self.deployment.event_bridge.denied()

    # The steps

    def _connecting(self) -> Callable[[], EventStream]:
        """Ask for what it takes; return what gives both sides' events a way to the queue."""
        return partial(self._connected, self._destinations())

    def _connected(self, destinations: EventDestinations | None) -> EventStream:
        destination = self._destination(destinations)
        stream = self._stream()
        wanted = {AUTH0_SOURCE: stream.source, STRIPE_SOURCE: destination}
        self._update_stack(wanted)
        for each in self.deployment.event_sources:
            self._awaited(each, SourceState.ACTIVE)
        return stream

    def _enrol(self) -> Sequence[Mapping[str, str]]:
        """Enrol who is there; return who was not, and why."""
        stream = self.streams.find()
        # Whoever changes from then on is told of; to look at all the others again is for who asks.
        if stream and stream.is_enabled and self.differences is Differences.REPORT:
            return ()
        return Enrolling(self.now, self.differences).run()

    def _destinations(self) -> EventDestinations | None:
        """Return what makes Stripe's destination, its key tried; None where nothing is to."""
        if self.stripe_source or self._is_there(self.deployment.event_sources[1]):
            return None
        key, config = destinations_key(), self.now.config
        if not key:
            return None
        found = EventDestinations(key, config.stripe_api_base, config.mode, self.name)
        with self.now.output.busy("Asking Stripe"):
            found.find()
        return found

    def _destination(self, destinations: EventDestinations | None) -> str:
        """Return the source of Stripe's events, made now if there is none."""
        known = self.deployment.event_sources[1]
        if self.stripe_source is None and self._is_there(known):
            return known
        if self.stripe_source:
            return self._awaited(self.stripe_source, *THERE)
        source = self._made(destinations).source if destinations else self._made_by_hand()
        fix = LAPSED.format("Stripe's dashboard, Workbench > Webhooks")
        return self._awaited(source, *THERE, fix=fix)

    def _made(self, found: EventDestinations) -> Destination:
        bridge = self.deployment.event_bridge
        destination = found.find()
        if destination is None:
            self._step(Kind.CREATE_DESTINATION, self.name)
            destination = found.create(bridge.account, bridge.region)
        self._refuse_elsewhere(destination.account, destination.region, "Stripe's destination")
        if not destination.is_enabled:
            found.enable(destination)
        return destination

    def _made_by_hand(self) -> str:
        """Return the one source of Stripe's that waits for a bus, or say how to make it."""
        is_live = self.now.config.mode is Mode.LIVE
        found = self.deployment.event_bridge.pending(STRIPE_PREFIX)
        pending = [each for each in found if not (is_live and OF_TEST_DATA in each.name)]
        if len(pending) > 1:
            names = ", ".join(each.name for each in pending)
            raise CliError(f"Several sources of Stripe's wait: {names}.", "--stripe-source NAME")
        if pending:
            self.now.output.say(f"{pending[0].name} is Stripe's only one that waits: it is taken.")
            return pending[0].name
        bridge = self.deployment.event_bridge
        self._told_by_hand(
            ("destination type", "Amazon EventBridge"),
            ("AWS account ID", bridge.account),
            ("AWS region", bridge.region),
        )
        raise CliError("There is no event destination of Stripe's yet.", f"Make it. {AGAIN}")

    def _told_by_hand(self, *where: tuple[str, str]) -> None:
        """Tell what is to be set in Stripe's dashboard, and where the events go."""
        self._told(
            "In Stripe's dashboard, Workbench > Webhooks > Create an event destination:",
            [
                ("name", self.name),
                ("events from", f"your account ({WHOSE})"),
                ("payload style", PAYLOAD),
                ("events", ", ".join(STRIPE_KINDS)),
                *where,
            ],
        )

    def _stream(self) -> EventStream:
        """Return the tenant's stream, made now if there is none, once AWS has its source."""
        bridge, stream = self.deployment.event_bridge, self.streams.find()
        if stream is None:
            if self.now.config.is_declared:
                self._to_declare("disabled")
            self._step(Kind.CREATE_STREAM, self.name)
            stream = self.streams.create(bridge.account, bridge.region)
        self._refuse_elsewhere(stream.account, stream.region, "Auth0's stream")
        self._refuse_silent(stream)
        self._awaited(stream.source, *THERE, fix=LAPSED.format("Auth0's dashboard, Event Streams"))
        return stream

    def _refuse_silent(self, stream: EventStream) -> None:
        if missing := sorted(frozenset(map(str, KINDS)) - stream.kinds):
            text = f"Auth0's stream {self.name} does not tell of {', '.join(missing)}."
            raise CliError(text, "Auth0's dashboard, Event Streams: add them.")

    def _to(self) -> Sequence[tuple[str, str]]:
        """Return where the stream goes, for who makes it."""
        bridge = self.deployment.event_bridge
        return [
            ("destination", "eventbridge"),
            ("aws_account_id", bridge.account),
            ("aws_region", bridge.region),
        ]

    def _to_declare(self, status: str) -> NoReturn:
        """Tell what the tool has to set that declares the tenant."""
        kinds = ("subscriptions", ", ".join(KINDS))
        self._told(
            "For the tool that declares the tenant, an event stream:",
            [("name", self.name), kinds, *self._to(), ("status", status)],
        )
        raise CliError(f"The tenant has no event stream that is {status}.", f"Set it. {AGAIN}")

    def _update_stack(self, wanted: Mapping[str, str]) -> None:
        if wanted.items() <= self.deployment.outputs.parameters.items():
            return
        about = ", ".join(f"{name}={value}" for name, value in wanted.items())
        self._step(Kind.UPDATE_STACK, f"which takes some minutes: {about}")
        with self.now.output.busy("Updating the stack"):
            self.deployment.change_parameters(wanted)

    def _enabled(self, stream: EventStream) -> EventStream:
        if stream.is_enabled:
            return stream
        if self.now.config.is_declared:
            self._to_declare("enabled")
        self._step(Kind.ENABLE_STREAM, self.name)
        self.streams.switch(stream, on=True)
        return stream

    # Waiting

    def _awaited(self, name: str, *states: SourceState, fix: str = AGAIN) -> str:
        """Wait until AWS has a source in one of these states; say how long it stays pending."""
        end, found = time.monotonic() + PATIENCE_SECONDS, self._source(name)
        while found is None or found.state not in states:
            if time.monotonic() > end:
                state = found.state if found else "not there"
                raise CliError(f"The source {name} is {state}.", fix, Exit.UNREACHABLE)
            self.now.output.wait(f"for AWS to have {name} {states[0]}", POLL_SECONDS)
            found = self._source(name)
        if found.until:
            until = f"{found.until:%Y-%m-%d %H:%M %Z}"
            self.now.output.say(f"{name} waits for the stack; AWS deletes it at {until}.")
        return name

    def _is_there(self, name: str) -> bool:
        """Return whether its partner has not deleted it, nor AWS for want of a bus."""
        found = self._source(name)
        return found is not None and found.state is not SourceState.DELETED

    def _source(self, name: str) -> EventSource | None:
        return self.deployment.event_bridge.source(name) if name else None

    def _refuse_elsewhere(self, account: str, region: str, what: str) -> None:
        bridge = self.deployment.event_bridge
        if (account, region) != (bridge.account, bridge.region):
            text = f"{what} {self.name} is for account {account}, {region}."
            fix = "Delete it, or name the stack that it is for by --stack and --region."
            raise CliError(text, fix, Exit.REFUSED)

    def _told(self, title: str, values: Sequence[tuple[str, str]]) -> None:
        """Tell what somebody else is to set, whoever reads the rest."""
        for line in (title, *(f"  {name}: {value}" for name, value in values)):
            self.now.output.meanwhile(line)

    def _step(self, kind: Kind, about: str) -> None:
        self.now.output.step(f"{kind}: {about}")

    def _tell(
        self, changes: list[Change], rows: Sequence[Mapping[str, str]], seconds: float
    ) -> None:
        output = self.now.output
        output.table(
            "Sync is on." if changes else f"Nothing to do: {IS_ON}.",
            [("events came after", f"{seconds:.0f} s"), ("look at it", "customerlink doctor")],
        )
        ended = {"changes": [each.kind for each in changes], "rows": rows}
        output.document(ended | {"seconds": round(seconds), "steps": output.steps})
