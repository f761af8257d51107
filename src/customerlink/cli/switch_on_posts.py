"""Install --sync --by webhook: both sides post their events, where there is no EventBridge.

The same steps in another order: the stack first, since it makes the addresses, then by what each
side is known, then who posts. Each looks first, so the same command goes on after any interruption.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import ClassVar, NoReturn, override

from customerlink.cli.deployment import AUTH0_SOURCE, STRIPE_SOURCE, SYNC_BY
from customerlink.cli.errors import AGAIN, CliError, Exit
from customerlink.cli.event_destination import WEBHOOK, Destination, EventDestinations, typed
from customerlink.cli.event_stream import EventStream
from customerlink.cli.installing import Change, Kind
from customerlink.cli.switch_on import DEPLOY, Switch
from customerlink.model.sync_policy import SyncBy
from customerlink.model.webhook_secret import WebhookSecret, is_secret
from customerlink.model.webhooks import Sender

SIGNING = "whsec_"
"""How a signing secret of Stripe's begins."""

_ASKED = (
    "Stripe key that may write event destinations, not stored; "
    f"or the signing secret ({SIGNING}...) of one made by hand (empty: by hand):"
)


def new_token() -> str:
    """Return what Auth0 is known by."""
    return secrets.token_urlsafe(32)


def checked_signing(given: str) -> str:
    """Return a signing secret of Stripe's; raise for what the function would take for none."""
    if not (given.startswith(SIGNING) and is_secret(given)):
        fix = "Stripe's dashboard, Workbench > Webhooks, at the destination"
        raise CliError("This is no signing secret of Stripe's.", fix, Exit.USAGE)
    return given


class PostsSwitch(Switch):
    """What is switched on where both sides post."""

    by: ClassVar[SyncBy] = SyncBy.WEBHOOK

    @override
    def _check(self) -> None:
        super()._check()
        if SYNC_BY not in self.deployment.outputs.parameters:
            raise CliError("The stack is an earlier release's, without posted events.", DEPLOY)

    @override
    def _denied(self) -> list[str]:
        return [each for each in super()._denied() if not each.startswith("events:")]

    @override
    def _missing(self) -> Iterator[Change]:
        stream, known = self.streams.find(), self._known()
        is_on = stream is not None and stream.is_enabled
        yield from self._to_enrol(is_on=is_on)
        if self.deployment.sync_by is not SyncBy.WEBHOOK:
            yield Change(Kind.UPDATE_STACK, f"{SYNC_BY}={SyncBy.WEBHOOK}")
        if not known.stripe_secrets:
            yield Change(Kind.CREATE_DESTINATION, self.name)
        if not known.auth0_tokens:
            yield Change(Kind.STORE_TOKEN, "in Secrets Manager")
        if not stream:
            yield Change(Kind.CREATE_STREAM, self.name)
        if not is_on:
            yield Change(Kind.ENABLE_STREAM, self.name)

    @override
    def _connecting(self) -> Callable[[], EventStream]:
        given = "" if self._known().stripe_secrets else typed(_ASKED)
        if given.startswith(SIGNING):
            checked_signing(given)
        return partial(self._routed, given)

    def _routed(self, given: str) -> EventStream:
        self._update_stack({SYNC_BY: SyncBy.WEBHOOK.value, AUTH0_SOURCE: "", STRIPE_SOURCE: ""})
        self._keep_destination(given)
        return self._posting()

    def _known(self) -> WebhookSecret:
        """Return by what both sides are known; by nothing, as long as the stack has no routes."""
        has_routes = self.deployment.sync_by is SyncBy.WEBHOOK
        return self.deployment.read_webhooks() if has_routes else WebhookSecret()

    def _url(self, sender: Sender) -> str:
        """Return where a side posts."""
        return f"{self.deployment.outputs.events_url}/{sender}"

    # Stripe's

    def _keep_destination(self, given: str) -> None:
        """Make the destination, or take what one signs with, unless that is known."""
        secret = self._known()
        if secret.stripe_secrets:
            return
        if given.startswith(SIGNING):
            self._store(secret.with_secrets("", given))
        elif given:
            self._made_to_post(given, secret)
        else:
            self._refuse_by_hand()

    def _made_to_post(self, key: str, secret: WebhookSecret) -> None:
        config = self.now.config
        found = EventDestinations(key, config.stripe_api_base, config.mode, self.name)
        with self.now.output.busy("Asking Stripe"):
            lost = found.find(WEBHOOK)
        if lost:
            # A run ended before it was stored what this one signs with, and nobody is told again.
            self._step(Kind.DELETE_DESTINATION, lost.id)
            found.delete(lost)
        self._step(Kind.CREATE_DESTINATION, self.name)
        made: Destination = found.create_webhook(self._url(Sender.STRIPE))
        self._store(secret.with_secrets(made.id, made.signing_secret))

    def _refuse_by_hand(self) -> NoReturn:
        self._told_by_hand(
            ("destination type", "Webhook endpoint"), ("endpoint URL", self._url(Sender.STRIPE))
        )
        text = "What Stripe's event destination signs with is not known yet."
        raise CliError(text, f"Make it, and give its signing secret. {AGAIN}")

    # Auth0's

    def _posting(self) -> EventStream:
        """Return the tenant's stream, made now if there is none; it posts with our token."""
        secret = self._known()
        is_new = not secret.auth0_tokens
        if is_new:
            secret = secret.with_tokens(new_token())
        if self.now.config.is_declared:
            self._keep_token(secret, is_new=is_new)
            return self._declared()
        stream = self._told_to_post(secret.auth0_tokens[-1], is_new=is_new)
        # Last: the next run takes a token that is kept for one that the stream was told.
        self._keep_token(secret, is_new=is_new)
        return stream

    def _keep_token(self, secret: WebhookSecret, *, is_new: bool) -> None:
        if is_new:
            self._step(Kind.STORE_TOKEN, "in Secrets Manager")
            self._store(secret)

    def _declared(self) -> EventStream:
        """Return what another tool has made, by the token that is kept."""
        stream = self.streams.find()
        if stream is None:
            self._to_declare("disabled")
        self._refuse_silent(stream)
        return stream

    def _told_to_post(self, token: str, *, is_new: bool) -> EventStream:
        stream, url = self.streams.find(), self._url(Sender.AUTH0)
        if stream is None:
            self._step(Kind.CREATE_STREAM, self.name)
            return self.streams.create_webhook(url, token)
        self._refuse_silent(stream)
        if is_new or stream.url != url:
            self.streams.give(stream, url, token)
        return stream

    @override
    def _to(self) -> Sequence[tuple[str, str]]:
        where = f"auth0_bearer_tokens in the secret {self.deployment.outputs.events_secret_name}"
        return [
            ("destination", "webhook"),
            ("webhook_endpoint", self._url(Sender.AUTH0)),
            ("webhook_authorization", f"bearer; its token is the last of {where}"),
        ]

    def _store(self, secret: WebhookSecret) -> None:
        self.deployment.write_webhooks(secret)


def switch_of(wanted: SyncBy | None, switch: Switch) -> Switch:
    """Return what switches sync on by that way; by the stack's own, unless told another."""
    is_on, now = switch.deployment.has_events, switch.deployment.sync_by
    if wanted and is_on and wanted is not now:
        text = f"Sync is on by {now}."
        raise CliError(text, "customerlink uninstall --sync", Exit.REFUSED)
    if (wanted or now) is SyncBy.EVENTBRIDGE:
        return switch
    return PostsSwitch(switch.now, switch.deployment, switch.differences, switch.stripe_source)
