"""Rotate: a new signing secret, Stripe key or key of link tickets, while sign-ups go on.

A signing secret goes through four states, each of which a second run recognises:

1. `[old]`: add the new one, so that functions accept both.
2. `[old, new]`, some Action has the old one: once every function has fetched the secret again, give
   each Action the new one.
3. `[old, new]`, the Actions have the new one: once no login runs an old version, drop the old one.
4. `[new]`.

A key of link tickets goes through three: `[old]`; `[old, new]`, of which the functions themselves
take the new one once every one of them knows it, and the old one's last tickets expire; `[new]`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer

from customerlink.adapters.aws.secrets_manager import REFRESH_SECONDS
from customerlink.cli.declared_install import MODE, ToFile
from customerlink.cli.declared_rotation import DeclaredRotation
from customerlink.cli.deployment import Deployment
from customerlink.cli.errors import AGAIN, CliError, Exit
from customerlink.cli.event_destination import typed
from customerlink.cli.posts_rotation import KNOWN_SECONDS as KNOWN_POSTS_SECONDS
from customerlink.cli.posts_rotation import LAST_POSTS_SECONDS, PostsRotation
from customerlink.cli.probes import StripeProbe, checked, self_test
from customerlink.cli.release import action_name, endpoint, sync_name
from customerlink.cli.session import Json, Yes, session, stripe_key_given
from customerlink.cli.stored_secret import StoredSecret, new_signing_secret
from customerlink.cli.tenant import Tenant
from customerlink.cli.watching import Watching
from customerlink.model.action_faults import set_anew
from customerlink.model.actions import (
    LOGIN,
    SIGNING_SECRET,
    TRIGGERS,
    URL,
    Action,
    marked,
    unmarked,
)
from customerlink.model.notes import Note, fingerprint, noted
from customerlink.model.sync_policy import SyncBy
from customerlink.model.tickets import KNOWN_SECONDS, TICKET_SECONDS, new_ticket_key

# For the fetch (2 s), a call that began before it (8 s), and clocks that differ (2 s).
MARGIN_SECONDS = 15.0
LAST_LOGINS_SECONDS = 30.0
"""Auth0 ends a login's Actions after 20 s: then nobody signs with the old secret any more."""

TICKET_KEY_SECONDS = KNOWN_SECONDS + TICKET_SECONDS + MARGIN_SECONDS
"""So long the old key's tickets may be about."""

INSTALL = "customerlink install"

DONE = "Done: the new signing secret is the only one."
STREAM_LEFT = (
    "Let the tool that declares the event stream set the last of auth0_bearer_tokens; then run the "
    "same command again, which drops the first."
)
HALF_WAY = "Let the tool that declares the Actions set it; then run the same command again."

app = typer.Typer(
    name="rotate",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Replace a key or a secret, while sign-ups go on.",
)


@app.command("signing-secret", epilog="Example: customerlink rotate signing-secret")
def signing_secret(  # noqa: PLR0913 (a flag each)
    context: typer.Context,
    *,
    to_file: ToFile = None,
    yes: Yes = False,
    as_json: Json = False,
    refresh_seconds: Annotated[float, typer.Option(hidden=True, min=0)] = REFRESH_SECONDS
    + MARGIN_SECONDS,
    last_logins_seconds: Annotated[float, typer.Option(hidden=True, min=0)] = LAST_LOGINS_SECONDS,
) -> None:
    """Replace the secret that the Action signs with; it takes about six minutes.

    No sign-up is refused meanwhile. Interrupted anywhere, a second run finishes. With actions =
    "declared" in customerlink.toml it writes the new one into --to-file and ends; run it again once
    the tool that declares the Actions has set it (docs/declared.md).
    """
    now = session(context, as_json=as_json)
    if to_file and not now.config.is_declared:
        raise CliError("Rotate sets the secret itself: nothing is handed over.", MODE, Exit.USAGE)
    now.refuse_other_mode()
    now.confirm("Rotate the signing secret", yes=yes)
    output = now.output
    rotation = Rotation(
        now.deployment,
        now.tenant(),
        now.config.action_name,
        output.step,
        output.wait,
        refresh_seconds,
        last_logins_seconds,
    )
    watching = Watching(rotation.deployment, rotation.tenant, now.config)
    if now.config.is_declared:
        is_done = DeclaredRotation(rotation, to_file, watching).run()
    else:
        rotation.run()
        # An earlier run may have ended between an Action and the watch.
        watching.keep()
        is_done = True
    output.say(DONE if is_done else HALF_WAY)
    output.document({"done": is_done, "steps": output.steps})


