"""Whois: from a log's line to a user, and back."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from customerlink.adapters.both_sides import emptied
from customerlink.adapters.duckdb import Store
from customerlink.cli.errors import CliError
from customerlink.cli.session import Json, Session, session
from customerlink.model.trust import Trust
from customerlink.model.user import UserId
from customerlink.usecases.whois import whois as look_up

app = typer.Typer()


@app.command(epilog="Example: customerlink whois 'samlp|digest:0123456789abcdef'")
def whois(
    context: typer.Context,
    asked: Annotated[
        str, typer.Argument(metavar="DIGEST|ADDRESS|USER", help="A log's name, or a user.")
    ],
    *,
    folder: Annotated[Path | None, typer.Option(help="Where to put the export meanwhile.")] = None,
    as_json: Json = False,
) -> None:
    """Name the user whom a digest in a log stands for, or say what the logs call a user.

    A digest is made by a key of the deployment's secret, and cannot be turned round: all of the
    tenant's users are exported, and the file is deleted. Who is gone from Auth0 is not among them.
    The Auth0 client needs the scope read:users.
    """
    now = session(context, as_json=as_json)
    names = now.deployment.read_secret().log_names()
    with now.output.busy("Looking"):
        found = [*look_up(asked, names, now.tenant().users, lambda: _everybody(now, folder))]
    if not found:
        raise CliError("The tenant has no such user.", "A user_id still has a digest.")
    now.output.table("In logs, and in Auth0", [(each.log_name, each.user_id) for each in found])
    now.output.document({"users": [asdict(each) for each in found]})


def _everybody(now: Session, folder: Path | None) -> Iterator[UserId]:
    place = now.folder(folder)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with emptied(place / "whois") as inner, closing(Store(inner, Trust())) as store:
        users = inner / "users.json.gz"
        now.tenant().export_users(users)
        store.load_users(users)
        yield from store.user_ids()
