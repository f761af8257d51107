"""Install: what a deployment lacks, as a plan that is made without changing anything, then run."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Annotated

import typer

from customerlink.adapters.built_actions import action_code
from customerlink.cli.declared_install import MODE, ToFile, install_declared
from customerlink.cli.deployment import Deployment
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.installing import (
    STORED,
    Change,
    Kind,
    completed,
    key_to_store,
    show,
    stored_changes,
    tell,
    tell_installed,
)
from customerlink.cli.output import Output
from customerlink.cli.release import action_name, endpoint
from customerlink.cli.session import Diff, DryRun, Json, Session, Yes, session
from customerlink.cli.stack_parameters import StackUpdate, stack_update
from customerlink.cli.stored_secret import StoredSecret
from customerlink.cli.switch_on import Switch
from customerlink.cli.switch_on_posts import switch_of
from customerlink.cli.tenant import RUNTIME, Binding, Tenant
from customerlink.cli.watching import FIX, NOT_SET_UP, Watching, client_given, may_only_look
from customerlink.model.actions import (
    DENIAL_TEXTS,
    DENYING,
    LOGIN,
    SIGNING_SECRET,
    TRIGGERS,
    URL,
    Action,
    marked,
    secrets_of,
)
from customerlink.model.notes import Note, fingerprint, noted
from customerlink.model.policy import VerifiedEmail
from customerlink.model.secret import Auth0Client
from customerlink.model.sync_policy import Differences, SyncBy

app = typer.Typer()


@dataclass(frozen=True, slots=True)
class Found:
    """What is there before an install."""

    trigger: str
    url: str
    secret: StoredSecret
    action: Action | None
    flow: tuple[Binding, ...]
    texts: str = ""
    """What the stack's denials say, for an Action that denies by itself."""

    @property
    def note(self) -> Note | None:
        """Return what was seen of the Action's secrets when they were last set."""
        return self.secret.notes.get(self.action.id) if self.action else None


@dataclass(frozen=True, slots=True)
class Plan:
    """What an install will do; `secret` is what will be stored."""

    found: Found
    code: str = field(repr=False)
    secret: StoredSecret = field(repr=False)
    signing_secret: str = field(repr=False)
    """The one that the Action gets."""
    action_name: str
    changes: tuple[Change, ...] = ()


