"""docs/deploy.md, what to know before an installation: each sentence, played."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.runtime import ROOT
from tests.test_docs import shell, starting

from customerlink.cli.main import run
from sandbox.sandbox import Sandbox
from sandbox.tenant import Login

PAGE = (ROOT / "docs" / "deploy.md").read_text()
WITHOUT_ADDRESS: list[tuple[str, dict[str, Any]]] = [
    ("sms", {"phone_number": "+4930123456", "phone_verified": True}),
    ("twitter", {"nickname": "ada", "name": "Ada"}),
    ("Username-Password-Authentication", {"username": "ada"}),
]


def sign_up(box: Sandbox, connection: str, **profile: Any) -> Login:
    """Log somebody in for the first time."""
    return box.tenant.login(box.tenant.add_user(**profile), connection)


def reason(box: Sandbox) -> str:
    """Return the last decision's reason, off the log line."""
    lines = [json.loads(each) for each in box.log.getvalue().splitlines()]
    return str([each for each in lines if each.get("message") == "sign_up"][-1]["reason"])


@pytest.mark.parametrize("profile", [{}, {"name": ""}, {"name": ["Ada"]}])
def test_without_a_name(box: Sandbox, profile: dict[str, Any]) -> None:
    """The customer has none."""
    email = f"nameless-{len(box.tenant.users)}@example.com"
    login = sign_up(box, "acme-saml", email=email, **profile)

    assert box.stripe.retrieve(login.app_metadata["stripe_customer_id"])["name"] is None


@pytest.mark.parametrize("email", ["no address", "ada@", ["ada@example.com"]])
def test_something_that_is_no_address(box: Sandbox, email: object) -> None:
    """Is told apart from none."""
    login = sign_up(box, "acme-saml", email=email)

    assert (login.decision, reason(box)) == ("deny", "email_invalid")


def test_users_without_an_address_are_counted(box: Sandbox, tmp_path: Path) -> None:
    """By the page's command: those alone who lack one."""
    tools = box.tools_environment()
    asked = {
        "grant_type": "client_credentials",
        "client_id": tools["AUTH0_CLIENT_ID"],
        "client_secret": tools["AUTH0_CLIENT_SECRET"],
        "audience": f"{box.auth0_url}/api/v2/",
    }
    token = httpx.post(f"{box.auth0_url}/oauth/token", json=asked).json()["access_token"]
    command = starting("curl -s -G ").replace("https://", "")
    given = {"AUTH0_DOMAIN": box.auth0_url, "AUTH0_TOKEN": token}
    before = json.loads(shell(command, tmp_path, **given))["total"]
    for _, profile in WITHOUT_ADDRESS:
        box.tenant.add_user(**profile)
    box.tenant.add_user(email="has-one@example.com")

    assert json.loads(shell(command, tmp_path, **given))["total"] == before + 3


def test_customers_on_a_test_clock(
    box: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody sees them by their address; by the id in the profile the link holds."""
    for name, value in box.tools_environment().items():
        monkeypatch.setenv(name, value)
    box.tenant.users.clear()
    clocked = {"test_clock": "clock_1"}
    box.stripe.create({"email": "clock@example.com", **clocked})
    unseen = sign_up(box, "google-oauth2", email="clock@example.com")
    named = {"auth0_user_id": "auth0|clocked", "auth0_tenant": "acme"}
    customer = box.stripe.create({"email": "clocked@example.com", "metadata": named, **clocked})
    link = {"stripe_customer_id": customer["id"]}
    box.tenant.add_user("auth0|clocked", email="clocked@example.com", app_metadata=link)
    box.stripe.create({"email": "late@example.com", "metadata": named, **clocked})
    box.tenant.add_user("auth0|late", email="late@example.com")
    capsys.readouterr()
    with pytest.raises(SystemExit):
        run(["verify", "--json"])
    counts = json.loads(capsys.readouterr().out)["counts"]

    assert unseen.app_metadata["stripe_customer_id"]
    assert (counts["linked"], counts["unlinked"], counts["dangling"]) == (2, 1, 0)


def test_the_warning_comes_before_the_installation() -> None:
    """Whoever reads down to the commands has read it."""
    before, warned, after = PAGE.partition("> [!WARNING]")

    assert warned
    assert not re.search(r"```sh|customerlink install", before)
    assert "customerlink install" in after
