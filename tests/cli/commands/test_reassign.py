"""`customerlink reassign`: the plan, the act, and what ends it early."""

from typing import Any

import pytest
from tests.cli.commands.test_repair import kind_of, metadata
from tests.cli.commands.test_verify import TENANT, customer, sides, user
from tests.cli.conftest import Cli, Result

from sandbox.aws import TABLE
from sandbox.stripe_account import Fault, FaultKind

pytestmark = pytest.mark.usefixtures("no_waits")

__all__ = ["sides"]

FIRST = "user-1@example.com"


@pytest.fixture
def forgetful(sides: Cli) -> Cli:
    """Return one whose ledger knows nobody, and whose Action signs with what was installed.

    Other tests have had users of these ids.
    """
    dynamodb, tenant = sides.box.aws.dynamodb, sides.box.tenant
    [secret] = sides.stored()["action_signing_secrets"]
    signs = {**tenant.secrets, "CUSTOMERLINK_SIGNING_SECRET": secret}
    sides.patch.setattr(tenant, "secrets", signs)
    for item in dynamodb.scan(TableName=TABLE)["Items"]:
        dynamodb.delete_item(TableName=TABLE, Key={"pk": item["pk"]})
    return sides


@pytest.fixture
def orphan(forgetful: Cli) -> str:
    """Return the customer of user 1, who is gone; user 2 has signed up with the address since."""
    made = customer(forgetful, 1)
    user(forgetful, 2, email=FIRST, email_verified=True)
    return made


def reassign(cli: Cli, customer_id: str, *words: str, to: str = "auth0|2") -> Result:
    """Run it; no address is ever told."""
    result = cli(*TENANT, "reassign", customer_id, "--to", to, *words)
    assert "@" not in result.out + result.err
    return result


def test_plan(sides: Cli, orphan: str) -> None:
    """Each condition, and that it holds; nothing is changed."""
    sides.changes()
    result = reassign(sides, orphan)

    assert (result.code, result.out.count("✓"), "✗" in result.out) == (0, 9, False)
    assert [each for each in sides.changes() if "PATCH" in each] == []
    assert sides.box.stripe.retrieve(orphan)["metadata"]["auth0_user_id"] == "auth0|1"


def test_plan_for_machines(sides: Cli, orphan: str) -> None:
    """The ids, and the conditions with what stands in their way."""
    document = reassign(sides, orphan, "--json").json()
    conditions = document.pop("conditions")

    assert document == {
        "customer_id": orphan,
        "user_id": "auth0|2",
        "former_user_id": "auth0|1",
        "applied": False,
    }
    assert [each["unmet"] for each in conditions] == 9 * [None]


def test_applied(sides: Cli, orphan: str) -> None:
    """Who was denied gets in; verify is green; once more changes nothing."""
    denied = sides.box.tenant.login("auth0|2")
    assert denied.decision == "deny"
    assert reassign(sides, orphan, "--apply").code == 0

    assert metadata(sides, 2) == {"stripe_customer_id": orphan}
    assert sides.box.tenant.login("auth0|2").decision == "continue"
    assert sides(*TENANT, "verify").code == 0
    again = reassign(sides, orphan, "--apply", "--json")
    assert (again.code, again.json()["applied"]) == (0, True)
    assert len(sides.box.stripe.live_customers()) == 1


@pytest.mark.parametrize("apply", [(), ("--apply",)])
@pytest.mark.parametrize(
    ("profile", "told"),
    [
        ({"email": FIRST}, "has not verified the address"),
        ({"email": "user-3@example.com", "email_verified": True}, "another address"),
        ({"email": FIRST, "email_verified": "yes"}, "has not verified the address"),
        ({"email": None, "email_verified": True}, "another address"),
    ],
)
def test_refused(
    sides: Cli, orphan: str, profile: dict[str, Any], told: str, apply: tuple[str, ...]
) -> None:
    """With a sentence, and exit code 1."""
    user(sides, 2, **profile)
    result = reassign(sides, orphan, *apply)

    assert (result.code, told in result.out) == (1, True)
    assert sides.box.stripe.retrieve(orphan)["metadata"]["auth0_user_id"] == "auth0|1"
    assert metadata(sides, 2) == {}


