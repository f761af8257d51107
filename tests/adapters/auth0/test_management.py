"""The tenant's users by auth0-python, over the stand-in for the Management API."""

from typing import Any

import pytest

from customerlink.adapters.auth0.management import Management, Users
from customerlink.model.profile import Identity, Profile
from customerlink.model.secret import Auth0Client
from sandbox.sandbox import Sandbox


@pytest.fixture
def users(box: Sandbox) -> Users:
    """Return an empty tenant's."""
    box.tenant.users.clear()
    client_id, secret = box.management.add_client(("read:users", "update:users"))
    domain = box.tools_environment()["AUTH0_DOMAIN"]
    return Users(Management(Auth0Client(domain, client_id, secret)))


def found(users: Users, box: Sandbox, **profile: Any) -> Profile:
    """Put a user in; return what is read of it."""
    box.tenant.users.add({"email": "ada@example.com", **profile}, "auth0|1")
    profile_of = users.get("auth0|1")
    assert profile_of is not None
    return profile_of


def test_read(box: Sandbox, users: Users) -> None:
    """Our keys of the metadata, the connection, and the plain values by their paths."""
    ids = {"stripe_customer_id": "cus_1", "stripe_signup": "exempt", "stripe_registration_id": "a1"}
    ada = found(users, box, name="Ada", email_verified=True, app_metadata=ids)

    assert (ada.user_id, ada.email, ada.email_verified) == ("auth0|1", "ada@example.com", True)
    assert (ada.customer_id, ada.marker, ada.registration_id) == ("cus_1", "exempt", "a1")
    assert ada.identities == (Identity("auth0", "1"),)
    assert ada.fields["name"] == "Ada"
    assert users.with_address("ADA@example.com") == [ada]


@pytest.mark.parametrize("value", [None, "", 5, ["cus_1"], {"id": "cus_1"}])
def test_id_that_is_none(box: Sandbox, users: Users, value: Any) -> None:
    """Whoever may write the metadata may have put anything there: it counts as no id."""
    ids = {"stripe_customer_id": value, "stripe_registration_id": value}
    ada = found(users, box, app_metadata=ids)

    assert (ada.customer_id, ada.registration_id) == (None, None)


@pytest.mark.parametrize("value", ["other", "", False, {}])
def test_marker_of_any_kind(box: Sandbox, users: Users, value: Any) -> None:
    """It is one, which a link takes out."""
    assert found(users, box, app_metadata={"stripe_signup": value}).marker is not None


def test_nobody(users: Users) -> None:
    """By id, by address, and to write to."""
    assert users.get("auth0|2") is None
    assert users.with_address("nobody@example.com") == []
    assert not users.merge_app_metadata("auth0|2", {"stripe_signup": None})
