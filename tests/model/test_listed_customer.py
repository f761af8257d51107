"""A customer as an operator's listing has one: whom it names, and whether it may be deleted."""

from dataclasses import replace

import pytest

from customerlink.model.customer import DESCRIPTION
from customerlink.model.listed_customer import ABANDONED_AFTER_SECONDS, ListedCustomer
from customerlink.model.profile import Profile
from customerlink.model.user import CustomerId, Tenant, User, UserId

ACME = Tenant("acme")
ADA = User(ACME, UserId("auth0|ada"))
NOW = 1_795_000_000
ABANDONED = ListedCustomer(
    CustomerId("cus_1"),
    email="ada@example.com",
    auth0_tenant="acme",
    registration_id="a1b2",
    description=DESCRIPTION,
    created=NOW - ABANDONED_AFTER_SECONDS,
)


@pytest.mark.parametrize(
    ("names", "tenant", "is_adas"),
    [
        ("auth0|ada", "acme", True),
        ("auth0|ada", None, True),
        ("auth0|ada", "beta", False),
        ("auth0|bob", "acme", False),
        (None, "acme", False),
    ],
)
def test_names(names: str | None, tenant: str | None, *, is_adas: bool) -> None:
    """It is the user's whom it names; one made by hand may leave out the tenant."""
    customer = ListedCustomer(CustomerId("cus_1"), auth0_user_id=names, auth0_tenant=tenant)

    assert customer.names(ADA) is is_adas


def test_removable() -> None:
    """Ours, of this tenant, a day old, never used, and nobody's."""
    assert ABANDONED.why_not_removable(ACME, NOW) is None


@pytest.mark.parametrize(
    ("customer", "why"),
    [
        (replace(ABANDONED, description="A regular"), "was changed"),
        (replace(ABANDONED, description=None), "was changed"),
        (replace(ABANDONED, auth0_tenant="beta"), "is not a registration's of this tenant"),
        (replace(ABANDONED, auth0_tenant=None), "is not a registration's of this tenant"),
        (replace(ABANDONED, auth0_user_id="auth0|ada"), "was changed"),
        (replace(ABANDONED, created=ABANDONED.created + 1), "is younger than a day"),
        (replace(ABANDONED, is_used=True), "was used"),
    ],
)
def test_not_removable(customer: ListedCustomer, why: str) -> None:
    """A single doubt is enough, and is said: what is deleted cannot be brought back."""
    assert why in str(customer.why_not_removable(ACME, NOW))


UNNAMED = ListedCustomer(CustomerId("cus_1"), email="Ada@example.com")
OWNER = Profile(ADA.user_id, "ada@Example.com", email_verified=True, customer_id=UNNAMED.id)


@pytest.mark.parametrize("tenant", [None, ACME])
def test_adoptable(tenant: Tenant | None) -> None:
    """Nobody's, with the address that the user has verified; letter case makes no difference."""
    customer = replace(UNNAMED, auth0_tenant=tenant)

    assert customer.is_nobodys(ACME)
    assert customer.why_not_adoptable(ACME, OWNER) is None


@pytest.mark.parametrize(
    "customer",
    [
        replace(UNNAMED, auth0_user_id="auth0|ada"),
        replace(UNNAMED, auth0_user_id="auth0|bob"),
        replace(UNNAMED, auth0_user_id=" "),
        replace(UNNAMED, auth0_user_id="none"),
        replace(UNNAMED, auth0_tenant="beta"),
        replace(UNNAMED, registration_id="a1b2"),
        replace(UNNAMED, superseded_by="cus_2"),
    ],
)
def test_somebodys(customer: ListedCustomer) -> None:
    """Whatever stands in our own places is read by a person, and overwritten by nobody."""
    assert not customer.is_nobodys(ACME)
    assert customer.why_not_adoptable(ACME, OWNER) == "the customer names somebody by now"


@pytest.mark.parametrize(
    ("profile", "email", "why"),
    [
        (replace(OWNER, email_verified=False), UNNAMED.email, "not verified"),
        (replace(OWNER, email=None), UNNAMED.email, "not verified"),
        (replace(OWNER, email=None), None, "not verified"),
        (OWNER, None, "different addresses"),
        (OWNER, "old@example.com", "different addresses"),
    ],
)
def test_not_proved(profile: Profile, email: str | None, why: str) -> None:
    """An id in a profile alone proves nothing: somebody may have written another's."""
    customer = replace(UNNAMED, email=email)

    assert why in str(customer.why_not_adoptable(ACME, profile))


def test_nothing_personal_is_shown() -> None:
    """A listing may get into a trace, no address may."""
    assert "ada@" not in repr(ABANDONED)
