"""A customer's fields as texts, and back as parameters."""

from typing import Any

import pytest

from customerlink.model.customer_values import params_of, values_in

FULL = {
    "email": "ada@example.com",
    "name": "Ada",
    "phone": "+1 555",
    "preferred_locales": ["de-AT"],
    "metadata": {"plan": "free", "auth0_user_id": "auth0|ada"},
}


def test_there_and_back() -> None:
    """Nothing of it is lost."""
    assert params_of(values_in(FULL)) == FULL


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"email": None, "name": "", "metadata": {}},
        {"preferred_locales": [], "metadata": None, "phone": 5},
        {"balance": 5, "description": "of the shop's", "address": {"city": "Graz"}},
    ],
)
def test_what_is_no_value(params: dict[str, Any]) -> None:
    """Nothing, an odd one, or a field of the shop's."""
    assert values_in(params) == {}


def test_nothing_is_no_update() -> None:
    """Not even an empty metadata."""
    assert params_of({}) == {}
