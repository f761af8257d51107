"""Addresses that Unicode folds into another person's: they are two, at every door."""

import pytest
from tests.interleaving import TENANT, World, WorldDirectory, WorldOperator, user

from customerlink.model.instruction import Reason
from customerlink.model.policy import ExistingCustomer, Policy
from customerlink.model.repair_plan import Act
from customerlink.model.signup import SignUp
from customerlink.usecases.reassign import Reassignment

EVE = user("eve")
ADOPTING = Policy(existing_customer=ExistingCustomer.ADOPT)

pytestmark = pytest.mark.parametrize(
    ("given", "theirs"),
    [
        ("\u212aate@example.com", "kate@example.com"),
        ("\u212bsa@example.com", "\u00e5sa@example.com"),
        ("\u00c4DA@example.com", "\u00e4da@example.com"),
        ("ada@\u212aate.example", "ada@kate.example"),
    ],
)


@pytest.mark.parametrize("is_carried", [True, False])
def test_login(given: str, theirs: str, *, is_carried: bool) -> None:
    """The other's customer is not adopted, and no customer is made with the other's address."""
    world = World(ADOPTING)
    customer = world.customer(theirs)
    carried = customer if is_carried else None
    world.login(SignUp(EVE, 1, given, email_verified=True, customer_id=carried))

    assert customer not in world.named(EVE)
    assert world.with_address(theirs) == [customer]


def test_registration(given: str, theirs: str) -> None:
    """The other's unfinished registration is not taken over."""
    world = World()
    assert world.register("db", theirs).reason is Reason.CUSTOMER_CREATED
    world.at(300)
    world.login(SignUp(EVE, 1, given, email_verified=True, connection="db"))

    assert world.with_address(theirs)[0] not in world.named(EVE)


@pytest.mark.parametrize("act", [Act.ADOPT, Act.PROVISION])
def test_repair(act: Act, given: str, theirs: str) -> None:
    """An id in the profile does not make it theirs."""
    world = World(ADOPTING)
    customer = world.customer(theirs)
    world.tenant.add(EVE, given, customer_id=customer)

    assert world.repair(act, EVE, customer).why
    assert world.named(EVE) == []


def test_reassign(given: str, theirs: str) -> None:
    """Who is to get the customer has another address than it."""
    world = World()
    customer = world.customer(theirs)
    world.tenant.add(EVE, given)
    both = WorldDirectory(world.stripe.account), WorldOperator(world)

    worker = Reassignment(TENANT, world.tenant, world.tenant, *both, world.clock)
    assert worker.carry_out(customer, EVE)
    assert world.named(EVE) == []
