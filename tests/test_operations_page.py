"""docs/operations.md: what an operator sees of a failure, and of a changed address, played."""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.runtime import ROOT
from tests.test_deploy_page import reason, sign_up
from tests.test_template import RESOURCES

from customerlink.cli.main import run
from customerlink.model.action_faults import LATER, Fault
from customerlink.usecases.watch import About
from sandbox.aws import TABLE
from sandbox.sandbox import Sandbox

PAGE = (ROOT / "docs" / "operations.md").read_text()
REPORTING = (ROOT / "src" / "actions" / "reporting.js").read_text()


@pytest.fixture
def tools(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Let the command line work on the sandbox."""
    for name, value in box.tools_environment().items():
        monkeypatch.setenv(name, value)
    return box


def printed(capture: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command, however it ends; return what it printed."""
    capture.readouterr()
    with suppress(SystemExit):
        run([*words])
    return capture.readouterr().out


@pytest.mark.parametrize(
    ("settings", "name", "cause", "told"),
    [
        ({}, "", "status 400", "tenant.id"),
        ({}, "x" * 600, "status 400", "tenant.id"),
        ({"CUSTOMERLINK_SIGNING_SECRET": "whsec_AAAA"}, "acme", "status 401", "invalid_signature"),
    ],
)
def test_failure_in_auth0s_log(
    box: Sandbox, settings: dict[str, str], name: str, cause: str, told: str
) -> None:
    """The Action's line has the status, the function's line what is wrong."""
    tenant = box.tenant
    given, known_as = tenant.secrets, tenant.name
    tenant.secrets, tenant.name = {**given, **settings}, name
    login = sign_up(box, "google-oauth2", email="failure@example.com")
    tenant.secrets, tenant.name = given, known_as
    lines = [json.loads(each) for each in box.log.getvalue().splitlines()]
    rejected = [each for each in lines if each.get("message") == "rejected"][-1]

    assert login.decision == "deny"
    assert tenant.host.logs[-1] == f"Customer Link: {cause} ({rejected['reference']})"
    assert rejected["reference"] in str(login.denial)
    assert told in f"{rejected['error']} {rejected['detail']}"


def test_causes_are_the_actions() -> None:
    """Each in the table is one that the Action may write."""
    rows = re.findall(r"^\| ((?:`[^`]+`(?:, )?)+) \| .* \| .* \|$", _section(), re.MULTILINE)
    causes = {each for row in rows for each in re.findall(r"`([^`]+)`", row)}

    assert {"status 400", "timed out", "no connection"} <= causes
    assert [
        each for each in causes if not each.startswith("status ") and each not in REPORTING
    ] == ["Customer Link: …"]


def _section() -> str:
    _, _, text = PAGE.partition("## A failure in Auth0's log\n")
    return text.partition("\n## ")[0]


def a_minute_later(box: Sandbox) -> None:
    """Let the addresses' locks lapse, which outlive a sign-up by up to a minute."""
    for each in box.aws.items():
        if str(each["pk"]).startswith("email#"):
            box.aws.dynamodb.delete_item(TableName=TABLE, Key={"pk": {"S": str(each["pk"])}})


def test_changed_address(
    tools: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The customer keeps the old one, and so nobody else gets it, until the repair."""
    tools.tenant.users.clear()
    old, new = "before@example.com", "after@example.com"
    user = tools.tenant.add_user(email=old, email_verified=True)
    customer = tools.tenant.login(user).app_metadata["stripe_customer_id"]
    tools.management.users.patch(user, {"email": new})
    tools.tenant.login(user)
    counts: dict[str, Any] = json.loads(printed(capsys, "verify", "--json"))["counts"]
    a_minute_later(tools)
    newcomer = tools.tenant.add_user(email=old, email_verified=True)
    denied = tools.tenant.login(newcomer)

    assert (tools.stripe.retrieve(customer)["email"], counts["email_drift"]) == (old, 1)
    assert (denied.decision, reason(tools)) == ("deny", "email_in_use")

    plan = tmp_path / "plan"
    plan.write_text(printed(capsys, "repair", "--kind", "email_drift"))
    printed(capsys, "repair", "--apply", str(plan))
    a_minute_later(tools)
    admitted = tools.tenant.login(newcomer)

    assert tools.stripe.retrieve(customer)["email"] == new
    assert admitted.decision == "continue"
    assert admitted.app_metadata["stripe_customer_id"] != customer


def test_every_finding_of_the_watch_is_told() -> None:
    """What it is, and what mends it; none that the watch does not have."""
    _, _, text = PAGE.partition("## Watch\n")
    rows = re.findall(r"^ +\| ((?:`[^`]+`(?:, )?)+) \|", text.partition("\n## ")[0], re.MULTILINE)
    told = {each for row in rows for each in re.findall(r"`([^`]+)`", row)}

    assert {each for each in told if ":" not in each} == {*Fault} - LATER
    assert {each.partition(":")[0] for each in told if ":" in each} == {*About}


def test_a_day_of_the_watch() -> None:
    """As often as the schedule has it, and in the memory that the template gives."""
    _, _, table = PAGE.partition("Of that, the watch's day:\n")
    rows = dict(re.findall(r"^\| (?!\*)(.*?) \| .*? \| ([\d.]+) \|$", table, re.MULTILINE))
    [total] = re.findall(r"^\| \*\*each day\*\* \| \| \*\*([\d.]+)\*\* \|$", table, re.MULTILINE)
    runs = 24 * 60 / 5
    parts = [
        runs * 0.20e-6,
        runs * RESOURCES["WatchFunction"]["Properties"]["MemorySize"] / 1024 * 13.33e-6,
        runs * (1.00 + 0.20 + 0.05 * 13.33 + 0.125) * 1e-6,
        0.40 / 30 + runs * 5e-6,
        (0.30 + 0.10) / 30,
    ]

    assert [float(each) for each in rows.values()][:5] == [round(each, 4) for each in parts]
    assert float(total) == round(sum(parts), 2)
