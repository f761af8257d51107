"""A tool that declares the Actions, as far as the command line sees it: it sets all in one go."""

import subprocess
from pathlib import Path

import yaml
from tests.cli.conftest import ACTION, Cli

from customerlink.cli import a0deploy
from customerlink.model.actions import LOGIN

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


def replaced(text: str, values: dict[str, str]) -> str:
    """Put the values in place of their keywords, as auth0-deploy-cli does."""
    for name, value in values.items():
        text = text.replace(f"##{name}##", value)
    return text


def apply(cli: Cli, values: dict[str, str] | None = None, *, code: str | None = None) -> None:
    """Put the Action in, with its secrets; `code` alone is an older export, which has none."""
    actions = cli.actions()
    values = values or given()
    files = a0deploy.files(ACTION, [LOGIN])
    [told] = yaml.safe_load(replaced(files["tenant.yaml"], values))["actions"]
    document = {"code": replaced(code or files["actions/post-login.js"], values)}
    document |= {} if code else {"secrets": told["secrets"]}
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
