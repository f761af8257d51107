"""A user as the tenant has one."""

from dataclasses import replace

from customerlink.model.profile import Identity, Profile
from customerlink.model.user import UserId

ADA = Profile(UserId("auth0|1"), "ada@example.com", email_verified=True, name="Ada")


def test_line() -> None:
    """Read again, it is the same user; an earlier release's lines have the same fields."""
    who = '"user_id": "auth0|1", "email": "ada@example.com", "name": "Ada"'
    text = f'{{{who}, "email_verified": true}}\n'

    assert (ADA.line(), Profile.read(text)) == (text, ADA)
    assert Profile.read('{"user_id": "auth0|1"}') == Profile(UserId("auth0|1"))


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
