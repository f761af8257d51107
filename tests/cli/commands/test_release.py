"""`customerlink release`: who holds an address, and what is let go of."""

from typing import Any

import pytest
from tests.cli.commands.test_reassign import forgetful
from tests.cli.commands.test_repair import metadata
from tests.cli.commands.test_verify import TENANT, customer, sides, user
from tests.cli.conftest import Cli, Result

from customerlink.model.customer import DESCRIPTION
from customerlink.model.told import digest
from sandbox.stripe_account import Fault, FaultKind, Permission

pytestmark = pytest.mark.usefixtures("no_waits")

__all__ = ["forgetful", "sides"]

FIRST = "user-1@example.com"
READS = ("subscription", "invoice", "payment_method")


@pytest.fixture
def squatter(forgetful: Cli) -> str:
    """Return the customer of user 1, who has not verified the address; the operator has a key."""
    made = customer(forgetful, 1, description=DESCRIPTION)
    user(forgetful, 1, made)
    own_key(forgetful, *READS)
    return made


def own_key(cli: Cli, *reads: str) -> None:
    """Give the operator a key that may read these, and nothing of customers."""
    key = cli.box.stripe.add_key(Permission.NONE, reads=reads)
    cli.typed.add(key)
    cli.patch.setenv("CUSTOMERLINK_STRIPE_KEY", key)


def release(cli: Cli, *words: str, address: str = FIRST) -> Result:
    """Run it; the address is not repeated."""
    result = cli(*TENANT, "release", address, *words)
    assert "@" not in result.out + result.err
    return result


def test_told(sides: Cli, squatter: str) -> None:
    """Who, since when, verified or not, and the way out; nothing is changed."""
    sides.changes()
    result = release(sides)

    assert result.code == 0
    assert f"{squatter}: of auth0|1, not verified, {squatter}, no marker, created 20" in result.out
    assert "nothing keeps it: customerlink release, with --apply" in result.out
    assert f"User with the address: auth0|1, not verified, {squatter}" in result.out
    assert [each for each in sides.changes() if "PATCH" in each] == []
    assert len(sides.box.stripe.live_customers()) == 1


def test_nobody(sides: Cli) -> None:
    """An address that nobody has is free: exit code 0 with --apply too."""
    assert "No customer has the address." in release(sides).out
    assert release(sides, "--apply").code == 0
    assert release(sides, "--json").json() == {"holders": [], "lock": None, "users": []}


def test_applied(sides: Cli, squatter: str) -> None:
    """The person whose address it is signs up; the other one is denied, as at a first login."""
    result = release(sides, "--apply", "--json")
    [holder] = result.json()["holders"]
    assert (result.code, holder["customer_id"], holder["released"]) == (0, squatter, True)
    assert metadata(sides, 1) == {"stripe_signup": "unfinished"}
    user(sides, 2, email=FIRST, email_verified=True)

    assert sides.box.tenant.login("auth0|2").decision == "continue"
    assert sides.box.tenant.login("auth0|1").decision == "deny"
    assert len(sides.box.stripe.live_customers()) == 1
    assert metadata(sides, 1) == {"stripe_signup": "unfinished"}


def test_next_login_of_who_was_released(sides: Cli, squatter: str) -> None:
    """Another try, which succeeds while nobody else has the address."""
    release(sides, "--apply")

    assert sides.box.tenant.login("auth0|1").decision == "continue"
    [made] = sides.box.stripe.live_customers()
    assert metadata(sides, 1) == {"stripe_customer_id": made["id"]}
    assert made["id"] != squatter


@pytest.mark.parametrize("missing", READS)
def test_key_that_may_not_read(sides: Cli, squatter: str, missing: str) -> None:
    """Nobody can say whether there is one: exit code 4, and the permission is named."""
    own_key(sides, *(each for each in READS if each != missing))
    result = release(sides, "--apply")

    assert result.code == 4
    assert f"may not read: {missing.replace('_', ' ')}: a Stripe key that may" in result.out
    assert [each["id"] for each in sides.box.stripe.live_customers()] == [squatter]
    assert metadata(sides, 1) == {"stripe_customer_id": squatter}


def test_deployments_key(sides: Cli, squatter: str) -> None:
    """Without a key of the operator's it is asked with, and may read none of them."""
    sides.patch.delenv("CUSTOMERLINK_STRIPE_KEY")
    result = release(sides, "--apply")

    assert result.code == 4
    assert "may not read: subscription, invoice, payment method" in result.out
    assert [each["id"] for each in sides.box.stripe.live_customers()] == [squatter]


@pytest.mark.parametrize("resource", READS)
def test_used(sides: Cli, squatter: str, resource: str) -> None:
    """What would be lost keeps the customer: exit code 1."""
    sides.box.stripe.use(squatter, resource)
    result = release(sides, "--apply")

    assert result.code == 1
    assert f"the customer has: {resource.replace('_', ' ')}: a person" in result.out
    assert [each["id"] for each in sides.box.stripe.live_customers()] == [squatter]


@pytest.mark.parametrize(
    "change",
    [
        {"balance": -500},
        {"next_invoice_sequence": 2},
        {"default_source": "card_1"},
        {"invoice_settings": {"default_payment_method": "pm_1"}},
        {"description": "changed by hand"},
        {"metadata": {"auth0_user_id": "auth0|1"}},
    ],
)
def test_kept(sides: Cli, squatter: str, change: dict[str, Any]) -> None:
    """What the customer itself tells needs no other permission."""
    sides.box.stripe._customers[squatter] |= change
    result = release(sides, "--apply")

    assert (result.code, "a person has to decide" in result.out) == (1, True)
    assert [each["id"] for each in sides.box.stripe.live_customers()] == [squatter]


