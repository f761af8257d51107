"""`customerlink whois`: from the functions' log to a user, and back."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from tests.cli.conftest import ACTION, Cli

from sandbox.aws import STACK
from sandbox.sandbox import Sandbox
from sandbox.tenant import Tenant

SAML = "samlp|acme|ada@example.com"


@pytest.fixture
def tenant(cli: Cli, box: Sandbox) -> Iterator[Cli]:
    """Return an installed deployment, with somebody whose id holds an address."""
    cli.install()
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

    # Not "ada" alone: a digest's hexadecimal digits may spell that.
    assert not any(part in name for part in ("ada@", "example", "@"))
    assert by_digest.json() == by_user.json() == {"users": [{"user_id": SAML, "log_name": name}]}
    assert [each for each in (tmp_path / "state").rglob("*") if each.is_file()] == []


def test_address(tenant: Cli) -> None:
    """All users who have it."""
    result = tenant("whois", "ada@example.com")

    assert result.code == 0
    assert SAML in result.out
    assert "auth0|64f0c3a1b2d4e5f6a7b8c9d0" in result.out


def denied(cli: Cli, box: Sandbox, user_id: str) -> str:
    """Deny somebody, with the line in CloudWatch; return the text that they read."""
    box.stripe.create({"email": "ada@example.com"})
    box.tenant.users.add({"email": "ada@example.com"}, user_id)
    start = len(box.log.getvalue())
    settings = cli.actions().secrets_of(ACTION)
    tenant = Tenant(box.tenant.host, settings, users=box.tenant.users)
    told = tenant.login(user_id, connection="acme").denial
    box.aws.keep_lines("post-login", box.log.getvalue()[start:].splitlines())
    return str(told)


def test_reference(tenant: Cli, box: Sandbox) -> None:
    """What a denied person reads leads to the log's line, and to them, however it is written."""
    for user_id in ("samlp|acme|grace@example.com", "auth0|64f0c3a1b2d4e5f6a7b8c9d1"):
        [reference] = re.findall(r"[0-9A-F]{4}-[0-9A-F]{4}", denied(tenant, box, user_id))
        told = tenant("whois", f" {reference.lower()} ", "--json").json()
        shown = tenant("whois", reference.replace("-", ""))

        assert told["denial"]["reason"] == "email_in_use"
        assert [each["user_id"] for each in told["users"]] == [user_id]
        assert (shown.code, "email_in_use" in shown.out, user_id in shown.out) == (0, True, True)


def test_reference_without_a_user(tenant: Cli, box: Sandbox) -> None:
    """What got no decision says what was wrong; what no line has, where else to look."""
    line = {"message": "rejected", "reference": "3F2A-91BC", "error": "invalid_signature"}
    box.aws.keep_lines("post-login", [json.dumps(line)])
    told = tenant("whois", "3F2A-91BC", "--json").json()

    assert told["denial"]["error"] == "invalid_signature"
    assert told["users"] == []
    for asked in ("0000-0000", "ABCD1234", "12345678"):
        result = tenant("whois", asked)
        assert (result.code, "Auth0's log" in result.err) == (1, True)


def test_reference_without_a_log(tenant: Cli) -> None:
    """Which log is missing is said, and what may be wrong."""
    logs, group = boto3.client("logs"), f"/aws/lambda/{STACK}-post-login"
    logs.delete_log_group(logGroupName=group)
    for asked in ("3F2A-91BC", "3f2a91bc", " 0000-0000 "):
        result = tenant("whois", asked)
        assert (result.code, f"There is no log {group} in" in result.err) == (1, True)
        assert "--region" in result.err


@pytest.mark.parametrize(
    "asked",
    ["digest:0000000000000000", "bob@example.com", "nobody", "|", "auth0|", "|ada", "ABCD-12"],
)
def test_nobody(tenant: Cli, asked: str) -> None:
    """It says so."""
    result = tenant("whois", asked)

    assert (result.code, "no such user" in result.err) == (1, True)
