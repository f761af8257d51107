"""Uninstall: what install put into the tenant, taken out."""

from collections.abc import Callable
from typing import Annotated

import typer

from customerlink.cli.errors import CliError, Exit
from customerlink.cli.release import action_name
from customerlink.cli.session import DryRun, Json, Yes, session
from customerlink.cli.switch_off import STAYS_ON, SwitchOff
from customerlink.cli.tenant import Tenant
from customerlink.cli.watching import Watching
from customerlink.model.actions import REGISTRATION, TRIGGERS, Action

WATCHED = (
    "The watch tells from now on that nothing is there, until the stack is deployed with Watch=no, "
    "or deleted. Delete its application in Auth0 then."
)

app = typer.Typer()


@app.command(epilog="Example: customerlink uninstall --dry-run")
def uninstall(
    context: typer.Context,
    *,
    sync: Annotated[
        bool, typer.Option("--sync", help="What follows a sign-up, and no more (docs/sync.md).")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take out of the tenant what install put in: Actions, and their places in the flows.

    The stack with its secret and its ledger stays: sam delete takes that, and keeps the data. So
    does sync, where it is on; with --sync that is switched off, and nothing else is taken out.
    """
    now = session(context, as_json=as_json)
    now.refuse_other_mode()
    if sync:
        SwitchOff(now, now.deployment).off(dry_run=dry_run, yes=yes)
        return
    tenant, output = now.tenant(), now.output
    with output.busy("Looking at the tenant"):
        names = {each: action_name(now.config.action_name, each) for each in TRIGGERS}
        found = [each for each in TRIGGERS if _ours(tenant.at(each), names[each])]
    if not found:
        output.say("Nothing to do: the Action is not there.")
    elif dry_run:
        for each in found:
            output.say(f"would unbind and delete the Action {names[each]}")
    else:
        now.confirm("Uninstall", yes=yes)
        for each in found:
            take_out(tenant.at(each), names[each], output.step)
        # The Login flow's stays: a watch that looks for nothing would be silently green.
        Watching(now.deployment, tenant, now.config).let_go(*REGISTRATION)
        output.say(WATCHED)
    is_on = now.deployment.has_events
    if is_on:
        output.say(STAYS_ON)
    ended = {"dry_run": dry_run, "found": bool(found), "steps": output.steps}
    output.document(ended | {"actions": [names[each] for each in found], "sync": is_on})


def _ours(tenant: Tenant, action_name: str) -> Action | None:
    """Return what is there of the name; raise where somebody else put it in."""
    action = tenant.find(action_name)
    if action and not action.is_ours:
        text = f"The Action {action_name} was not put in by customerlink install."
        raise CliError(text, "Auth0's dashboard, Actions > Library", Exit.REFUSED)
    return action


def take_out(tenant: Tenant, action_name: str, tell: Callable[[str], None]) -> None:
    """Unbind and delete the Action; other people's, and their order, stay."""
    action = _ours(tenant, action_name)
    if action is None:
        return
    flow = tenant.bindings()
    kept = tuple(each for each in flow if each.action_id != action.id)
    # First, since Auth0 deletes no Action that is bound; a second run may find it unbound.
    if kept != flow:
        tell("unbind the Action")
        tenant.bind(kept)
    tell("delete the Action")
    tenant.delete(action.id)
