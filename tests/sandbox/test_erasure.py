"""One person everywhere, and, after what docs/data.md says is to be done, nowhere."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Cli, cli

from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.usage_limits import UsageLimits
from sandbox.aws import TABLE
from sandbox.sandbox import Sandbox, sandbox
from sandbox.stripe_account import Permission
from sandbox.tenant import Tenant

__all__ = ["cli"]

ADDRESS = "ada@example.com"
PRIMARY = "auth0|64f0c3a1b2d4e5f6a7b8c9d0"
SECOND = "samlp|acme|ada@example.com"
TENANT = ("--tenant", "acme")


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """Run a deployment."""
    with sandbox() as box:
        box.let_functions_into_the_tenant()
        yield box


def plant(cli: Cli, box: Sandbox, folder: Path) -> None:
    """Let a person register, sign up twice, be linked, backfilled, verified, planned and mailed."""
    tenant = Tenant(
        box.tenant.host, cli.actions().secrets_of("Customer Link"), users=box.tenant.users
    )
    tenant.users.add({"email": f"old-{ADDRESS}", "email_verified": True}, SECOND)
    tenant.login(SECOND, connection="acme")
    tenant.users.add({"email": ADDRESS, "email_verified": True, "name": "Ada Lovelace"}, PRIMARY)
    cli(*TENANT, "backfill")
    tenant.login(PRIMARY)
    tenant.users.link(PRIMARY, {"provider": "samlp", "user_id": "acme|ada@example.com"})
    limits = UsageLimits(Boto3DynamoDb(box.aws.dynamodb), TABLE)
    limits.begin("a nonce", f"{PRIMARY} {SECOND}")
    limits.allows("mail", PRIMARY, 5, 60)
    cli(*TENANT, "verify", "--html", str(folder / "page.html"))
    (folder / "report").write_text(cli(*TENANT, "verify", "--json").out)
    (folder / "plan").write_text(cli(*TENANT, "repair", "--kind", "orphaned").out)
    cli(*TENANT, "repair", "--apply", str(folder / "plan"))


def everywhere(box: Sandbox, folder: Path) -> dict[str, str]:
    """Return the text of every place."""
    places = {
        "Stripe": str(box.stripe.live_customers()),
        "Auth0": str(dict(box.tenant.users)),
        "ledger": str(box.aws.items()),
        "log": box.log.getvalue(),
    }
    files = [each for each in folder.rglob("*") if each.is_file()]
    return places | {each.name: each.read_text(errors="replace") for each in files}


def found(box: Sandbox, folder: Path, *words: str) -> set[str]:
    """Return the places that have one of the words."""
    places = everywhere(box, folder).items()
    return {place for place, text in places if any(word in text for word in words)}


def test_everywhere_and_nowhere(cli: Cli, box: Sandbox, tmp_path: Path) -> None:
    """By the steps of the page, in their order; the rest goes by itself."""
    folder = tmp_path / "state"
    folder.mkdir()
    cli.patch.setenv("XDG_STATE_HOME", str(folder))
    cli.install()
    plant(cli, box, folder)
    ids = [each["user_id"] for each in cli("whois", ADDRESS, "--json").json()["users"]]
    assert {PRIMARY, SECOND} <= {*ids}
    planted = found(box, folder, ADDRESS, *ids)
    assert planted >= {"Stripe", "Auth0", "ledger", "log", "report", "page.html", "done.jsonl"}
    assert "log" not in found(box, folder, ADDRESS, "Lovelace")

    erase(cli, box)
    shutil.rmtree(folder)
    by_itself(box)

    # Logs have the opaque id until their days are over; of the other one, nothing but a digest.
    assert found(box, folder, ADDRESS, "Lovelace", SECOND) == set()
    assert found(box, folder, *ids) <= {"log"}


def erase(cli: Cli, box: Sandbox) -> None:
    """Forget the person; what is told of it, at last, names nobody."""
    reading = box.stripe.add_key(Permission.READ, reads=["subscription"])
    for words in ((PRIMARY, "--email", "ada"), (ADDRESS,), (PRIMARY, "--email", "a b@example.com")):
        assert cli(*TENANT, "forget", *words).code == 2
    asked = (*TENANT, "forget", PRIMARY, "--email", f"old-{ADDRESS}", "--keep-customers")
    refused = cli(*asked[:-1])
    assert (refused.code, refused.out.count("Refused: ")) == (1, 2)
    cli.patch.setenv("CUSTOMERLINK_STRIPE_KEY", reading)
    plan = cli(*asked[:-1], "--delete-user")
    assert (plan.code, "Nothing was changed" in plan.out) == (0, True)
    assert plan.out.count("is deleted") == len(box.stripe.live_customers())

    full = box.tools_environment()
    client = box.management.add_client(("read:users",))
    for name, value in zip(("AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET"), client, strict=True):
        cli.patch.setenv(name, value)
    refused = cli(*asked[:-1], "--delete-user", "--apply")
    assert (refused.code, "delete:users" in refused.err) == (4, True)
    assert plan.out.count("is deleted") == len(box.stripe.live_customers())
    for name in ("AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET"):
        cli.patch.setenv(name, full[name])

    done = cli(*asked[:-1], "--delete-user", "--apply", "--json")
    receipt = done.json()
    assert (done.code, receipt["why"]) == (0, None)
    assert receipt["done"]["users deleted in Auth0"] == 1
    assert [each for each in ("@", "ada", "cus_", "64f0c3") if each in done.out + done.err] == []
    again = cli(*asked, "--apply")
    assert (again.code, "Goes by itself" in again.out) == (0, True)


def by_itself(box: Sandbox) -> None:
    """Let the time pass that DynamoDB's TTL needs: two days beyond an item's own."""
    for item in box.aws.items():
        if float(str(item.get("expires_at", "inf"))) < time.time() + 3 * 24 * 3600:
            box.aws.dynamodb.delete_item(TableName=TABLE, Key={"pk": {"S": str(item["pk"])}})