@app.command("stripe-key", epilog="Example: customerlink rotate stripe-key < new-key")
def stripe_key(
    context: typer.Context,
    *,
    change_mode: Annotated[
        bool,
        typer.Option(
            "--change-mode", help="Also where the stack's key is of the other mode, by mistake."
        ),
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Replace the Stripe key, after Stripe was asked what the new one may do.

    The new key is asked for, or read from a pipe. Functions take it within five minutes, or as
    soon as Stripe rejects the old one.
    """
    now = session(context, as_json=as_json)
    if not change_mode:
        now.refuse_other_mode()
    key = checked(stripe_key_given(now.output), now.config.mode).value
    now.confirm("Rotate the Stripe key", yes=yes)
    changed = rotate_stripe_key(now.deployment, now.probe(key), key, now.output.step)
    if changed:
        now.output.say("Done. In five minutes, expire the old key in Stripe's dashboard.")
    else:
        now.output.say("Nothing to do: this is the key that is stored.")
    now.output.document({"changed": changed, "steps": now.output.steps})


@app.command("ticket-key", epilog="Example: customerlink rotate ticket-key")
def ticket_key(
    context: typer.Context,
    *,
    leaked: Annotated[
        bool,
        typer.Option(
            "--leaked", help="Drop the old one at once; who is linking has to begin anew."
        ),
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
    seconds: Annotated[float, typer.Option(hidden=True, min=0)] = TICKET_KEY_SECONDS,
) -> None:
    """Replace the key that signs link tickets; it takes about sixteen minutes.

    Nobody is refused meanwhile, unless it is --leaked. Interrupted anywhere, a second run finishes.
    """
    now = session(context, as_json=as_json)
    now.refuse_other_mode()
    now.confirm("Rotate the key of link tickets", yes=yes)
    deployment, output = now.deployment, now.output
    if leaked:
        replace_ticket_key(deployment, output.step)
    else:
        rotate_ticket_key(deployment, output.step, output.wait, seconds)
    output.say("Done: the new key is the only one.")
    output.document({"steps": output.steps})


@app.command("event-secrets", epilog="Example: customerlink rotate event-secrets < new-secret")
def event_secrets(
    context: typer.Context,
    *,
    yes: Yes = False,
    as_json: Json = False,
    known_seconds: Annotated[float, typer.Option(hidden=True, min=0)] = KNOWN_POSTS_SECONDS,
    last_posts_seconds: Annotated[float, typer.Option(hidden=True, min=0)] = LAST_POSTS_SECONDS,
) -> None:
    """Replace by what Auth0 and Stripe are known that post events; it takes a minute.

    For where sync is by webhook (docs/sync.md). Auth0's token is made anew, and its stream gets
    it. Stripe's signing secret is rolled in Stripe's dashboard, where the old one stays for a
    while; the new one is asked for, or read from a pipe. An empty line in its place drops the old
    one, once that has expired. No event is lost meanwhile, and a second run finishes.
    """
    now = session(context, as_json=as_json)
    now.refuse_other_mode()
    streams = now.tenant().streams(sync_name(now.deployment.stack), SyncBy.WEBHOOK)
    output = now.output
    rotation = PostsRotation(
        now.deployment, streams, output.step, output.wait, known_seconds, last_posts_seconds
    )
    rotation.check()
    given = typed("Stripe's new signing secret (empty: none):")
    now.confirm("Rotate by what both sides' events are known", yes=yes)
    rotation.signing_secret(given)
    if now.config.is_declared:
        is_done = rotation.declared()
    else:
        rotation.token()
        is_done = True
    output.say("Done: Auth0's new token is the only one." if is_done else STREAM_LEFT)
    output.document({"done": is_done, "steps": output.steps})


@dataclass(frozen=True)
class _Signing:
    """An Action that signs, and what it calls."""

    tenant: Tenant
    action: Action
    url: str
    note: Note | None

    def knows(self, signing_secret: str) -> bool:
        """Return whether it was the last one that we gave the Action, whatever became of it."""
        return self.note is not None and self.note.settings == fingerprint(self.url, signing_secret)

    def has(self, signing_secret: str) -> bool:
        return self.knows(signing_secret) and not (
            self.note and self.note.changed(self.action.secrets)
        )

    def runs(self, signing_secret: str) -> bool:
        """Return whether logins run with it, and will after the next deployment."""
        is_noted = self.note is not None and not set_anew(self.action, self.note)
        return is_noted and self.knows(signing_secret)

    def give(self, signing_secret: str) -> Note:
        settings = {URL: self.url, SIGNING_SECRET: signing_secret}
        given = self.tenant.update(self.action, marked(unmarked(self.action.code)), settings)
        made = noted(given.secrets, self.url, signing_secret)
        return made.with_texts_of(self.note) if self.note else made


@dataclass
class Rotation:
    """A rotation of the signing secret; `tell` gets each step, `wait` is told how long and why."""

    deployment: Deployment
    tenant: Tenant
    action_name: str
    tell: Callable[[str], None]
    wait: Callable[[str, float], None]
    refresh_seconds: float = REFRESH_SECONDS + MARGIN_SECONDS
    last_logins_seconds: float = LAST_LOGINS_SECONDS

    def run(self) -> None:
        """Go on from wherever the last run stopped, to the end."""
        secret = self.deployment.read_secret()
        actions = self._actions(secret)
        if len(secret.signing_secrets) == 1:
            self.tell("add a new signing secret beside the old one")
            both = secret.with_signing(*secret.signing_secrets, new_signing_secret())
            secret = self.deployment.write_secret(both)
        new = secret.signing_secrets[-1]
        without = [each for each in actions if not each.has(new)]
        if without:
            # Since it was stored, or a note beside it, by whichever run: a second run waits for the
            # rest only.
            left = self.refresh_seconds - secret.age(time.time())
            if left > 0:
                self.wait("until every function has fetched both", left)
            # Before these Actions have it: refused, it leaves their logins with the old one.
            self.check(new)
        for each in without:
            self.tell(f"give the Action {each.action.name} the new one, and deploy it")
            self.deployment.note(each.action.id, each.give(new))
            each.tenant.deploy(each.action.id)
        for each in actions:
            # An earlier run ended between giving it the secret and deploying it.
            if each not in without and not each.action.is_deployed:
                self.tell(f"deploy the Action {each.action.name}")
                each.tenant.deploy(each.action.id)
        self.wait("until no login runs an Action's old version", self.last_logins_seconds)
        self.check(new)
        # Read again: somebody may have set an Action back meanwhile, or put in another Stripe key.
        stored = self.deployment.read_secret()
        if not all(each.runs(new) for each in self._actions(stored)):
            raise CliError("An Action was set anew meanwhile: both secrets stay valid.", AGAIN)
        self.tell("drop the old signing secret")
        self.deployment.write_secret(stored.with_signing(new))

    def _actions(self, secret: StoredSecret) -> list["_Signing"]:
        """Return every Action that signs; that of the Login flow has to be among them."""
        if not secret.signing_secrets:
            raise CliError("There is no signing secret to rotate yet.", INSTALL)
        found = []
        for trigger in TRIGGERS:
            tenant, name = self.tenant.at(trigger), action_name(self.action_name, trigger)
            action = tenant.find(name)
            if action is not None and action.is_ours:
                url = endpoint(self.deployment.outputs.url, trigger)
                found.append(_Signing(tenant, action, url, secret.notes.get(action.id)))
            elif trigger == LOGIN:
                raise CliError(f"{name} was not put in by customerlink install.", INSTALL)
        for each in found:
            if not any(each.knows(one) for one in secret.signing_secrets):
                text = f"Nobody noted that {each.action.name} has one of the stack's secrets."
                raise CliError(text, INSTALL)
        return found

    def check(self, signing_secret: str) -> None:
        """Send a self-test: whoever gets the new secret is refused as little."""
        self.tell("send the endpoint a self-test signed with the new one")
        result = self_test(self.deployment.outputs.url, signing_secret)
        if not result.passed:
            text = (
                f"The endpoint answered {result.status} {result.reason}: both secrets stay valid."
            )
            raise CliError(text, "Run the same command again, or customerlink doctor.")


def rotate_stripe_key(
    deployment: Deployment, probe: StripeProbe, key: str, tell: Callable[[str], None]
) -> bool:
    """Check a new key before it replaces the old one; return whether anything changed."""
    secret = deployment.read_secret()
    if secret.stripe_key == key:
        return False
    tell("ask Stripe whether the new key may list customers")
    probe.list_customers()
    tell("store the new key")
    deployment.write_secret(secret.with_key(key))
    return True


def replace_ticket_key(deployment: Deployment, tell: Callable[[str], None]) -> None:
    """Put a new key in the place of all that there are."""
    secret = _with_ticket_keys(deployment)
    tell("replace the key")
    deployment.write_secret(secret.with_ticket_keys(new_ticket_key(time.time())))


def rotate_ticket_key(
    deployment: Deployment,
    tell: Callable[[str], None],
    wait: Callable[[str, float], None],
    seconds: float = TICKET_KEY_SECONDS,
) -> None:
    """Go on from wherever the last run stopped, to the end."""
    secret = _with_ticket_keys(deployment)
    if len(secret.ticket_keys) == 1:
        tell("add a new key beside the old one")
        both = secret.with_ticket_keys(*secret.ticket_keys, new_ticket_key(time.time()))
        secret = deployment.write_secret(both)
    left = seconds - secret.age(time.time())
    if left > 0:
        wait("until the old key's last tickets have expired", left)
    tell("drop the old key")
    # Read again: somebody may have put in another Stripe key meanwhile.
    deployment.write_secret(deployment.read_secret().with_ticket_keys(secret.ticket_keys[-1]))


def _with_ticket_keys(deployment: Deployment) -> StoredSecret:
    secret = deployment.read_secret()
    if not secret.ticket_keys:
        raise CliError("There is no key of link tickets to rotate yet.", INSTALL)
    return secret
