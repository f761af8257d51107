"""Approve deletions: the days on which more are due than go without a person."""

from datetime import UTC, datetime

import typer

from customerlink.cli.errors import Exit
from customerlink.cli.session import Apply, Json, Yes, session
from customerlink.model.deletions import DueDay, start_of

app = typer.Typer()


@app.command("approve-deletions", epilog="Example: customerlink approve-deletions --apply")
def approve_deletions(
    context: typer.Context, *, apply: Apply = False, yes: Yes = False, as_json: Json = False
) -> None:
    """Show the days on which more customers are due to go than a day may have, or let them go.

    Users who were deleted in Auth0 by mistake are to be put back there before: who is there again
    keeps the customer. With --apply as many go as are told here, within an hour of their time; of
    those that come later on the same day nothing is approved. Exit code 1 while a day is held.
    """
    now = session(context, as_json=as_json)
    now.refuse_other_mode()
    counted, a_day = now.deletions(), now.deployment.sync_policy().deletions_per_day
    held = [each for each in counted.days() if each.is_held(a_day)]
    for each in held:
        why = f"more than the {a_day} that go without a person: none of them goes"
        now.output.say(f"{_date(each)}: {each.due} are due, {why}.")
    if not held:
        now.output.say("No day is held.")
    elif apply:
        number = sum(each.due for each in held)
        now.confirm(f"Let {number} customers go", yes=yes)
        counted.approve(held)
        now.output.step(f"approved: {number}")
    else:
        now.output.say("Nothing was changed: --apply approves them.")
    days = [{"day": _date(each), "due": each.due} for each in held]
    now.output.document({"held": days, "a_day": a_day, "approved": bool(held) and apply})
    if held and not apply:
        raise typer.Exit(Exit.FAILED)


def _date(day: DueDay) -> str:
    return datetime.fromtimestamp(start_of(day.day), UTC).date().isoformat()
