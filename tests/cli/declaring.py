"""A tool that declares the Actions, as far as the command line sees it: it sets all in one go."""

import subprocess
from pathlib import Path

from tests.cli.conftest import ACTION, Cli

from customerlink.cli import a0deploy
from customerlink.model.actions import LOGIN, SIGNING_SECRET, URL

ENV = "customerlink.env"


def declare(cli: Cli) -> None:
    """Let the profile's Actions be declared by another tool."""
    Path("customerlink.toml").write_text('actions = "declared"\n')
    cli.changes()


def given() -> dict[str, str]:
    """Read what was handed over, as a shell does."""
    command = ["bash", "-euc", f"set -a; . ./{ENV}; env -0"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, env={}).stdout
    lines = [each.partition("=") for each in told.split("\0") if each]
    return {name: value for name, _, value in lines if "CUSTOMERLINK" in name.upper()}


def apply(cli: Cli, values: dict[str, str] | None = None, *, code: str | None = None) -> None:
    """Put the Action in, with its secrets; `code` alone is an older export, which has none."""
    actions = cli.actions()
    values = values or given()
    body = {"code": code or a0deploy.files(ACTION, [LOGIN])["actions/post-login.js"]}
    for name, value in values.items():
        body["code"] = body["code"].replace(f"##{name}##", value)
    secrets = {
        URL: f"{values['CUSTOMERLINK_API']}/post-login",
        SIGNING_SECRET: values[SIGNING_SECRET],
    }
    set_anew = [{"name": name, "value": value} for name, value in secrets.items()]
    document = body | ({} if code else {"secrets": set_anew})
    [*found] = actions.list_page({"actionName": ACTION})["actions"]
    if found:
        action_id = found[0]["id"]
        actions.update(action_id, document)
        actions.deploy(action_id)
        return
    trigger = {"id": LOGIN, "version": "v3"}
    action_id = actions.create({"name": ACTION, "supported_triggers": [trigger], **document})["id"]
    actions.deploy(action_id)
    before = actions.bindings(LOGIN, {})["bindings"]
    kept = [{"ref": {"type": "binding_id", "value": each["id"]}} for each in before]
    actions.bind(LOGIN, {"bindings": [*kept, {"ref": {"type": "action_id", "value": action_id}}]})
