"""Forget: a person erased, what there is first; a receipt without personal data."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from customerlink.cli.address import address_given
from customerlink.cli.errors import AGAIN, CliError, Exit
from customerlink.cli.session import Apply, Json, Session, Yes, session
from customerlink.model.errors import LIMITED
from customerlink.model.policy import Policy
from customerlink.model.told import told_customer
from customerlink.model.user import User, UserId
from customerlink.usecases.forget import NOT_TAKEN, TOO_LATE, Forgetting, Forgotten
from customerlink.usecases.look import UnansweredError
from customerlink.usecases.person import NamedCustomer, Plan
from customerlink.usecases.synced import BUSY, NO_ANSWER
from customerlink.usecases.whose_customer import RUNNING
from customerlink.wiring.operator import forgetting

app = typer.Typer()

_PASSING = (BUSY, LIMITED, NO_ANSWER, NOT_TAKEN, RUNNING, TOO_LATE)

_USAGE = "customerlink forget USER --email ADDRESS"

LAPSES = {
    "Stripe's idempotency keys, of which none has a name": 1,
    "locks on addresses, proofs of linking, counts of mails and of the shop's API": 4,
    "events in the queue": 4,
    "a backfill's files": 7,
    "events among the dead letters": 14,
    "backups of the ledger": 35,
}
"""What goes by itself, and after how many days at the latest."""

_LOGS = "lines of the logs, which have ids, and no address and no name"
_LOG_DAYS = 90

LEFT = (
    "Stripe: redaction, for what a deletion leaves there",
    "the machines of operators: done.jsonl, plans, reports and pages",
    "what the shop itself has",
)


@app.command(epilog="Example: customerlink forget 'auth0|64f…' --email ada@example.com --apply")
def forget(  # noqa: PLR0913 (a flag each)
    context: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="A user_id.")],
    *,
    email: Annotated[
        list[str] | None, typer.Option(help="An address that the person had; may be repeated.")
    ] = None,
    delete_user: Annotated[
        bool, typer.Option("--delete-user", help="Delete the user in Auth0 too.")
    ] = False,
    keep_customers: Annotated[
        bool,
        typer.Option("--keep-customers", help="Let the customers stay, and name nobody any more."),
    ] = False,
    unknown_is_gone: Annotated[
        bool,
        typer.Option("--unknown-is-gone", help="Vouch for the key where Stripe knows no customer."),
    ] = False,
    apply: Apply = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Erase a person: their customers in Stripe, and what the ledger has of them.

    Without --apply it says what there is. All customers that name the user are deleted, which no
    one can undo, and found under the addresses that are still known: name others. Refused while
    Auth0 has the user, a sign-up is under way, another user's profile has such a customer, or a
    subscription is live, or may be, for all that the Stripe key may see. Interrupted, the same
    command ends it. Exit code 1 if it is refused, 3 if another try may do. The Auth0 client needs
    read:users, and delete:users for --delete-user.
    """
    now = session(context, as_json=as_json)
    if "|" not in user:
        text = "That is no user_id: customerlink whois ADDRESS names them."
        raise CliError(text, "A user_id has a | in it.", Exit.USAGE)
    who = User(now.tenant_name(), UserId(user.strip()))
    worker = _worker(
        now,
        who,
        tuple(address_given(each, _USAGE) for each in email or ()),
        deletes_user=delete_user,
        keeps_customers=keep_customers,
        unknown_is_gone=unknown_is_gone,
    )
    try:
        plan = worker.plan()
        _tell(now, plan, worker)
        if not apply or plan.refusals:
            _planned(now, plan, is_applied=apply)
            return
        now.confirm(f"Forget {who.user_id} and {len(plan.customers)} customers", yes=yes)
        _receipt(now, worker.carry_out())
    except UnansweredError as error:
        raise CliError(f"{error}.", AGAIN, Exit.UNREACHABLE) from None


def _worker(now: Session, who: User, emails: tuple[str, ...], **asked: bool) -> Forgetting:
    operator = now.operator(now.own_probe().key, Policy(), now.reading_key())
    if asked["deletes_user"]:
        # Before anything is done: the user is deleted after the customers.
        now.tenant().expect_scope("delete:users")

    def wait(seconds: float) -> None:
        now.output.wait("until nothing of a sign-up can be under way", seconds)

    return forgetting(who, emails, now.tenant().users, operator, wait=wait, **asked)


def _tell(now: Session, plan: Plan, worker: Forgetting) -> None:
    for each in plan.users:
        now.output.say(f"{each.user_id}: {'there' if plan.is_there else 'gone'} in Auth0.")
    act = "unlinked" if worker.keeps_customers else "deleted"
    for customer in plan.customers:
        now.output.say(f"{told_customer(customer.id)}: {_what_it_is(customer, act)}")
    if not plan.customers:
        now.output.say("No customer names them.")
    for why in plan.refusals:
        now.output.say(f"Refused: {why}.")


def _what_it_is(customer: NamedCustomer, act: str) -> str:
    if not customer.is_theirs:
        return "was theirs before, and is left but for that note"
    notes = "" if customer.live.is_ours(customer.user.tenant) else ", made elsewhere"
    notes += ", with a balance" if customer.live.has_balance else ""
    return f"is {act}{notes}"


def _planned(now: Session, plan: Plan, *, is_applied: bool) -> None:
    if not plan.refusals:
        now.output.say("Nothing was changed: --apply carries it out.")
    now.output.document(
        {"applied": False, "customers": len(plan.customers), "refused": [*plan.refusals]}
    )
    if plan.refusals:
        is_passing = {*plan.refusals} <= {*_PASSING} and is_applied
        raise typer.Exit(Exit.UNREACHABLE if is_passing else Exit.FAILED)


def _receipt(now: Session, done: Forgotten) -> None:
    """Say what was done, and what goes by itself: nobody is named."""
    moment = datetime.now(UTC)
    counts = {
        "users deleted in Auth0": done.users,
        "customers deleted": done.deleted,
        "customers that name them no more": done.unlinked,
        "items of the ledger deleted": done.items,
    }
    lapses = {what: _date(moment, days) for what, days in _lapses(now).items()}
    now.output.table(f"Done, {_second(moment)}", [(k, str(v)) for k, v in counts.items()])
    if done.why is None:
        now.output.table("Goes by itself, at the latest on", [(v, k) for k, v in lapses.items()])
        now.output.table("Left to you", [("", each) for each in LEFT])
    else:
        now.output.say(f"Not at its end: {done.why}. The same command ends it.")
    now.output.document(
        {
            "applied": True,
            "at": _second(moment),
            "done": counts,
            "lapses": lapses if done.why is None else {},
            "left": [*LEFT] if done.why is None else [],
            "why": done.why,
        }
    )
    if done.why is not None:
        raise typer.Exit(Exit.UNREACHABLE if done.why in _PASSING else Exit.FAILED)


def _lapses(now: Session) -> Mapping[str, int]:
    days = now.deployment.outputs.parameters.get("LogRetentionDays", _LOG_DAYS)
    return LAPSES | {_LOGS: int(days)}


def _date(moment: datetime, days: int) -> str:
    return (moment + timedelta(days=days)).date().isoformat()


def _second(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
