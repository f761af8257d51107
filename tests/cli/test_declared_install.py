"""`customerlink install` where another tool declares the Actions."""

import stat
from pathlib import Path

import pytest
from tests.cli.conftest import ACTION, FOREIGN, Cli
from tests.cli.declaring import ENV, apply, declare, given

from customerlink.cli.errors import Exit
from customerlink.model.actions import SIGNING_SECRET


def worst(cli: Cli) -> list[str]:
    """Return what doctor finds not good, but for the watch and the policy, which are as made."""
    checks = cli("doctor", "--json").json()["checks"]
    return [
        f"{each['name']}: {each['meaning']}"
        for each in checks
        if each["verdict"] != "good" and not each["name"].startswith(("watch", "verified"))
    ]


def test_the_stacks_side_alone(cli: Cli) -> None:
    """The secret gets its parts, the tenant stays, and what to set is handed over in a file."""
    declare(cli)
    done = cli("install", "--to-file", ENV, stdin=cli.box.stripe_key)

    assert done.code == 0, done.err
    assert (cli.changes(), cli.flow()) == (["POST /oauth/token 200"] * 0, [*FOREIGN])
    assert stat.S_IMODE(Path(ENV).stat().st_mode) == 0o600
    assert [given()[SIGNING_SECRET]] == cli.stored()["action_signing_secrets"]
    assert {"stripe_restricted_key", "link_ticket_keys", "log_key"} <= cli.stored().keys()


def test_nothing_in_clear(cli: Cli) -> None:
    """Without a file only how to get it is said; with `--json` as well."""
    declare(cli)
    first = cli("install", stdin=cli.box.stripe_key)
    again = cli("install", "--json")
    [secret] = cli.stored()["action_signing_secrets"]

    assert "--to-file" in first.out
    assert secret not in first.out + first.err + again.out + again.err
    assert again.json()["changes"] == []


def test_dry_run(cli: Cli) -> None:
    """Nothing is stored, and no file is written."""
    declare(cli)
    done = cli("install", "--dry-run", "--to-file", ENV)

    assert (done.code, cli.stored(), Path(ENV).exists()) == (0, {}, False)


@pytest.mark.parametrize("words", [("install",), ("rotate", "signing-secret")])
def test_only_where_they_are_declared(cli: Cli, words: tuple[str, ...]) -> None:
    """Whoever asks for a file elsewhere is told that none is needed."""
    cli.install()
    done = cli(*words, "--to-file", ENV)

    assert (done.code, Path(ENV).exists()) == (Exit.USAGE, False)
    assert "declared" in done.err


@pytest.mark.parametrize("value", ["foreign", "Declared", ""])
def test_another_mode(cli: Cli, value: str) -> None:
    """There are two."""
    Path("customerlink.toml").write_text(f'actions = "{value}"\n')
    done = cli("doctor")

    assert (done.code, "actions is neither installed nor declared" in done.err) == (2, True)


def test_doctor_is_content(cli: Cli) -> None:
    """Once the tool has set it, with a foreign owner of the code."""
    declare(cli)
    cli("install", "--to-file", ENV, stdin=cli.box.stripe_key)
    before = worst(cli)
    apply(cli)

    assert any(f"The tenant has no Action {ACTION}" in each for each in before)
    assert worst(cli) == []


def test_doctor_names_the_tool(cli: Cli) -> None:
    """What mends the tenant is no install: an unbound Action, another tenant's settings."""
    declare(cli)
    cli("install", "--to-file", ENV, stdin=cli.box.stripe_key)
    apply(cli, given() | {"CUSTOMERLINK_PRINT": "0" * 32})
    cli.actions().bind("post-login", {"bindings": []})
    checks = {each["name"]: each for each in cli("doctor", "--json").json()["checks"]}

    assert checks["Login flow"]["verdict"] == checks["Action: secrets"]["verdict"] == "bad"
    assert "docs/declared.md" in checks["Login flow"]["fix"]
    assert "docs/declared.md" in checks["Action: secrets"]["fix"]


def test_from_installed_to_declared(cli: Cli) -> None:
    """What install put in is fine until the tool takes it over, and then as well."""
    cli.install()
    declare(cli)
    before = worst(cli)
    assert cli("install", "--to-file", ENV).code == 0
    apply(cli)

    assert (before, worst(cli)) == ([], [])


def test_the_watch(cli: Cli) -> None:
    """It is told once the Action is there; then runs of the tool, which set all anew, are fine."""
    declare(cli)
    first = cli("install", "--to-file", ENV, "--json", stdin=cli.box.stripe_key).json()["changes"]
    apply(cli)
    then = cli("install", "--json").json()["changes"]
    apply(cli)
    again = cli("install", "--json").json()["changes"]
    checks = {each["name"]: each for each in cli("doctor", "--json").json()["checks"]}

    assert "tell the watch what to look for" not in first
    assert (then, again) == (["tell the watch what to look for"], [])
    assert checks["watch"]["verdict"] == "good"


def test_uninstall_leaves_it_alone(cli: Cli) -> None:
    """It is the tool's to take out."""
    declare(cli)
    cli("install", "--to-file", ENV, stdin=cli.box.stripe_key)
    apply(cli)
    done = cli("uninstall")

    assert (done.code, cli.flow()) == (Exit.REFUSED, [*FOREIGN, ACTION])
