"""From a log's line to a user, and back."""

from collections.abc import Iterable, Iterator

import pytest
from tests.fakes import ADA, FakeProfiles

from customerlink.model.log_names import DIGITS, MARK, LogNames
from customerlink.model.profile import Identity, Profile
from customerlink.model.user import UserId
from customerlink.usecases.whois import Named, whois

NAMES = LogNames.keyed("a key of this test")
SAML, LDAP = UserId("samlp|acme|ada@example.com"), UserId("ad|corp|CN=Ada")
EVERYBODY = [SAML, LDAP, UserId("auth0|64f0c3a1b2d4e5f6a7b8c9d0")]


def nobody() -> Iterable[UserId]:
    """Refuse to go through the tenant."""
    raise AssertionError


def found(asked: str, everybody: Iterable[UserId] = EVERYBODY) -> Iterator[Named]:
    """Ask among everybody."""
    return whois(asked, NAMES, FakeProfiles(), lambda: everybody)


@pytest.mark.parametrize("user_id", EVERYBODY)
@pytest.mark.parametrize(
    "form", ["{}", MARK + "{}", "samlp|" + MARK + "{}", "other|" + MARK + "{}"]
)
def test_digest(user_id: UserId, form: str) -> None:
    """It names the user, with or without what stands before it in the log."""
    assert [*found(form.format(NAMES.digest(user_id)))] == [Named(user_id, NAMES.name(user_id))]


@pytest.mark.parametrize("asked", ["0" * DIGITS, f"{MARK}{'f' * DIGITS}"])
def test_digest_of_nobody(asked: str) -> None:
    """Somebody who is gone, or of another deployment, is not found."""
    assert [*found(asked)] == []


@pytest.mark.parametrize(
    "user_id", [*EVERYBODY, f"windowslive|{'0' * DIGITS}", "a|b|", "auth0|ada"]
)
def test_user(user_id: str) -> None:
    """The name is made of the id, whether the tenant has such a user or not."""
    [one] = whois(user_id, NAMES, FakeProfiles(None), nobody)

    assert one == Named(UserId(user_id), NAMES.name(user_id))


def test_address() -> None:
    """All that the person is in logs: user, linked accounts, and the registration before them."""
    registration = "0123456789abcdef0123456789abcdef"
    profile = Profile(
        ADA.user_id,
        "ada@example.com",
        registration_id=registration,
        identities=(Identity("auth0", "ada"), Identity("samlp", "acme|ada@example.com")),
    )
    found = whois("ada@example.com", NAMES, FakeProfiles(profile), nobody)

    ids = [ADA.user_id, SAML, f"registration|{registration}"]
    assert [*found] == [Named(UserId(each), NAMES.name(each)) for each in ids]


@pytest.mark.parametrize("asked", ["bob@example.com", "nobody", ""])
def test_unknown_address(asked: str) -> None:
    """Nobody is found."""
    assert [*whois(asked, NAMES, FakeProfiles(), nobody)] == []