def test_several(sides: Cli, squatter: str) -> None:
    """Each is told, only those that qualify are released; the address is not free: exit code 1."""
    verified = customer(sides, 1, "auth0|2", description=DESCRIPTION)
    user(sides, 2, verified, email=FIRST, email_verified=True)
    gone = customer(sides, 1, "auth0|3", description=DESCRIPTION)
    result = release(sides, "--apply", "--json")
    holders = {each["customer_id"]: each for each in result.json()["holders"]}

    assert result.code == 1
    assert [each for each in holders if holders[each]["released"]] == [squatter]
    assert "verified" in holders[verified]["kept"]
    assert holders[gone]["way_out"] == f"customerlink reassign {gone} --to USER"
    assert holders[gone]["owner"] == "a user who is gone"


def test_reassign_is_named(sides: Cli, squatter: str) -> None:
    """With the user who waits for it, as it is to be typed."""
    sides.box.tenant.users.pop("auth0|1")
    user(sides, 2, email=FIRST, email_verified=True)

    assert f"customerlink reassign {squatter} --to 'auth0|2'" in release(sides).out


def test_linked_account(sides: Cli, squatter: str) -> None:
    """The primary is told."""
    primary = user(sides, 3)
    sides.box.tenant.users.link(primary, {"provider": "auth0", "user_id": "1"})
    told = release(sides).out

    assert f"{squatter}: of auth0|1, which was linked into auth0|3" in told
    assert "customerlink repair --kind orphaned" in told


@pytest.mark.usefixtures("forgetful")
def test_running_sign_up(sides: Cli) -> None:
    """What a login has locked a moment ago, until when."""
    user(sides, 1, email_verified=True)
    assert sides.box.tenant.login("auth0|1").decision == "continue"

    assert "A sign-up of auth0|1 has it until 20" in release(sides).out
    lock = release(sides, "--json").json()["lock"]
    assert lock["user_id"] == "auth0|1"


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize("left", ["no customer", "released", "not to be seen"])
def test_lock_holds_the_address(sides: Cli, left: str) -> None:
    """Whatever becomes of the customers, it is not free: exit code 1, and 0 without --apply."""
    user(sides, 1, email_verified=True)
    assert sides.box.tenant.login("auth0|1").decision == "continue"
    [made] = sides.box.stripe.live_customers()
    sides.box.stripe.delete(made["id"])
    if left != "no customer":
        squatters = customer(sides, 1, "auth0|2", description=DESCRIPTION)
        user(sides, 2, squatters, email=FIRST)
        own_key(sides, *(READS if left == "released" else ()))

    assert release(sides).code == 0
    assert release(sides, "--apply").code == 1


@pytest.mark.parametrize("marker", ["unfinished", "exempt", "ada@example.com", 5])
def test_marker(sides: Cli, squatter: str, marker: Any) -> None:
    """What is none is not repeated."""
    ids = {"stripe_customer_id": squatter, "stripe_signup": marker}
    user(sides, 1, app_metadata=ids)
    shown = marker if marker in ("unfinished", "exempt") else "an odd marker"

    assert f"not verified, {squatter}, {shown}" in release(sides).out


@pytest.mark.parametrize("address", ["ada", "@", "ada@", "a da@example.com", "a\x00@b.example"])
def test_no_address(cli: Cli, address: str) -> None:
    """Exit code 2; what was typed is not repeated."""
    result = release(cli, address=address)

    assert (result.code, "That is no address." in result.err) == (2, True)


def test_blanks_and_letter_case(sides: Cli, squatter: str) -> None:
    """As they come from a ticket."""
    result = release(sides, "--apply", address=f" {FIRST.title()} ")

    assert (result.code, f"{squatter}: released" in result.out.replace("Cus_", "cus_")) == (0, True)


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.DOWN])
def test_answer_that_is_lost(sides: Cli, squatter: str, kind: FaultKind) -> None:
    """To the deletion: exit code 1, and it is told that nobody knows; a later look tells."""
    sides.box.stripe.faults.append(Fault(kind, "DELETE", times=1))
    result = release(sides, "--apply")

    assert (result.code, "may have deleted it: look again" in result.out) == (1, True)
    assert metadata(sides, 1) == {"stripe_signup": "unfinished"}
    left = [each["id"] for each in sides.box.stripe.live_customers()]
    assert left == ([] if kind is FaultKind.DROP_AFTER else [squatter])


def test_auth0_that_does_not_answer(sides: Cli, squatter: str) -> None:
    """Exit code 3, and nothing is deleted; the same command goes on as soon as the lease ended."""
    sides.box.management.faults.append("PATCH /api/v2/users")

    assert release(sides, "--apply").code == 3
    assert [each["id"] for each in sides.box.stripe.live_customers()] == [squatter]
    assert metadata(sides, 1) == {"stripe_customer_id": squatter}


def test_live_mode_asks(sides: Cli, squatter: str) -> None:
    """The operator's key is checked for its mode like any other."""
    result = sides("--mode", "live", *TENANT, "release", FIRST, "--apply")

    assert (result.code, len(sides.box.stripe.live_customers())) == (2, 1)
    assert squatter not in result.out


@pytest.mark.parametrize("chosen", [FIRST, "Ada Lovelace", "+15550100"])
@pytest.mark.parametrize("output", [(), ("--json",), ("--apply",)])
def test_id_that_a_shop_chose(sides: Cli, chosen: str, output: tuple[str, ...]) -> None:
    """It may be a person's address: a digest stands for it, and nobody is told to reassign it."""
    sides.box.stripe.create({"email": FIRST}, customer_id=chosen)
    user(sides, 2, email=FIRST, email_verified=True)
    result = release(sides, *output)

    assert digest(chosen) in result.out
    assert chosen not in result.out
    assert "reassign" not in result.out
