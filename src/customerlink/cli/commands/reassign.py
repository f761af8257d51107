"""Reassign: the customer of a user who is gone becomes that of the user who came after."""

from dataclasses import asdict
from typing import Annotated

import typer

from customerlink.cli.checks import Check, bad, good
from customerlink.cli.errors import AGAIN, CliError, Exit
from customerlink.cli.session import Apply, Json, Session, Yes, session
from customerlink.model.policy import Policy
from customerlink.model.user import CustomerId, User, UserId
from customerlink.usecases.reassign import Condition, Plan, Reassignment
from customerlink.wiring.operator import reassignment

app = typer.Typer()


@app.command(epilog="Example: customerlink reassign cus_NffrFeUfNV2Hib --to 'auth0|64f…'")
def reassign(  # noqa: PLR0913 (a flag each)
    context: typer.Context,
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    *,
    to: Annotated[str, typer.Option(help="The user_id of whose it is to be.")],
    apply: Apply = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Let a customer be another user's, once it is proved that whom it names is gone.

    For who deleted the account and signs up again. What has to be so is printed, and whether it
    is; exit code 1 if something is not. With --apply it is looked at once more, and carried out;
    interrupted anywhere, the same command finishes it. The Auth0 client needs read:users, and
    update:users to apply.
    """
    now = session(context, as_json=as_json)
    customer_id, user_id = CustomerId(customer.strip()), UserId(to.strip())
    if not customer_id or "|" not in user_id:
        text = "A customer's id and a user_id of Auth0's are needed."
        raise CliError(text, "customerlink reassign cus_… --to 'auth0|…'", Exit.USAGE)
    worker, user = _worker(now), User(now.tenant_name(), user_id)
    plan = worker.plan(customer_id, user)
    now.output.checks(map(_check, plan.conditions))
    if plan.unmet:
        now.output.say("Nothing was changed.")
        now.output.document(_document(plan))
        raise typer.Exit(Exit.FAILED)
    if apply:
        now.confirm(f"Reassign {customer_id} to {user_id}", yes=yes)
        _carry_out(worker, plan)
        now.output.step(f"{customer_id} is {user_id}'s")
    else:
        now.output.say(f"With --apply, {customer_id} becomes {user_id}'s. Nothing was changed.")
    now.output.document(_document(plan) | {"applied": apply})


def _worker(now: Session) -> Reassignment:
    probe, tenant = now.own_probe(), now.tenant_name()
    operator = now.operator(probe.key, Policy())
    return reassignment(tenant, now.tenant().users, probe.customers, operator)


def _carry_out(worker: Reassignment, plan: Plan) -> None:
    refusal = worker.carry_out(plan.customer_id, plan.user)
    if refusal is None:
        return
    code, fix = (Exit.UNREACHABLE, AGAIN) if refusal.is_passing else (Exit.FAILED, "")
    raise CliError(f"It was not done: {refusal.why}.", fix, code)


def _check(condition: Condition) -> Check:
    if condition.unmet is None:
        return good(condition.name, condition.wanted)
    return bad(condition.name, condition.unmet)


def _document(plan: Plan) -> dict[str, object]:
    return {
        "customer_id": plan.customer_id,
        "user_id": plan.user.user_id,
        "former_user_id": plan.former.user_id if plan.former else None,
        "conditions": [asdict(each) for each in plan.conditions],
        "applied": False,
    }