@app.command(epilog="Example: customerlink install --dry-run")
def install(  # noqa: PLR0913 (a flag each)
    context: typer.Context,
    *,
    registration: Annotated[
        bool, typer.Option("--registration", help="The registration flow's Actions as well.")
    ] = False,
    verified_email: Annotated[
        VerifiedEmail | None,
        typer.Option(
            help="Whether customers are for verified addresses only; asked for otherwise."
        ),
    ] = None,
    watch_client_id: Annotated[
        str | None,
        typer.Option(
            help="The watch's application, with read:actions alone (docs/operations.md#watch); "
            "its secret is asked for, or CUSTOMERLINK_WATCH_CLIENT_SECRET.",
            envvar="CUSTOMERLINK_WATCH_CLIENT_ID",
        ),
    ] = None,
    watch_anew: Annotated[
        bool,
        typer.Option(
            "--watch-anew",
            help="The watch forgets what it knew: another tenant, or Actions that are gone.",
        ),
    ] = False,
    to_file: ToFile = None,
    sync: Annotated[
        bool,
        typer.Option(
            "--sync", help="Switch on what follows a sign-up, and no more (docs/sync.md)."
        ),
    ] = False,
    by: Annotated[
        SyncBy | None,
        typer.Option(
            help="With --sync: the way of the events; as the stack is deployed, or eventbridge."
        ),
    ] = None,
    drift: Annotated[
        Differences,
        typer.Option(help="With --sync: what becomes of values that differ already."),
    ] = Differences.REPORT,
    stripe_source: Annotated[
        str | None,
        typer.Option(help="With --sync: the event source of a destination made by hand."),
    ] = None,
    dry_run: DryRun = False,
    diff: Diff = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Put this release's Action into the tenant, and the keys into Secrets Manager.

    With --registration, also the two Actions of the registration flow (docs/policies.md).

    Other Actions, their order and their secrets stay as they are. Running it again changes
    nothing; run again after a failure, it goes on. The Stripe key is asked for, or read from a
    pipe, when the stack has none yet. The stack's VerifiedEmail is asked for at a terminal; with
    --yes, or without a terminal, it stays as it is.

    With actions = "declared" in customerlink.toml it leaves the tenant alone, and writes into
    --to-file what the tool has to set that declares the Actions (docs/declared.md).

    With --sync, once all that is there, both sides' events: who is linked is enrolled, an event
    stream and an event destination are made, the stack gets their sources, and it waits for an
    event of each. It asks for a Stripe key of its own for that, which is not stored. With --by
    webhook both sides post their events to the stack, where there are no event sources.
    """
    now = session(context, as_json=as_json)
    _check_sync(
        {
            "--registration": registration,
            "--verified-email": verified_email,
            "--watch-anew": watch_anew,
            "--to-file": to_file,
            "--diff": diff,
        }
        if sync
        else {
            "--by": by,
            "--drift": drift is not Differences.REPORT,
            "--stripe-source": stripe_source,
        },
        sync=sync,
    )
    _check_flags(diff=diff, dry_run=dry_run)
    now.refuse_other_mode()
    if sync:
        switch = switch_of(by, Switch(now, now.deployment, drift, stripe_source))
        switch.on(dry_run=dry_run, yes=yes)
        return
    if now.config.is_declared:
        update = stack_update(now, verified_email, is_asked=not (dry_run or yes))
        confirm = _once(now, update, yes=yes)
        watch = _watch_of_declared(now, watch_client_id, confirm, anew=watch_anew, dry_run=dry_run)
        install_declared(now, to_file, update, watch, confirm, dry_run=dry_run)
        return
    if to_file:
        raise CliError("Install sets the secrets itself: nothing is handed over.", MODE, Exit.USAGE)
    deployment, tenant, output = now.deployment, now.tenant(), now.output
    with output.busy("Looking at the stack and the tenant"):
        stored = deployment.read_secret()
    key = None if stored.stripe_key else key_to_store(now, dry_run=dry_run)
    watcher = None if dry_run else _watcher(now, deployment, watch_client_id, anew=watch_anew)
    update = stack_update(now, verified_email, is_asked=not (dry_run or yes))
    confirm = _once(now, update, yes=yes)
    triggers = TRIGGERS if registration else (LOGIN,)
    names = {each: action_name(now.config.action_name, each) for each in triggers}
    with output.busy("Looking at the tenant"):
        # A plan may refuse: all of them before anything is changed, unless the only one is first.
        for trigger, name in names.items() if update or registration else ():
            plan(look(deployment, tenant.at(trigger), name), name, key)
    changes = _updated(now, update, confirm, dry_run=dry_run)
    rows = []
    for trigger, name in names.items():
        place = tenant.at(trigger)
        with output.busy("Looking at the tenant"):
            # The first one stores the key; the next one reads the secret anew, and finds it.
            made = plan(look(deployment, place, name), name, key)
        # In a dry run nothing was stored, and the next plan has it again.
        new = [each for each in made.changes if each.kind not in STORED or each not in changes]
        changes += new
        rows.append(("Action", f"{name}, in the flow {trigger} of {now.config.domain}"))
        if dry_run:
            show(output, new, in_full=diff)
            continue
        if made.changes:
            confirm()
        with output.busy("Installing"):
            carry_out(made, deployment, place, lambda one: output.step(f"{one.kind}: {one.about}"))
        key = None
    watching = Watching(deployment, tenant, now.config)
    if dry_run:
        tell(output, changes + _would_set_up_watch(output, watching, watch_client_id, changes))
        return
    if watcher:
        changes += _set_up_watch(now, watching, watcher, confirm, anew=watch_anew)
    url, secret = deployment.outputs.url, made.signing_secret
    tell_installed(output, now.config, url, secret, changes, rows)


def _check_flags(*, diff: bool, dry_run: bool) -> None:
    if diff and not dry_run:
        raise CliError("--diff shows what a dry run would do.", "--dry-run --diff", Exit.USAGE)


def _check_sync(out_of_place: Mapping[str, object], *, sync: bool) -> None:
    """Raise where a flag was given that would do nothing: somebody counts on it."""
    if given := [name for name, value in out_of_place.items() if value]:
        text = f"{given[0]} is {'not for' if sync else 'for'} install --sync."
        fix = "Two commands: install, and then install --sync" if sync else "install --sync"
        raise CliError(text, f"{fix} (docs/sync.md)", Exit.USAGE)


def _updated(
    now: Session, update: StackUpdate | None, confirm: Callable[[], None], *, dry_run: bool
) -> list[Change]:
    """Update the stack, or show that it would be."""
    if update is None:
        return []
    if dry_run:
        show(now.output, [update.change], in_full=True)
    else:
        confirm()
        update.carry_out(now)
    return [update.change]


def _once(now: Session, update: StackUpdate | None, *, yes: bool) -> Callable[[], None]:
    """Return what asks before the first change, whichever that is, and not again."""
    what = f"Install, and update the stack, {update.change.about}" if update else "Install"
    return cache(partial(now.confirm, what, yes=yes))


def _watcher(
    now: Session, deployment: Deployment, client_id: str | None, *, anew: bool
) -> Auth0Client | None:
    """Return the watch's application, asked for before anything is changed, and checked."""
    if deployment.outputs.watch_secret_name is None:
        return None
    known = deployment.read_watch()
    if known and client_id and known.client.url != now.config.auth0_url() and not anew:
        text = "The stack's watch looks at another tenant, and would leave it."
        fix = "--watch-anew; or no --watch-client-id, which leaves it there"
        raise CliError(text, fix, Exit.REFUSED)
    given = client_given(now, client_id, known)
    if given is None:
        now.output.say(f"{NOT_SET_UP} {FIX}")
        return None
    if known and given == known.client:
        # Another profile's tenant has its watch already; a stack has one.
        return given if given.url == now.config.auth0_url() else None
    with now.output.busy("Asking Auth0 what the watch may do"):
        return may_only_look(given)


def _watch_of_declared(
    now: Session,
    client_id: str | None,
    confirm: Callable[[], None],
    *,
    anew: bool,
    dry_run: bool,
) -> Callable[[list[Change]], list[Change]]:
    """Return what sets the watch up, once the stack's side is there."""
    deployment = now.deployment
    watcher = None if dry_run else _watcher(now, deployment, client_id, anew=anew)
    watching = Watching(deployment, now.tenant(), now.config)

    def set_up(changes: list[Change]) -> list[Change]:
        if dry_run:
            return _would_set_up_watch(now.output, watching, client_id, changes)
        return _set_up_watch(now, watching, watcher, confirm, anew=anew) if watcher else []

    return set_up


def _would_set_up_watch(
    output: Output, watching: Watching, client_id: str | None, changes: list[Change]
) -> list[Change]:
    known = watching.deployment.read_watch()
    if watching.deployment.outputs.watch_secret_name is None or not (known or client_id):
        return []
    # What would be noted of an Action is known only once it is set.
    if known and not changes and watching.wanted(known.client) == known:
        return []
    change = Change(Kind.SET_UP_WATCH, "in Secrets Manager")
    output.say(f"would {change.kind}: {change.about}")
    return [change]


def _set_up_watch(
    now: Session,
    watching: Watching,
    client: Auth0Client,
    confirm: Callable[[], None],
    *,
    anew: bool,
) -> list[Change]:
    with now.output.busy("Looking at what the watch is to find"):
        wanted = watching.wanted(client, anew=anew)
    if LOGIN not in wanted.actions or wanted == watching.deployment.read_watch():
        return []
    change = Change(Kind.SET_UP_WATCH, "in Secrets Manager")
    confirm()
    now.output.step(f"{change.kind}: {change.about}")
    watching.deployment.write_watch(wanted)
    return [change]


def look(deployment: Deployment, tenant: Tenant, action_name: str) -> Found:
    """Read everything that a plan needs."""
    url = endpoint(deployment.outputs.url, tenant.trigger)
    secret, action = deployment.read_secret(), tenant.find(action_name)
    texts = deployment.denial_texts if tenant.trigger in DENYING else ""
    return Found(tenant.trigger, url, secret, action, tenant.bindings(), texts)


def plan(found: Found, action_name: str, stripe_key: str | None) -> Plan:
    """Compare what is there with what this release wants; `stripe_key` is one to store, if any."""
    # One that was put in by hand (docs/deploy.md) has no mark, but this secret's name.
    if found.action and not (found.action.is_ours or SIGNING_SECRET in found.action.secrets):
        text = f"The tenant has an Action {action_name} that is not Customer Link's."
        raise CliError(text, "--action-name", Exit.REFUSED)
    secret = completed(found.secret, stripe_key)
    signing_secret = _in_use(found, secret)
    code = marked(action_code(found.trigger))
    made = Plan(found, code, secret, signing_secret, action_name)
    return replace(made, changes=tuple(_changes(made)))


def _in_use(found: Found, secret: StoredSecret) -> str:
    """Return the signing secret that the Action has: amid a rotation it need not be the first."""
    prints = {fingerprint(found.url, each): each for each in secret.signing_secrets}
    return prints.get(found.note.settings if found.note else "", secret.signing_secrets[0])


def _changes(made: Plan) -> Iterator[Change]:
    found, code, name = made.found, made.code, made.action_name
    action = found.action
    yield from stored_changes(found.secret, made.secret)
    is_current = action is not None and _is_current(action, made)
    if action is None:
        yield Change(Kind.CREATE_ACTION, name, _diff("", code))
    elif not is_current:
        yield Change(Kind.UPDATE_ACTION, name, _diff(action.code, code))
    # Also where an earlier run ended between the update and the deployment.
    if not (action and is_current and action.is_deployed):
        yield Change(Kind.DEPLOY_ACTION, name)
    if not (action and any(each.action_id == action.id for each in found.flow)):
        names = [each.display_name for each in found.flow]
        about = f"at the end, after {', '.join(names)}" if names else "as its only Action"
        yield Change(Kind.BIND_ACTION, about, _diff(_lines(names), _lines([*names, name])))


def _is_current(action: Action, made: Plan) -> bool:
    return action.code == made.code and action.runtime == RUNTIME and _has_its_secrets(action, made)


def _has_its_secrets(action: Action, made: Plan) -> bool:
    note = made.found.note
    return (
        note is not None
        and note.settings == fingerprint(made.found.url, made.signing_secret)
        and not note.changed(action.secrets)
        and note.has_texts(action.secrets, made.found.texts)
    )


def carry_out(
    made: Plan,
    deployment: Deployment,
    tenant: Tenant,
    tell: Callable[[Change], None],
) -> None:
    """Make the changes, each told before it is made; what fails half-way is planned again.

    The secret is stored before the Action gets it, so the function never meets an unknown one.
    """
    action = made.found.action
    texts, note = made.found.texts, made.found.note
    values = {URL: made.found.url, SIGNING_SECRET: made.signing_secret, DENIAL_TEXTS: texts}
    settings = {each: values[each] for each in secrets_of(made.found.trigger) if values[each]}
    # The stack has none any more: ours go, and what somebody has put in by hand stays.
    gone = (DENIAL_TEXTS,) if note and note.texts and not texts else ()
    to_store = [each for each in made.changes if each.kind in STORED]
    for each in to_store:
        tell(each)
    if to_store:
        # In one version: the functions refuse a secret that has a part of it.
        deployment.write_secret(made.secret)
    for each in made.changes:
        match each.kind:
            case Kind.CREATE_ACTION:
                tell(each)
                action = tenant.create(made.action_name, made.code, settings)
                _note(deployment, action, made)
            case Kind.UPDATE_ACTION if action:
                tell(each)
                _note(deployment, tenant.update(action, made.code, settings, gone), made)
            case Kind.DEPLOY_ACTION if action:
                tell(each)
                # Before it is bound: Auth0 binds no Action that was never deployed.
                tenant.deploy(action.id)
            case Kind.BIND_ACTION if action:
                tell(each)
                # Read again: somebody may have changed the flow since the plan was made.
                tenant.bind(tenant.bindings(), action)


def _note(deployment: Deployment, action: Action, made: Plan) -> None:
    note = noted(action.secrets, made.found.url, made.signing_secret, made.found.texts)
    deployment.note(action.id, note)


def _lines(names: list[str]) -> str:
    return "".join(f"{name}\n" for name in names)


def _diff(old: str, new: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), "now", "then", lineterm="", n=1
    )
    return tuple(lines)
