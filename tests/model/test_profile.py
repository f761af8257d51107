"""A user as the tenant has one, and as the sign-up whose record is settled."""

from dataclasses import replace

import pytest

from customerlink.model.profile import Identity, Profile, unfinished
from customerlink.model.signup import SignUp
from customerlink.model.trust import Trust
from customerlink.model.user import CustomerId, Tenant, User, UserId

ADA = Profile(UserId("auth0|1"), "ada@example.com", email_verified=True, name="Ada")
WHO = User(Tenant("acme"), ADA.user_id)


def test_linked_account() -> None:
    """The user's own identity is none; nobody else's is."""
    second = Identity("google-oauth2", "2", "ada@home.example.com")
    ada = replace(ADA, identities=(Identity("auth0", "1"), second))

    assert ada.linked("google-oauth2|2") == second
    assert ada.linked("auth0|1") is None
    assert ada.linked("auth0|2") is None


def test_nothing_personal_in_what_is_printed() -> None:
    """A traceback may show it."""
    assert "ada@" not in repr(ADA)


class TestUnfinished:
    """The sign-up that is to be finished without a login."""

    def test_whole_profile(self) -> None:
        """All that settling looks at is taken over; a login it is not."""
        linked = replace(
            ADA,
            customer_id=CustomerId("cus_1"),
            connection="db",
            registration_id="a1b2",
            fields={"nickname": "countess"},
        )
        signup = unfinished(WHO, linked)

        assert signup == SignUp(
            WHO,
            logins_count=0,
            email="ada@example.com",
            email_verified=True,
            name="Ada",
            customer_id=CustomerId("cus_1"),
            connection="db",
            registration_id="a1b2",
        )
        assert signup.profile == {"nickname": "countess"}

    def test_what_the_profile_lacks(self) -> None:
        """It is absent, and no address counts as verified."""
        signup = unfinished(WHO, Profile(WHO.user_id))

        assert signup == SignUp(WHO, logins_count=0)
        assert signup.profile == {}

    def test_marker_does_not_count(self) -> None:
        """Nobody is refused here, so that how the last login ended changes nothing."""
        assert unfinished(WHO, replace(ADA, marker="unfinished")) == unfinished(WHO, ADA)


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ("2026-11-26T06:00:00.000Z", True),
        (None, False),
        ("yesterday", False),
        (1_800_000_000, False),
        (["2026-11-26T06:00:00.000Z"], False),
    ],
)
def test_last_login(value: object, *, known: bool) -> None:
    """What is no time is none, and is no oddity that a sign-up is told of."""
    profile = Profile.of({"user_id": "auth0|1", "last_login": value}, Trust())

    assert (profile.last_login is not None) is known
    assert profile.dropped == ()
