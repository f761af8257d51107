"""Users: https://auth0.com/docs/api/management/v2/users."""

from typing import Any

import pytest
from auth0.management.core.api_error import ApiError
from tests.contract.auth0.conftest import CONNECTION, Asked

from sandbox.auth0.api import ManagementApi

PAGING = "https://auth0.com/docs/manage-users/user-search/view-search-results-by-page"
METADATA = "https://auth0.com/docs/manage-users/user-accounts/metadata/manage-metadata-api"


def app_metadata(asked: Asked, user_id: str) -> Any:
    """Read a user's `app_metadata`; none is the same as empty."""
    return asked.api.users.get(user_id).app_metadata or {}


def test_profile(asked: Asked, email: str) -> None:
    """https://auth0.com/docs/manage-users/user-accounts/user-profiles/user-profile-structure."""
    user = asked.api.users.get(asked.add_user(email, name="Ada", email_verified=True))

    assert (user.email, user.name, user.email_verified) == (email, "Ada", True)
    assert user.user_id == f"auth0|{user.identities[0].user_id}"
    assert (user.identities[0].provider, user.identities[0].connection) == ("auth0", CONNECTION)
    assert user.identities[0].is_social is False
    assert user.created_at <= user.updated_at


def test_unknown_user(asked: Asked) -> None:
    """404 `inexistent_user`."""
    with pytest.raises(ApiError) as raised:
        asked.api.users.get("auth0|000000000000000000000000")

    assert raised.value.status_code == 404
    assert raised.value.body["errorCode"] == "inexistent_user"


@pytest.mark.parametrize("name", ["acme/ada", "urn:acme:ada", "ada?x=1", "ada%2Fb", "a b"])
def test_odd_characters_in_an_id(asked: Asked, name: str) -> None:
    """Enterprise connections' ids may have any; in a path they are escaped."""
    user_id = asked.add_user(f"{abs(hash(name))}@example.com", user_id=name)
    asked.api.users.update(user_id, app_metadata={"key": "value"})

    assert asked.api.users.get(user_id).user_id == f"auth0|{name}"
    assert app_metadata(asked, user_id) == {"key": "value"}


def test_a_database_keeps_addresses_in_lower_case(asked: Asked, email: str) -> None:
    """And has each once: 409 `user_exists` for the second."""
    user = asked.add_user(email.upper())
    with pytest.raises(ApiError) as raised:
        asked.add_user(email)

    assert asked.api.users.get(user).email == email
    assert (raised.value.status_code, raised.value.body["errorCode"]) == (409, "user_exists")


def test_by_email(asked: Asked, email: str) -> None:
    """At once, and by letter case (…/users-by-email/get-users-by-email)."""
    user = asked.add_user(email)
    by_email = asked.api.users.list_users_by_email

    assert [each.user_id for each in by_email(email=email)] == [user]
    assert by_email(email=email.upper()) == []


def test_app_metadata_is_merged_at_the_first_level(asked: Asked, email: str) -> None:
    """What is below is replaced; null removes a key (see METADATA)."""
    user = asked.add_user(email, app_metadata={"deep": {"a": 1, "b": 2}, "gone": 1, "kept": 1})
    asked.api.users.update(user, app_metadata={"deep": {"a": 3}, "gone": None, "new": 1})

    assert app_metadata(asked, user) == {"deep": {"a": 3}, "kept": 1, "new": 1}


def test_empty_app_metadata_removes_all(asked: Asked, email: str) -> None:
    """`{"app_metadata": {}}` is no merge (see METADATA)."""
    user = asked.add_user(email, app_metadata={"a": 1})
    asked.api.users.update(user, app_metadata={})

    assert app_metadata(asked, user) == {}


def test_update_leaves_the_rest_alone(asked: Asked, email: str) -> None:
    """A PATCH names what changes, and answers with the whole user."""
    user = asked.add_user(email, name="Ada", user_metadata={"a": 1})
    updated = asked.api.users.update(user, app_metadata={"b": 1})

    assert (updated.name, updated.email) == ("Ada", email)
    assert (updated.user_metadata, updated.app_metadata) == ({"a": 1}, {"b": 1})


def test_unknown_property(asked: Asked, email: str) -> None:
    """400 `invalid_body`, and nothing is written."""
    user = asked.add_user(email)
    with pytest.raises(ApiError) as raised:
        asked.api.users.update(
            user,
            app_metadata={"a": 1},
            request_options={"additional_body_parameters": {"made_up": 1}},
        )

    assert (raised.value.status_code, raised.value.body["errorCode"]) == (400, "invalid_body")
    assert app_metadata(asked, user) == {}


def test_deleted_user(asked: Asked, email: str) -> None:
    """Gone at once; deleting nobody is no error."""
    user = asked.add_user(email)
    asked.api.users.delete(user)
    asked.api.users.delete(user)

    assert asked.api.users.list_users_by_email(email=email) == []


def test_pages(asked: Asked, email: str) -> None:
    """`page` counts from 0; with totals (see PAGING)."""
    for number in range(3):
        asked.add_user(f"{number}-{email}")
    asked.wait(0 if asked.inside else 10)
    first = asked.api.users.list(page=0, per_page=2).response
    second = asked.api.users.list(page=1, per_page=2).response

    assert (first.start, first.limit, len(first.users)) == (0, 2, 2)
    assert second.start == 2
    assert first.total >= 3
    assert {each.user_id for each in first.users}.isdisjoint(each.user_id for each in second.users)


