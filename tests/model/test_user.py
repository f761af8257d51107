"""Who a sign-up belongs to, and by which ids a registration is known."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerlink.model.user import (
    CustomerId,
    Tenant,
    User,
    UserId,
    registrant_id,
    registration_id,
    stand_in,
    stood_in_for,
)

ACME = Tenant("acme")


def test_registration_id_is_the_one_that_is_in_use() -> None:
    """Another derivation would forget every registration whose customer is still unclaimed."""
    derived = registration_id(ACME, "db", "ada@example.com")

    assert derived == "2428ed53498690c99eaf410cac05cda3"


def test_registration_id_is_of_the_address_in_any_letter_case() -> None:
    """Whoever registers again, typing it otherwise, finds the same registration."""
    lower = registration_id(ACME, "db", "ada@example.com")

    assert registration_id(ACME, "db", "Ada@Example.COM") == lower


def test_registration_ids_tell_all_parts_apart() -> None:
    """Neither another tenant's, nor another connection's, nor one whose parts only read alike."""
    triples = [
        ("acme", "db", "ada@example.com"),
        ("beta", "db", "ada@example.com"),
        ("acme", "other", "ada@example.com"),
        ("acme", "db", "bob@example.com"),
        ("acme|db", "", "ada@example.com"),
        ("acme", "db|ada", "@example.com"),
        ('acme", "db', "", "ada@example.com"),
    ]
    ids = [registration_id(Tenant(tenant), *rest) for tenant, *rest in triples]

    for one, other in combinations(ids, 2):
        assert one != other


@given(st.text(), st.text(), st.text())
def test_registration_id_shows_nothing(tenant: str, connection: str, email: str) -> None:
    """It has 32 hexadecimal digits, whatever it is derived from."""
    derived = registration_id(Tenant(tenant), connection, email)

    assert len(derived) == 32
    assert set(derived) <= set("0123456789abcdef")


@given(st.text(min_size=1))
def test_registrant_knows_the_registration(registration: str) -> None:
    """The id that stands for a user gives back the registration that it was made of."""
    assert User(ACME, registrant_id(registration)).registration_id == registration


@pytest.mark.parametrize("user_id", ["auth0|ada", "registration", "google-oauth2|registration|1"])
def test_user_of_auth0s_has_no_registration_id(user_id: str) -> None:
    """Only the prefix, at the start, makes a registrant."""
    assert User(ACME, UserId(user_id)).registration_id is None


@pytest.mark.parametrize(
    "customer_id", ["cus_1", "shop-42", "0" * 32, "0123456789abcdef" * 2, "F" * 32]
)
def test_stand_in_tells_its_customer(customer_id: str) -> None:
    """In whose name an address is locked says for which customer."""
    assert stood_in_for(stand_in(ACME, CustomerId(customer_id))) == customer_id


@pytest.mark.parametrize(
    "name",
    ["auth0|1", "cus_1", "registration|", registrant_id("0" * 32), "registration|customer|a@b"],
)
def test_nobody_else_stands_in(name: str) -> None:
    """Neither a user, nor a registrant, nor what can be no customer's id that is looked up."""
    assert stood_in_for(User(ACME, UserId(name))) is None
