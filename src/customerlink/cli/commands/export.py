"""Export: the Actions for a tool that declares a tenant, as files without any secret."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from customerlink.cli import a0deploy, terraform
from customerlink.cli.config import Config
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.output import Output
from customerlink.cli.private_files import replacing
from customerlink.cli.session import Json
from customerlink.model.actions import LOGIN, TRIGGERS

app = typer.Typer()


class Format(StrEnum):
    """The tools."""

    A0DEPLOY = "a0deploy"
    TERRAFORM = "terraform"


_HEAD = "# Written by customerlink export.\n"
_OURS = (_HEAD.encode(), b"// Customer Link ")
"""How a file begins that a later export may overwrite."""

_FILES = {Format.A0DEPLOY: a0deploy.files, Format.TERRAFORM: terraform.files}


@app.command(epilog="Example: customerlink export --format terraform --folder customer-link")
def export(
    context: typer.Context,
    *,
    form: Annotated[
        Format, typer.Option("--format", help="auth0-deploy-cli's, or a module of Terraform's.")
    ],
    folder: Annotated[Path, typer.Option("--folder", help="Where to write.")] = Path(
        "customer-link"
    ),
    registration: Annotated[
        bool, typer.Option("--registration", help="The registration flow's Actions as well.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write this release's Actions for a tool that declares them: auth0-deploy-cli or Terraform.

    The files hold no secret, and belong into your repository. With actions = "declared" in
    customerlink.toml, install and rotate write what the tool has to set (docs/declared.md).
    """
    config: Config = context.obj()
    output = Output(as_json=as_json)
    files = _FILES[form](config.action_name, TRIGGERS if registration else (LOGIN,))
    made = {folder / name: _headed(name, text) for name, text in files.items()}
    _check_owner(made)
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            part.write_text(text, encoding="utf-8")
        output.step(f"write {path}")
    output.document({"files": [str(each) for each in made]})


def _headed(name: str, text: str) -> str:
    # A built Action has a first line of its own, in which its version may be an older one.
    return text if name.endswith(".js") else _HEAD + text


def _check_owner(paths: Iterable[Path]) -> None:
    """Raise, before anything is written, where a file is there that is none of ours."""
    for path in paths:
        if path.exists() and not path.read_bytes().startswith(_OURS):
            words = f"{path} is there, and was not written by customerlink export."
            raise CliError(words, "Another --folder, or move the file away.", Exit.USAGE)
