"""What a customer becomes while somebody waits for the lease: it is judged as it is by then."""

from typing import Any

import pytest
from tests.interleaving import TENANT, World, registrant, user

from customerlink.model.customer import naming
from customerlink.model.instruction import Reason
from customerlink.model.policy import ExistingCustomer, Policy
from customerlink.model.sign_up_record import Lease
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, User, UserId
from customerlink.usecases.link_accounts import Account, Followed

ADA, BOB, GOOGLE = user("ada"), user("bob"), User(TENANT, UserId("google-oauth2|ada"))
ADDRESS = "ada@example.com"
ADOPTING = Policy(existing_customer=ExistingCustomer.ADOPT)
REGISTRANT = registrant("db", ADDRESS)
OTHERS: list[dict[str, Any]] = [
    {"metadata": naming(BOB), "email": "bob@example.com"},
    {"metadata": naming(BOB)},
    {"metadata": {"auth0_tenant": "another"}},
    {"email": "bob@example.com"},
    {"metadata": {"superseded_by": "cus_9"}},
]


def held(world: World, who: User) -> None:
    """Let another tab hold somebody's record for a second."""
    _, ledger, _ = world.ports()
    lease = ledger.open(who, None, admission=True)
    assert isinstance(lease, Lease)
    world.clock.later(1.0, lambda: ledger.release(lease))


def given(customer_id: CustomerId) -> SignUp:
    """Return a first login of Ada's, whose profile has a customer's id."""
    return SignUp(
        ADA,
        1,
        ADDRESS,
        email_verified=True,
        customer_id=customer_id,
        registration_id=REGISTRANT.registration_id,
    )


@pytest.mark.parametrize("change", OTHERS)
def test_nobodys_customer_that_changes(change: dict[str, Any]) -> None:
    """Whom it names by then, and which address it has, stays as it is."""
    world = World(ADOPTING)
    customer = world.customer(ADDRESS)
    held(world, ADA)
    world.clock.later(0.5, lambda: world.stripe.account.update(customer, change))

    told = world.login(given(customer))
    assert told is not None
    assert told.reason is Reason.LINK_MISMATCH
    assert world.stripe.account.retrieve(customer)["metadata"] == change.get("metadata", {})


@pytest.mark.parametrize("named", [BOB, user("eve"), GOOGLE])
def test_registrations_customer_that_changes(named: User) -> None:
    """Somebody came first: nothing is overwritten, and the next try begins anew."""
    world = World()
    customer = world.customer(ADDRESS, REGISTRANT)
    held(world, ADA)
    change = {"metadata": naming(named)}
    world.clock.later(0.5, lambda: world.stripe.account.update(customer, change))

    told = world.login(given(customer))
    assert told is not None
    assert told.reason is Reason.PROVISIONING_FAILED
    assert world.named(named) == [customer]


def test_customer_that_is_deleted() -> None:
    """It is no customer to link."""
    world = World(ADOPTING)
    customer = world.customer(ADDRESS)
    held(world, ADA)
    world.clock.later(0.5, lambda: world.stripe.account.delete(customer))

    told = world.login(given(customer))
    assert told is not None
    assert told.reason is Reason.LINK_MISMATCH


def test_customer_that_names_the_user_by_then() -> None:
    """The other tab was quicker: both are told the same."""
    world = World(ADOPTING)
    customer = world.customer(ADDRESS)
    held(world, ADA)
    change = {"metadata": naming(ADA)}
    world.clock.later(0.5, lambda: world.stripe.account.update(customer, change))

    told = world.login(given(customer))
    assert told is not None
    assert told.customer_id == customer


@pytest.mark.parametrize("named", [BOB, user("eve"), ADA])
def test_customer_that_is_to_be_superseded(named: User) -> None:
    """Of a linked account's customers, one that is another's by then stays as it is."""
    world = World()
    world.customer(ADDRESS, ADA)
    leaving = world.customer("google@example.com", GOOGLE)
    held(world, ADA)
    change = {"metadata": naming(named)}
    world.clock.later(0.5, lambda: world.stripe.account.update(leaving, change))

    accounts = Account(ADA, ADDRESS, None), Account(GOOGLE, "google@example.com", None)
    followed = world.follow(*accounts)
    assert isinstance(followed, Followed)
    assert followed.superseded == ()
    assert "superseded_by" not in world.stripe.account.retrieve(leaving)["metadata"]
