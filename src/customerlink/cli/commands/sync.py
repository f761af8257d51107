"""Sync: one user and their customer made to agree again; what would be done, and why."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from customerlink.cli.errors import AGAIN, CliError, Exit
from customerlink.cli.session import Apply, Json, Session, Yes, session
from customerlink.cli.sync_worker import sync_worker
from customerlink.model.sync import WRITTEN, Decision, SyncAct, SyncReason, Verdict
from customerlink.model.sync_policy import (
    DeletedCustomers,
    DeletedUsers,
    Differences,
    EditedCustomers,
    EmailChanges,
)
from customerlink.model.user import User, UserId
from customerlink.usecases.look import UnansweredError
from customerlink.usecases.sync import Sync
from customerlink.usecases.synced import SyncOutcome

app = typer.Typer()

REASONS = {
    SyncReason.IN_ORDER: "all is as the policies have it",
    SyncReason.DIFFERS: "both sides differ",
    SyncReason.NO_CUSTOMER: "the user has no customer; a sign-up or a backfill makes one",
    SyncReason.SIGNING_UP: "a sign-up is under way, and decides",
    SyncReason.USER_GONE: "the user is gone",
    SyncReason.MISSING: "Stripe does not know the customer: is the key right?",
    SyncReason.DELETED: "the customer was deleted in Stripe",
    SyncReason.SUPERSEDED: "the customer is superseded by another one",
    SyncReason.UNNAMED: "the customer names nobody",
    SyncReason.MISMATCHED: "the customer names somebody else, or the record has another one",
    SyncReason.CONTESTED: "somebody writes back what was corrected three times today",
    SyncReason.LINKED: "accounts were linked, and their customers have not followed",
    SyncReason.TOO_MANY_DELETIONS: "more users of that day are gone than a day may have:"
    " customerlink approve-deletions",
    SyncReason.SUBSCRIBED: "a subscription is live, or the Stripe key may not read it",
    SyncReason.HAS_BALANCE: "the customer has a balance",
    SyncReason.EMAIL_TAKEN: "another customer has the address",
}
ACTS = {
    SyncAct.NOTHING: "nothing is to be done",
    SyncAct.WAIT: "nothing is done now",
    SyncAct.COMPARE: "the fields below",
    SyncAct.LINK: "the customer's id goes into the profile, and the fields below",
    SyncAct.CLEAR: "the id leaves the profile; the next login makes another customer",
    SyncAct.RECREATE: "another customer is made, and its id goes into the profile",
    SyncAct.RENAME: "the customer names the user again, and the fields are compared then",
    SyncAct.FOLLOW: "the linked accounts' customers follow, and the fields are compared then",
    SyncAct.PART: "when their time comes, the customer is let go (--deleted-users)",
    SyncAct.HOLD: "nothing, until a person has looked",
}
VERDICTS = {
    Verdict.AGREED: "the same on both sides",
    Verdict.LEFT: "left: Auth0 has nothing that may be used",
    Verdict.CHANGED: "written: Auth0's is newer",
    Verdict.RESTORED: "written: it was edited in Stripe (--edited-customers restore)",
    Verdict.EDITED: "left: it was edited in Stripe (--edited-customers keep)",
    Verdict.REPORTED: "left: it was edited in Stripe (--edited-customers report)",
    Verdict.UNKNOWN: "left: which is newer nobody knows (--differences apply writes Auth0's)",
    Verdict.CONTESTED: "left: it was edited in Stripe a fourth time today",
}


@app.command(epilog="Example: customerlink sync 'auth0|64f…' --apply")
def sync(  # noqa: PLR0913 (a flag each)
    context: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="A user_id, or an address.")],
    *,
    apply: Apply = False,
    email_changes: Annotated[
        EmailChanges | None, typer.Option(help="Which changed address reaches Stripe.")
    ] = None,
    edited_customers: Annotated[
        EditedCustomers | None,
        typer.Option(help="What becomes of a field that was edited in Stripe."),
    ] = None,
    deleted_customers: Annotated[
        DeletedCustomers | None, typer.Option(help="What becomes of a link to a deleted customer.")
    ] = None,
    deleted_users: Annotated[
        DeletedUsers | None,
        typer.Option(help="What becomes of a deleted user's customer, after a grace."),
    ] = None,
    differences: Annotated[
        Differences,
        typer.Option(help="What becomes of two values, which of them is newer unknown."),
    ] = Differences.REPORT,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Let a user's customer follow what has changed in Auth0, and the link what has in Stripe.

    Without --apply it says what would be done, and why. Policies are the stack's, unless a flag
    says another one. No value is ever told, and nothing of the shop's is written. Exit code 1 if a
    person has to look at it, 3 if another try may mend it. The Auth0 client needs read:users, and
    update:users to apply.
    """
    now = session(context, as_json=as_json)
    stacks = now.deployment.sync_policy()
    policy = replace(
        stacks,
        email_changes=email_changes or stacks.email_changes,
        edited_customers=edited_customers or stacks.edited_customers,
        deleted_customers=deleted_customers or stacks.deleted_customers,
        deleted_users=deleted_users or stacks.deleted_users,
        differences=differences,
    )
    worker, who = sync_worker(now, policy), _user(now, user.strip())
    if not worker.is_known(who):
        text = "Unknown user: neither the tenant nor the ledger has ever had that user_id."
        raise CliError(text, "customerlink whois finds one by the address.", Exit.USAGE)
    if not apply:
        decision = _planned(worker, who)
        _tell(now, who, decision)
        if decision.act is SyncAct.PART:
            _tell_until(now, worker, who)
        now.output.say("Nothing was changed: --apply carries it out.")
        now.output.document(_document(who, decision) | {"outcome": None, "why": None})
        _exit(_foreseen(decision))
        return
    now.confirm(f"Sync {who.user_id}", yes=yes)
    done = worker.reconcile(who)
    if done.decision is not None:
        _tell(now, who, done.decision)
    now.output.step(f"{who.user_id}: {done.outcome}{f', {done.why}' if done.why else ''}")
    ended = {"outcome": done.outcome, "why": done.why}
    now.output.document(_document(who, done.decision) | {"reason": done.reason} | ended)
    _exit(done.outcome)


