"""A customer's fields as texts, and back as parameters."""

from typing import Any

import pytest

from customerlink.model.customer_fields import NAME_ONLY
from customerlink.model.customer_values import params_of, values_in, values_of
from customerlink.model.profile import Profile
from customerlink.model.sync_policy import EmailChanges
from customerlink.model.trust import Trust
from customerlink.model.user import Tenant, User, UserId

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


@pytest.mark.parametrize(
    ("provider", "changes", "is_followed"),
    [
        ("auth0", EmailChanges.VERIFIED, True),
        ("samlp", EmailChanges.VERIFIED, False),
        ("samlp", EmailChanges.ANY, True),
        ("auth0", EmailChanges.IGNORE, False),
    ],
)
def test_address_by_the_word_of_its_connection(
    provider: str, changes: EmailChanges, *, is_followed: bool
) -> None:
    """Whose connection is not trusted has no verified address, whatever the profile says."""
    user = User(Tenant("acme"), UserId(f"{provider}|1"))
    said = {"user_id": user.user_id, "email": "ada@example.com", "email_verified": True}
    values = values_of(user, Profile.of(said, Trust()), NAME_ONLY, changes)

    assert ("email" in values) is is_followed