@pytest.mark.parametrize("email", [FIRST, "primary@example.com"])
def test_linked_account_is_not_gone(sides: Cli, orphan: str, email: str) -> None:
    """The primary is told: by the address at once, by the search if need be."""
    primary = user(sides, 3, email=email)
    user(sides, 1)
    sides.box.tenant.users.link(primary, {"provider": "auth0", "user_id": "1"})
    result = reassign(sides, orphan, "--apply")

    assert result.code == 1
    assert "linked into auth0|3: customerlink repair --kind orphaned" in result.out
    assert metadata(sides, 2) == {}


@pytest.mark.parametrize("email", [FIRST, "imported@example.com", None])
def test_profile_of_another_user(sides: Cli, orphan: str, email: str | None) -> None:
    """An import gave it the id: nobody loses a customer that their profile has."""
    user(sides, 3, orphan, email=email)
    result = reassign(sides, orphan, "--apply")

    assert (result.code, "the profile of auth0|3 has it too" in result.out) == (1, True)
    assert sides.box.stripe.retrieve(orphan)["metadata"]["auth0_user_id"] == "auth0|1"


@pytest.mark.parametrize(
    ("customer_id", "to"), [("", "auth0|2"), (" ", "auth0|2"), ("cus_1", "2"), ("cus_1", "")]
)
def test_no_ids(cli: Cli, customer_id: str, to: str) -> None:
    """Exit code 2."""
    assert reassign(cli, customer_id, to=to).code == 2


def test_live_mode_asks(sides: Cli, orphan: str) -> None:
    """And the key has to be of that mode."""
    result = sides(
        "--mode", "live", *TENANT, "reassign", orphan, "--to", "auth0|2", "--apply", "--yes"
    )

    assert (result.code, "for live mode" in result.err) == (2, True)


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DOWN])
def test_stripe_that_does_not_answer(sides: Cli, orphan: str, kind: FaultKind) -> None:
    """Exit code 3; the same command finishes it."""
    sides.box.stripe.faults.append(Fault(kind, "POST", times=9))
    first = reassign(sides, orphan, "--apply")
    sides.box.stripe.faults.clear()

    assert (first.code, "again in a minute" in first.err) == (3, True)
    assert reassign(sides, orphan, "--apply").code == 0
    assert (metadata(sides, 2), kind_of(sides, 2)) == ({"stripe_customer_id": orphan}, "linked")


def test_answers_of_stripes_that_are_lost(sides: Cli, orphan: str) -> None:
    """Each update is sent once more by its key, and told how the first one ended."""
    sides.box.stripe.faults.append(Fault(FaultKind.DROP_AFTER, "POST", times=9))

    assert reassign(sides, orphan, "--apply").code == 0
    assert (metadata(sides, 2), kind_of(sides, 2)) == ({"stripe_customer_id": orphan}, "linked")


def test_auth0_that_does_not_answer(sides: Cli, orphan: str) -> None:
    """At the very end: the link is in the ledger, and the same command writes it down."""
    sides.box.management.faults.append("PATCH /api/v2/users")
    assert reassign(sides, orphan, "--apply").code == 3
    assert metadata(sides, 2) == {}

    assert reassign(sides, orphan, "--apply").code == 0
    assert metadata(sides, 2) == {"stripe_customer_id": orphan}


def test_scope(sides: Cli, orphan: str) -> None:
    """To look takes less than to apply; what is missing is named."""
    may(sides, "read:users")
    assert reassign(sides, orphan).code == 0
    result = reassign(sides, orphan, "--apply")
    assert (result.code, "update:users" in result.err) == (4, True)

    may(sides, "update:users")
    result = reassign(sides, orphan)
    assert (result.code, "read:users" in result.err) == (4, True)


def may(cli: Cli, scope: str) -> None:
    """Let the Auth0 client have this scope and no other."""
    client_id, secret = cli.box.management.add_client((scope,))
    cli.patch.setenv("AUTH0_CLIENT_ID", client_id)
    cli.patch.setenv("AUTH0_CLIENT_SECRET", secret)
