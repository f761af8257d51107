"""Ids as they may be printed and stored."""

import pytest

from customerlink.model.told import digest, told_customer, told_user
from customerlink.model.user import is_customer_id

PERSONAL = ["ada@example.com", "Ada Lovelace", "+15550100", "Ad\u00e4", "a\nb"]


@pytest.mark.parametrize("given", ["cus_1", "4711", "shop-17_x"])
def test_customers_own(given: str) -> None:
    """What Stripe gave, or has the form, stays."""
    assert told_customer(given) == given


@pytest.mark.parametrize("given", ["auth0|ada", "samlp|corp|ada@example.com", "google-oauth2|1"])
def test_users_own(given: str) -> None:
    """It is what a person acts with."""
    assert told_user(given) == given


@pytest.mark.parametrize("given", PERSONAL)
def test_what_is_none(given: str) -> None:
    """A digest, the same for the same, that nothing takes for an id."""
    told = {told_customer(given), told_user(given)}

    assert told == {digest(given)}
    assert told_customer(digest(given)) == digest(given)
    assert not is_customer_id(digest(given))


@pytest.mark.parametrize("given", ["ada@example.com|1", "Ada Lovelace|1", "|ada@example.com"])
def test_no_connection(given: str) -> None:
    """A stroke alone makes no id."""
    assert told_user(given) == digest(given)
