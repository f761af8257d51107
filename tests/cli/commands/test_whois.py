"""`customerlink whois`: from the functions' log to a user, and back."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import ACTION, Cli

from sandbox.sandbox import Sandbox
from sandbox.tenant import Tenant

SAML = "samlp|acme|ada@example.com"


@pytest.fixture
def tenant(cli: Cli, box: Sandbox, tmp_path: Path) -> Iterator[Cli]:
    """Return an installed deployment, with somebody whose id holds an address."""
    cli.install()
    cli.patch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    box.tenant.users.clear()
    for user_id in (SAML, "auth0|64f0c3a1b2d4e5f6a7b8c9d0"):
        box.tenant.users.add({"email": "ada@example.com"}, user_id)
    yield cli
    box.tenant.users.clear()


def logged(cli: Cli, box: Sandbox) -> str:
    """Let her log in; return what the function's log calls her."""
    start = len(box.log.getvalue())
    settings = cli.actions().secrets_of(ACTION)
    Tenant(box.tenant.host, settings, users=box.tenant.users).login(SAML, connection="acme")
    lines = [json.loads(each) for each in box.log.getvalue()[start:].splitlines()]
    [name] = [each["user_id"] for each in lines if each.get("message") == "sign_up"]
    return str(name)


def test_there_and_back(tenant: Cli, box: Sandbox, tmp_path: Path) -> None:
    """The function's and the program's names are the same, and no export stays behind."""
    name = logged(tenant, box)
    by_digest, by_user = tenant("whois", name, "--json"), tenant("whois", SAML, "--json")

    assert "ada" not in name
    assert by_digest.json() == by_user.json() == {"users": [{"user_id": SAML, "log_name": name}]}
    assert [each for each in (tmp_path / "state").rglob("*") if each.is_file()] == []


def test_address(tenant: Cli) -> None:
    """All users who have it."""
    result = tenant("whois", "ada@example.com")

    assert result.code == 0
    assert SAML in result.out
    assert "auth0|64f0c3a1b2d4e5f6a7b8c9d0" in result.out


@pytest.mark.parametrize("asked", ["digest:0000000000000000", "bob@example.com", "nobody"])
def test_nobody(tenant: Cli, asked: str) -> None:
    """It says so."""
    result = tenant("whois", asked)

    assert (result.code, "no such user" in result.err) == (1, True)
