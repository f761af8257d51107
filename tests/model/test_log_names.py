"""What a log calls a user."""

import hashlib

import pytest

from customerlink.model.log_names import DIGITS, MARK, OTHER, LogNames, provider_of

KEY = "a key of this test"
NAMES = LogNames.keyed(KEY)


@pytest.mark.parametrize(
    "user_id",
    [
        "auth0|64f0c3a1b2d4e5f6a7b8c9d0",
        "email|64f0c3a1b2d4e5f6a7b8c9d1",
        "sms|64f0c3a1b2d4e5f6a7b8c9d2",
        "auth0|0d9c1d4e-3b1f-4c7e-9a51-2f6a7b8c9d0e",
        "google-oauth2|103547991597142817347",
        "apple|001234.0123456789abcdef0123456789abcdef.0123",
    ],
)
def test_what_is_certainly_nobodys_name(user_id: str) -> None:
    """It is what one searches the log for, and stays as it is."""
    assert NAMES.name(user_id) == user_id


PERSONAL = [
    # addresses, as they are and in other spellings
    "samlp|acme|ada@example.com",
    "samlp|acme|ada@example.com|42",
    "samlp|acme|42|ada@example.com",
    "samlp|ada@example.com|42",
    "ada@example.com|acme|42",
    "ada@example.com",
    "oidc|acme|ada%40example.com",
    "oidc|acme|ada%2540example.com",
    "oidc|acme|ada\N{FULLWIDTH COMMERCIAL AT}example.com",
    "oidc|acme|ada\N{SMALL COMMERCIAL AT}example.com",
    "oidc|acme|ada&#64;example.com",
    "oidc|acme|ada=40example.com",
    'oidc|acme|"ada lovelace"@example.com',
    "oidc|acme|YWRhQGV4YW1wbGUuY29t",
    "oidc|acme|ada(at)example.com",
    "waad|ada_example.com#EXT#",
    "email|ada@example.com",
    "google-oauth2|ada@example.com",
    # written as the digits of an id
    "auth0|" + b"ada@acme.com".hex(),
    "auth0|" + b"ada lovelace".hex(),
    "auth0|417912345678417912345678",
    # names
    "auth0|ada",
    "auth0|ada.lovelace",
    "auth0|acme|ada.lovelace",
    "ad|corp|CN=Ada Lovelace,OU=Sales,DC=example,DC=com",
    "ad|corp|EXAMPLE\\alovelace",
    "auth0-adldap|alovelace",
    "github|ada-lovelace",
    "adfs|acme|Ada Lovelace",
    # numbers
    "sms|+41791234567",
    "sms|41791234567",
    "auth0|0041791234567",
    "facebook|41791234567",
    "google-oauth2|41791234567",
    "custom|756.1234.5678.97",
    # almost one of the shapes
    "auth0|64f0c3a1b2d4e5f6a7b8c9d0\n",
    "auth0|64F0C3A1B2D4E5F6A7B8C9D0",
    "auth0|64f0c3a1b2d4e5f6a7b8c9d0|ada",
    "samlp|64f0c3a1b2d4e5f6a7b8c9d0",
    " auth0|64f0c3a1b2d4e5f6a7b8c9d0",
    "google-oauth2|" + "\N{FULLWIDTH DIGIT ONE}" * 21,
    "auth0|6fa459ea-ee8a-3ca4-894e-db77e160355e",
    "auth0|886313e1-3b8a-5372-9b90-0c9aee199e5d",
    # nobody's, and what no codec takes
    "registration|0123456789abcdef0123456789abcdef",
    "",
    "|",
    "auth0|\ud800",
]


@pytest.mark.parametrize("user_id", PERSONAL)
def test_anything_else(user_id: str) -> None:
    """The provider, if it is one of Auth0's, and a digest; nothing else of the id is told."""
    provider, _, digest = NAMES.name(user_id).partition(f"|{MARK}")

    assert provider in (user_id.partition("|")[0], OTHER)
    assert provider == provider_of(user_id)
    assert (len(digest), int(digest, 16) >= 0) == (DIGITS, True)


@pytest.mark.parametrize("provider", ["ada@example.com", "Ada Lovelace", "SAMLP", "", "+4179"])
def test_what_is_no_provider(provider: str) -> None:
    """It may be anything, so it is not told either."""
    assert provider_of(f"{provider}|42") == OTHER


def test_one_user_has_one_name() -> None:
    """So that one line leads to the others; two users have two."""
    assert NAMES.name("samlp|acme|ada") == LogNames.keyed(KEY).name("samlp|acme|ada")
    assert len({NAMES.name(each) for each in PERSONAL}) == len(PERSONAL)


def test_a_list_of_addresses_cannot_be_tried() -> None:
    """Without the key nobody finds the digest, nor by the key itself who else used it."""
    content = "samlp|acme|ada@example.com"
    digest = NAMES.digest(content)

    assert LogNames.keyed("another key").digest(content) != digest
    assert digest not in hashlib.sha256(content.encode()).hexdigest()
    assert KEY.encode() not in NAMES.key
    assert repr(NAMES.key) not in repr(NAMES)
