"""Rotate event-secrets: by what those are known who post events, replaced while they post.

Auth0's token goes through three states, each of which a second run recognises: `[old]`;
`[old, new]`, of which the stream gets the new one once every function would know it; `[new]`.
Stripe makes its own: for as long as it signs with both, the old one stays valid beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from customerlink.cli.deployment import Deployment
from customerlink.cli.errors import CliError
from customerlink.cli.event_stream import EventStreams
from customerlink.cli.switch_on_posts import checked_signing, new_token
from customerlink.model.sync_policy import SyncBy
from customerlink.model.webhook_secret import WebhookSecret
from customerlink.model.webhooks import Sender

KNOWN_SECONDS = 40.0
"""A function looks for a token that it does not know every 30 s."""

LAST_POSTS_SECONDS = 30.0
"""What Auth0 has begun to post with the old one is over by then, or comes again."""

SWITCH_ON = "customerlink install --sync --by webhook"


@dataclass(frozen=True)
class PostsRotation:
    """A rotation; `tell` gets each step, `wait` is told how long and why."""

    deployment: Deployment
    streams: EventStreams
    tell: Callable[[str], None]
    wait: Callable[[str, float], None]
    known_seconds: float = KNOWN_SECONDS
    last_posts_seconds: float = LAST_POSTS_SECONDS

    def check(self) -> None:
        """Raise where nobody posts."""
        if self.deployment.sync_by is not SyncBy.WEBHOOK or self.streams.find() is None:
            raise CliError("Nobody posts events to this stack.", SWITCH_ON)

    def token(self) -> None:
        """Go on with Auth0's token from wherever the last run stopped, to the end."""
        secret = self._with_new_token()
        stream, new = self.streams.find(), secret.auth0_tokens[-1]
        if stream is None:
            raise CliError("The tenant has no event stream that posts.", SWITCH_ON)
        self.wait("until every function would know the new token", self.known_seconds)
        self.tell("give Auth0's event stream the new token")
        self.streams.give(stream, f"{self.deployment.outputs.events_url}/{Sender.AUTH0}", new)
        self.wait("until nothing comes with the old token", self.last_posts_seconds)
        self._drop_old_token()

    def declared(self) -> bool:
        """Do likewise where another tool sets the stream: a run for each half. Return the end."""
        if len(self.deployment.read_webhooks().auth0_tokens) > 1:
            self._drop_old_token()
            return True
        self._with_new_token()
        return False

    def signing_secret(self, given: str) -> None:
        """Take Stripe's new signing secret beside the old one; given none, drop what is old."""
        secret = self.deployment.read_webhooks()
        *_, newest = secret.stripe_secrets or ("",)
        if given and given != newest:
            self.tell("store Stripe's new signing secret beside the old one")
            both = [each for each in (newest, checked_signing(given)) if each]
            self._store(secret.with_secrets(secret.destination, *both))
        elif not given and len(secret.stripe_secrets) > 1:
            self.tell("drop Stripe's old signing secret")
            self._store(secret.with_secrets(secret.destination, newest))

    def _with_new_token(self) -> WebhookSecret:
        secret = self.deployment.read_webhooks()
        if len(secret.auth0_tokens) < 2:  # noqa: PLR2004 (the old one alone)
            self.tell("add a new token beside the old one")
            secret = secret.with_tokens(*secret.auth0_tokens, new_token())
            self._store(secret)
        return secret

    def _drop_old_token(self) -> None:
        self.tell("drop the old token")
        # Read again: somebody may have put in another secret of Stripe's meanwhile.
        secret = self.deployment.read_webhooks()
        self._store(secret.with_tokens(secret.auth0_tokens[-1]))

    def _store(self, secret: WebhookSecret) -> None:
        self.deployment.write_webhooks(secret)
