"""A customer as an operator's listing has one: whom it names, and whether it may be deleted."""

from dataclasses import replace

import pytest

from customerlink.model.customer import DESCRIPTION
from customerlink.model.listed_customer import ABANDONED_AFTER_SECONDS, ListedCustomer
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


def test_nothing_personal_is_shown() -> None:
    """A listing may get into a trace, no address may."""
    assert "ada@" not in repr(ABANDONED)