def test_pages_end_at_1000(asked: Asked) -> None:
    """The first 1,000 and no more; beyond, 400 (see PAGING)."""
    assert asked.api.users.list(page=9, per_page=100).response.start == 900
    with pytest.raises(ApiError) as raised:
        asked.api.users.list(page=10, per_page=100)

    assert raised.value.status_code == 400
    assert "1000" in raised.value.body["message"]


def test_page_of_101(asked: Asked) -> None:
    """`per_page` is at most 100."""
    with pytest.raises(ApiError) as raised:
        asked.api.users.list(per_page=101)

    assert raised.value.body["errorCode"] == "invalid_query_string"


def test_the_index_lags(asked: Asked, inside: ManagementApi, email: str) -> None:
    """Lists are eventually consistent, a user by id is not.

    https://auth0.com/docs/manage-users/user-search
    """
    user = asked.add_user(email)
    inside.users.index_seconds = 5.0
    asked.clock.offset += 10
    try:
        assert user in {each.user_id for each in asked.api.users.list()}

        asked.api.users.update(user, app_metadata={"a": 1})
        listed = next(each for each in asked.api.users.list() if each.user_id == user)
        assert listed.app_metadata is None
        assert app_metadata(asked, user) == {"a": 1}

        asked.clock.offset += 5
        listed = next(each for each in asked.api.users.list() if each.user_id == user)
        assert listed.app_metadata == {"a": 1}
    finally:
        inside.users.index_seconds = 0.0


def test_link(asked: Asked, email: str) -> None:
    """The secondary is an identity of the primary; its user and its metadata are gone.

    https://auth0.com/docs/manage-users/user-accounts/user-account-linking
    """
    primary = asked.add_user(email, app_metadata={"stripe_customer_id": "cus_1"})
    secondary = asked.add_user(f"x{email}", app_metadata={"stripe_customer_id": "cus_2", "b": 1})
    provider, _, name = secondary.partition("|")
    linked = asked.api.users.identities.link(primary, provider=provider, user_id=name)

    assert [each.user_id for each in linked] == [primary.partition("|")[2], name]
    assert app_metadata(asked, primary) == {"stripe_customer_id": "cus_1"}
    identities = asked.api.users.get(primary).identities
    assert identities[1].profile_data.email == f"x{email}"
    with pytest.raises(ApiError) as raised:
        asked.api.users.get(secondary)
    assert raised.value.status_code == 404


def test_search_for_an_identity(asked: Asked, inside: ManagementApi, email: str) -> None:
    """By its id at the provider, of the user's own and of linked accounts; from the lagging index.

    https://auth0.com/docs/manage-users/user-search/user-search-query-syntax
    """
    primary, secondary = asked.add_user(email), asked.add_user(f"second-{email}")
    provider, _, name = secondary.partition("|")
    asked.api.users.identities.link(primary, provider=provider, user_id=name)
    query = f'identities.user_id:"{name}"'
    found = asked.api.users.list(q=query, search_engine="v3")
    assert [each.user_id for each in found] == [primary]

    inside.users.index_seconds = 5.0
    try:
        third = asked.add_user(f"third-{email}").partition("|")[2]
        assert [*asked.api.users.list(q=f'identities.user_id:"{third}"', search_engine="v3")] == []
    finally:
        inside.users.index_seconds = 0.0


def test_search_for_metadata(asked: Asked, email: str) -> None:
    """By the customer's id that a profile carries.

    https://auth0.com/docs/manage-users/user-search/user-search-query-syntax
    """
    user = asked.add_user(email)
    customer_id = f"cus_{user.partition('|')[2]}"
    asked.api.users.update(user, app_metadata={"stripe_customer_id": customer_id})
    query = f'app_metadata.stripe_customer_id:"{customer_id}"'
    found = asked.api.users.list(q=query, search_engine="v3")
    assert [each.user_id for each in found] == [user]


def test_link_to_oneself(asked: Asked, email: str) -> None:
    """400, and the user is still there."""
    user = asked.add_user(email)
    provider, _, name = user.partition("|")
    with pytest.raises(ApiError) as raised:
        asked.api.users.identities.link(user, provider=provider, user_id=name)

    assert raised.value.status_code == 400
    assert asked.api.users.get(user).user_id == user


def test_search_for_a_field_that_is_missing(asked: Asked, email: str) -> None:
    """`NOT _exists_` finds who lacks it, and nobody else.

    https://auth0.com/docs/manage-users/user-search/user-search-query-syntax
    """
    user = asked.add_user(email)
    lacking = [each.user_id for each in asked.api.users.list(q="NOT _exists_:email")]
    without_number = [each.user_id for each in asked.api.users.list(q="NOT _exists_:phone_number")]

    assert user not in lacking
    assert user in without_number


@pytest.mark.parametrize("query", ["email:a", "_exists_:email"])
def test_search_that_the_stand_in_does_not_know(
    asked: Asked, inside: ManagementApi, query: str
) -> None:
    """It refuses, rather than find everybody."""
    assert inside.users is not None
    with pytest.raises(ApiError) as raised:
        asked.api.users.list(q=query)

    assert raised.value.status_code == 400
