"""`customerlink sync`: one user, end to end on the sandbox."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.cli.commands.test_repair import metadata
from tests.cli.commands.test_verify import TENANT, customer, sides, user
from tests.cli.conftest import Cli, Result

from customerlink.cli.commands.sync import ACTS, REASONS, VERDICTS
from customerlink.model.sync import SyncAct, SyncReason, Verdict
from sandbox.stripe_account import Fault, FaultKind

pytestmark = pytest.mark.usefixtures("no_waits")

__all__ = ["sides"]

ADA, OLD, NEW = "auth0|1", "user-1@example.com", "new@example.com"


@pytest.fixture
def adas(sides: Cli) -> str:
    """Return the customer of user 1, which agrees with the user, and is known to."""
    made = customer(sides, 1)
    user(sides, 1, made, email_verified=True, name="Ada")
    sides.box.stripe.update(made, {"name": "Ada"})
    assert sync(sides, "--apply").code == 0
    return made


def sync(cli: Cli, *words: str, who: str = ADA) -> Result:
    """Run it; no address and no name is ever told."""
    result = cli(*TENANT, "sync", who, *words)
    told = (result.out + result.err).replace(who, "")
    assert [each for each in ("@", "Countess") if each in told] == []
    return result


def moves(cli: Cli, **changes: Any) -> None:
    """Let user 1 change in Auth0."""
    cli.box.tenant.users[ADA].update(changes)


def test_plan(sides: Cli, adas: str) -> None:
    """What would be done, and why; nothing is changed."""
    moves(sides, email=NEW, name="Countess")
    sides.changes()
    result = sync(sides)

    assert result.code == 0
    assert "both sides differ" in result.out
    assert result.out.count("written: Auth0's is newer") == 2
    assert [each for each in sides.changes() if "PATCH" in each] == []
    assert sides.box.stripe.retrieve(adas)["email"] == OLD


def test_applied(sides: Cli, adas: str) -> None:
    """The customer follows; once more there is nothing to do."""
    moves(sides, email=NEW, name="Countess")
    done = sync(sides, "--apply", "--json")
    assert (done.code, done.json()["outcome"]) == (0, "done")

    body = sides.box.stripe.retrieve(adas)
    assert (body["email"], body["name"]) == (NEW, "Countess")
    again = sync(sides, "--apply", "--json").json()
    assert again == {
        "user_id": ADA,
        "customer_id": adas,
        "act": "compare",
        "reason": "in_order",
        "fields": {"email": "agreed", "name": "agreed"},
        "outcome": "nothing",
        "why": None,
    }
    assert sides(*TENANT, "verify").code == 0


@pytest.mark.parametrize("who", [OLD, ADA, f" {ADA} "])
def test_who(sides: Cli, adas: str, who: str) -> None:
    """By the user_id, or the address."""
    assert sync(sides, "--json", who=who).json()["customer_id"] == adas


@pytest.mark.parametrize(
    ("policy", "name"), [("keep", "Countess"), ("restore", "Ada"), ("report", "Countess")]
)
def test_edited_in_stripe(sides: Cli, adas: str, policy: str, name: str) -> None:
    """By policy."""
    sides.box.stripe.update(adas, {"name": "Countess"})
    planned = sync(sides, "--edited-customers", policy)
    result = sync(sides, "--apply", "--edited-customers", policy)

    assert planned.code == result.code == (1 if policy == "report" else 0)
    assert ("all is as the policies have it" in planned.out) is (policy == "keep")
    assert sides.box.stripe.retrieve(adas)["name"] == name


def test_the_stacks_policy(sides: Cli, adas: str) -> None:
    """Holds unless a flag says another one: what the functions do is what the command does."""
    sides.box.aws.create_stack(sides.box.url, {"EditedCustomers": "restore"})
    sides.box.stripe.update(adas, {"name": "Countess"})
    assert sync(sides, "--apply", "--edited-customers", "keep").code == 0
    assert sides.box.stripe.retrieve(adas)["name"] == "Countess"
    assert sync(sides, "--apply").code == 0
    assert sides.box.stripe.retrieve(adas)["name"] == "Ada"
    sides.box.aws.create_stack(sides.box.url)


@pytest.mark.parametrize("policy", ["clear", "recreate", "report"])
def test_deleted_in_stripe(sides: Cli, adas: str, policy: str) -> None:
    """The next login makes another one, or it is made at once, or it is told."""
    sides.box.stripe.delete(adas)
    result = sync(sides, "--apply", "--deleted-customers", policy)
    made = [each["id"] for each in sides.box.stripe.live_customers()]

    assert result.code == (1 if policy == "report" else 0)
    expected: dict[str, Any] = {
        "clear": {"stripe_signup": "unfinished"},
        "recreate": {"stripe_customer_id": next(iter(made), None)},
        "report": {"stripe_customer_id": adas},
    }
    assert metadata(sides, 1) == expected[policy]
    assert len(made) == (1 if policy == "recreate" else 0)


@pytest.mark.parametrize("policy", ["clear", "recreate"])
def test_customer_that_stripe_does_not_know(sides: Cli, adas: str, policy: str) -> None:
    """As with another account's key: nothing is cleared."""
    sides.box.stripe._customers.pop(adas)
    result = sync(sides, "--apply", "--deleted-customers", policy)

    assert (result.code, "is the key right?" in result.out) == (1, True)
    assert metadata(sides, 1) == {"stripe_customer_id": adas}