def _user(now: Session, asked: str) -> User:
    if "|" in asked:
        return User(now.tenant_name(), UserId(asked))
    found = now.tenant().users.with_address(asked) if asked else ()
    if not found:
        raise CliError("The tenant has no such user.", "A user_id has a | in it.", Exit.USAGE)
    if len(found) > 1:
        ids = ", ".join(each.user_id for each in found)
        raise CliError("Several users have the address.", f"Name one of {ids}.", Exit.USAGE)
    return User(now.tenant_name(), found[0].user_id)


def _planned(worker: Sync, who: User) -> Decision:
    try:
        return worker.plan(who)
    except UnansweredError as error:
        raise CliError(f"{error}.", AGAIN, Exit.UNREACHABLE) from None


def _tell(now: Session, who: User, decision: Decision) -> None:
    whose = f"{who.user_id} and {decision.customer_id or 'no customer'}"
    now.output.say(f"{whose}: {REASONS[decision.reason]}.")
    done = f"What is done: {ACTS[decision.act]}"
    fields = [(name, VERDICTS[each]) for name, each in decision.verdicts.items()]
    if fields:
        now.output.table(done, fields)
    else:
        # Of a table without rows there would be nothing to see.
        now.output.say(f"{done}.")


def _tell_until(now: Session, worker: Sync, who: User) -> None:
    """Say when the time of one who is gone comes; who was not noted yet is by --apply."""
    memory = worker.invocations.sync_ledger().recall(who)
    until = memory.waited_until(worker.rules.policy.grace_seconds, worker.clock.time())
    moment = datetime.fromtimestamp(until, UTC).isoformat(timespec="minutes")
    so_far = "" if memory.gone_since is not None else ", if it is applied now"
    now.output.say(f"Their time comes at {moment}{so_far}.")


def _document(who: User, decision: Decision | None) -> dict[str, object]:
    if decision is None:
        return {"user_id": who.user_id}
    return {
        "user_id": who.user_id,
        "customer_id": decision.customer_id,
        "act": decision.act,
        "reason": decision.reason,
        "fields": decision.verdicts,
    }


def _foreseen(decision: Decision) -> SyncOutcome:
    passive = {SyncAct.HOLD: SyncOutcome.HELD, SyncAct.WAIT: SyncOutcome.AGAIN}
    # Nothing would be written, and a difference is left for a person.
    is_writing = not WRITTEN.isdisjoint(decision.verdicts.values())
    is_in_order = decision.reason is SyncReason.IN_ORDER
    if decision.act is SyncAct.COMPARE and not (is_writing or is_in_order):
        return SyncOutcome.HELD
    return passive.get(decision.act, SyncOutcome.DONE)


def _exit(outcome: SyncOutcome) -> None:
    codes = {SyncOutcome.HELD: Exit.FAILED, SyncOutcome.AGAIN: Exit.UNREACHABLE}
    if outcome in codes:
        raise typer.Exit(codes[outcome])
