"""Export: the Actions for a tool that declares a tenant, as files without any secret."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from customerlink.cli import a0deploy, terraform
from customerlink.cli.config import Config
from customerlink.cli.output import Output
from customerlink.cli.session import Json
from customerlink.model.actions import LOGIN, TRIGGERS

app = typer.Typer()


class Format(StrEnum):
    """The tools."""

    A0DEPLOY = "a0deploy"
    TERRAFORM = "terraform"


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
    made = _FILES[form](config.action_name, TRIGGERS if registration else (LOGIN,))
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        output.step(f"write {path}")
    output.document({"files": [str(folder / each) for each in made]})