def test_difference_of_before(sides: Cli) -> None:
    """It is told, and written where somebody says so."""
    made = customer(sides, 1)
    user(sides, 1, made, email=NEW, email_verified=True)
    assert sync(sides).code == 1
    assert sync(sides, "--apply").code == 1
    assert sides.box.stripe.retrieve(made)["email"] == OLD

    assert sync(sides, "--apply", "--differences", "apply").code == 0
    assert sides.box.stripe.retrieve(made)["email"] == NEW


def test_address_of_another_customer(sides: Cli, adas: str) -> None:
    """It is told whose, and stays."""
    other = sides.box.stripe.create({"email": NEW})["id"]
    moves(sides, email=NEW)
    result = sync(sides, "--apply")

    assert (result.code, f"the address has {other}" in result.out) == (1, True)
    assert sides.box.stripe.retrieve(adas)["email"] == OLD


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.DOWN])
@pytest.mark.parametrize("words", [(), ("--apply",)])
def test_stripe_that_does_not_answer(
    sides: Cli, adas: str, kind: FaultKind, words: tuple[str, ...]
) -> None:
    """Exit code 3, and nothing is changed."""
    sides.box.stripe.faults.append(Fault(kind, "GET", 99))
    try:
        result = sync(sides, *words)
    finally:
        sides.box.stripe.faults.clear()

    assert result.code == 3
    assert metadata(sides, 1) == {"stripe_customer_id": adas}


@pytest.mark.parametrize("who", ["", " ", "nobody@example.com"])
def test_nobody(sides: Cli, who: str) -> None:
    """Exit code 2."""
    assert sides(*TENANT, "sync", who).code == 2


def test_several(sides: Cli) -> None:
    """Who they are is told."""
    user(sides, 1, email=NEW)
    user(sides, 2, email=NEW)
    result = sides(*TENANT, "sync", NEW)

    assert (result.code, "auth0|1, auth0|2" in result.err) == (2, True)


def test_everything_has_its_words() -> None:
    """Each reason, each act and each verdict."""
    assert {*REASONS} == {*SyncReason}
    assert {*ACTS} == {*SyncAct}
    assert {*VERDICTS} == {*Verdict}


def test_user_who_is_deleted(sides: Cli, adas: str) -> None:
    """By default nothing is to be done; by policy it is told when, and nothing is done before."""
    del sides.box.tenant.users[ADA]
    assert sync(sides, "--apply").code == 0
    planned = sync(sides, "--deleted-users", "delete")
    assert (planned.code, "the customer is let go" in planned.out) == (0, True)
    assert "left as it is" not in planned.out
    done = sync(sides, "--deleted-users", "delete", "--apply", "--json")

    assert (done.code, done.json()["outcome"]) == (0, "nothing")
    assert done.json()["why"].startswith("their time comes at ")
    assert sides.box.stripe.retrieve(adas)["email"] == OLD
    [counted] = [each for each in sides.box.aws.items() if each["pk"] == "deletions#acme"]
    assert [name[:4] for name in counted if name != "pk"] == ["due_"]


def test_unknown_user(sides: Cli, adas: str) -> None:
    """Whom nobody has ever had is no user who is gone: the id is mistyped."""
    for who in ("auth0|typo", "google-oauth2|9", "samlp|acme|nobody"):
        for words in ((), ("--apply",)):
            result = sync(sides, *words, who=who)
            assert (result.code, "Unknown user" in result.err) == (2, True)

    sides.box.tenant.users.delete(ADA)
    assert sync(sides).code == 0
    assert adas in {each["id"] for each in sides.box.stripe.live_customers()}


def test_until_when(sides: Cli, adas: str) -> None:
    """Of a user who is gone the plan says when their time comes, noted or not."""
    sides.box.tenant.users.delete(ADA)
    days = [_until(sync(sides, "--deleted-users", each).out) for each in ("unlink", "delete")]
    assert (days[1] - days[0]).days == 29
    assert sync(sides, "--apply", "--deleted-users", "delete").code == 0

    shorter = sync(sides, "--deleted-users", "unlink").out
    assert ("if it is applied" in shorter, abs(_until(shorter) - days[1]) < timedelta(hours=1)) == (
        False,
        True,
    )
    assert adas in {each["id"] for each in sides.box.stripe.live_customers()}


def _until(told: str) -> datetime:
    moment = told.partition("Their time comes at ")[2].partition("+")[0]
    return datetime.fromisoformat(moment)
