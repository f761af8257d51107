"""Whois: from a log's line to a user, and back."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from customerlink.adapters.both_sides import emptied
from customerlink.adapters.duckdb import Store
from customerlink.cli.errors import CliError
from customerlink.cli.session import Json, Session, session
from customerlink.model.denial_texts import reference_in
from customerlink.model.trust import Trust
from customerlink.model.user import UserId
from customerlink.usecases.whois import whois as look_up

app = typer.Typer()

FORMS = (
    "A reference is like 3F2A-91BC, a log's name like samlp|digest:0123456789abcdef; "
    "of a user who is gone, the user_id still has one."
)

_TOLD = ("user_id", "tenant", "decision", "reason", "error", "detail", "exception", "request_id")


@app.command(epilog="Example: customerlink whois 'samlp|digest:0123456789abcdef'")
def whois(
    context: typer.Context,
    asked: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCE|DIGEST|ADDRESS|USER",
            help="What a denied person has read, a log's name, or a user.",
        ),
    ],
    *,
    folder: Annotated[Path | None, typer.Option(help="Where to put the export meanwhile.")] = None,
    as_json: Json = False,
) -> None:
    """Name the user whom a log or a denied person's reference means, or say what logs call one.

    A denied person has read the reference: the log is searched for it, and says why. That needs the
    right logs:FilterLogEvents.

    A digest is made by a key of the deployment's secret, and cannot be turned round: all of the
    tenant's users are exported, and the file is deleted. Who is gone from Auth0 is not among them.
    The Auth0 client needs the scope read:users.
    """
    now = session(context, as_json=as_json)
    names = now.deployment.read_secret().log_names()
    asked = asked.strip()
    reference = reference_in(asked)
    line = _line(now, reference) if reference else {}
    meant = str(line.get("user_id", "")) if reference else asked
    with now.output.busy("Looking"):
        users = now.tenant().users
        found = [*look_up(meant, names, users, lambda: _everybody(now, folder))] if meant else []
    if not (found or reference):
        raise CliError("The tenant has no such user.", FORMS)
    if line:
        now.output.table(f"Reference {reference}", [*line.items()])
    if found:
        now.output.table("In logs, and in Auth0", [(each.log_name, each.user_id) for each in found])
    denial = {"denial": line} if line else {}
    now.output.document({**denial, "users": [asdict(each) for each in found]})


def _line(now: Session, reference: str) -> dict[str, str]:
    """Return what the function's log has of a denial: when, why, and whose."""
    with now.output.busy("Looking in the log"):
        line = now.deployment.line_with(reference)
    if line is None:
        raise CliError(
            "The function's log has no such reference.",
            "Auth0's log may: the report did not arrive.",
        )
    at = datetime.fromtimestamp(float(str(line["timestamp"])), UTC)
    told = {name: str(line[name]) for name in _TOLD if line.get(name)}
    return {"at": at.isoformat(timespec="seconds"), **told}


def _everybody(now: Session, folder: Path | None) -> Iterator[UserId]:
    place = now.folder(folder)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with emptied(place / "whois") as inner, closing(Store(inner, Trust())) as store:
        users = inner / "users.json.gz"
        now.tenant().export_users(users)
        store.load_users(users)
        yield from store.user_ids()
