"""Install: what a deployment lacks, as a plan that is made without changing anything, then run."""

import base64
import difflib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from customerlink.cli.deployment import Deployment, StoredSecret
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.release import (
    SIGNING_SECRET,
    URL,
    action_code,
    endpoint,
    fingerprint,
    marked,
    unmarked,
)
from customerlink.cli.tenant import RUNTIME, Action, Binding, Tenant


class Kind(StrEnum):
    """The kinds of changes, in the order in which they are made."""

    STORE_KEY = "store the Stripe key"
    STORE_SIGNING_SECRET = "store a signing secret"  # noqa: S105 (a sentence)
    CREATE_ACTION = "create the Action"
    UPDATE_ACTION = "update the Action"
    DEPLOY_ACTION = "deploy the Action"
    BIND_ACTION = "bind the Action to its flow"


_STORED = (Kind.STORE_KEY, Kind.STORE_SIGNING_SECRET)


@dataclass(frozen=True, slots=True)
class Change:
    """One change: what it is about, and a diff for code and bindings."""

    kind: Kind
    about: str
    diff: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What is there before an install."""

    trigger: str
    url: str
    secret: StoredSecret
    action: Action | None
    flow: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an install will do; `secret` is what will be stored."""

    found: Found
    code: str = field(repr=False)
    secret: StoredSecret = field(repr=False)
    signing_secret: str = field(repr=False)
    """The one that the Action gets."""
    action_name: str
    changes: tuple[Change, ...]


def new_signing_secret() -> str:
    """Make a secret as the Standard Webhooks specification has it."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def look(deployment: Deployment, tenant: Tenant, action_name: str) -> Found:
    """Read everything that a plan needs."""
    url = endpoint(deployment.outputs.url, tenant.trigger)
    return Found(
        tenant.trigger, url, deployment.read_secret(), tenant.find(action_name), tenant.bindings()
    )


def plan(found: Found, action_name: str, stripe_key: str | None) -> Plan:
    """Compare what is there with what this release wants; `stripe_key` is one to store, if any."""
    if found.action and not (is_ours(found.action) or SIGNING_SECRET in found.action.secrets):
        text = f"The tenant has an Action {action_name} that is not Customer Link's."
        raise CliError(text, "--action-name", Exit.REFUSED)
    secret = found.secret
    if stripe_key:
        secret = secret.with_key(stripe_key)
    if not secret.signing_secrets:
        secret = secret.with_signing(new_signing_secret())
    signing_secret = _in_use(found, secret)
    code = marked(action_code(found.trigger), fingerprint(found.url, signing_secret))
    changes = tuple(_changes(found, secret, code, action_name))
    return Plan(found, code, secret, signing_secret, action_name, changes)


def _in_use(found: Found, secret: StoredSecret) -> str:
    """Return the signing secret that the Action has: amid a rotation it need not be the first."""
    has = unmarked(found.action.code)[1] if found.action else None
    prints = {fingerprint(found.url, each): each for each in secret.signing_secrets}
    return prints.get(has or "", secret.signing_secrets[0])


def _changes(found: Found, secret: StoredSecret, code: str, name: str) -> Iterator[Change]:
    action = found.action
    if secret.stripe_key != found.secret.stripe_key:
        yield Change(Kind.STORE_KEY, "in Secrets Manager")
    if secret.signing_secrets != found.secret.signing_secrets:
        yield Change(Kind.STORE_SIGNING_SECRET, "in Secrets Manager")
    is_current = action is not None and _is_current(action, code)
    if action is None:
        yield Change(Kind.CREATE_ACTION, name, _diff("", code))
    elif not is_current:
        yield Change(Kind.UPDATE_ACTION, name, _diff(action.code, code))
    if not (action and is_current and action.is_deployed):
        yield Change(Kind.DEPLOY_ACTION, name)
    if not (action and any(each.action_id == action.id for each in found.flow)):
        names = [each.display_name for each in found.flow]
        about = f"at the end, after {', '.join(names)}" if names else "as its only Action"
        yield Change(Kind.BIND_ACTION, about, _diff(_lines(names), _lines([*names, name])))


def _is_current(action: Action, code: str) -> bool:
    return (
        action.code == code
        and action.runtime == RUNTIME
        and {URL, SIGNING_SECRET} <= {*action.secrets}
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
    settings = {URL: made.found.url, SIGNING_SECRET: made.signing_secret}
    to_store = [each for each in made.changes if each.kind in _STORED]
    for each in to_store:
        tell(each)
    if to_store:
        deployment.write_secret(made.secret)
    for each in made.changes:
        match each.kind:
            case Kind.CREATE_ACTION:
                tell(each)
                action = tenant.create(made.action_name, made.code, settings)
            case Kind.UPDATE_ACTION if action:
                tell(each)
                tenant.update(action, made.code, settings)
            case Kind.DEPLOY_ACTION if action:
                tell(each)
                tenant.deploy(action.id)
            case Kind.BIND_ACTION if action:
                tell(each)
                # Read again: somebody may have changed the flow since the plan was made.
                tenant.bind(tenant.bindings(), action)


def take_out(tenant: Tenant, action_name: str, tell: Callable[[str], None]) -> None:
    """Unbind and delete the Action; other people's, and their order, stay."""
    action = tenant.find(action_name)
    if action is None:
        return
    if not is_ours(action):
        text = f"The Action {action_name} was not put in by customerlink install."
        raise CliError(text, "Auth0's dashboard, Actions > Library", Exit.REFUSED)
    flow = tenant.bindings()
    kept = tuple(each for each in flow if each.action_id != action.id)
    if kept != flow:
        tell("unbind the Action")
        tenant.bind(kept)
    tell("delete the Action")
    tenant.delete(action.id)


def is_ours(action: Action) -> bool:
    """Return whether `install` put an Action in, as it is now or as an earlier release had it."""
    return unmarked(action.code)[1] is not None


def _lines(names: list[str]) -> str:
    return "".join(f"{name}\n" for name in names)


def _diff(old: str, new: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), "now", "then", lineterm="", n=1
    )
    return tuple(lines)
