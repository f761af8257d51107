"""Which keys are taken, and where they may go. Keys are built from parts: none stands here."""

import pytest

from customerlink.model.errors import ConfigurationError
from customerlink.model.keys import STRIPE_API_BASE, StripeKey

TEST_KEY = StripeKey("rk_test_" + "0" * 24)
LIVE_KEY = StripeKey("_".join(("rk", "live", "0" * 24)))
UNRESTRICTED = StripeKey("_".join(("sk", "live", "0" * 24)))


def test_test_key_goes_anywhere() -> None:
    """To a stand-in, for one."""
    TEST_KEY.check("http://127.0.0.1:12111", unrestricted_allowed=False)

    assert (TEST_KEY.live, TEST_KEY.restricted) == (False, True)


def test_live_key_goes_to_stripe() -> None:
    """Over HTTPS."""
    LIVE_KEY.check(STRIPE_API_BASE, unrestricted_allowed=False)

    assert (LIVE_KEY.live, LIVE_KEY.restricted) == (True, True)


@pytest.mark.parametrize(
    "base",
    [
        "http://127.0.0.1:12111",
        "http://api.stripe.com",
        "https://api.stripe.com.example.org",
        "https://api.stripe.com@example.org",
        "https://user@api.stripe.com",
        "https://api.stripe.com:444",
        "https://example.org/api.stripe.com",
        "",
    ],
)
def test_live_key_goes_nowhere_else(base: str) -> None:
    """However much the address looks like Stripe's."""
    with pytest.raises(ConfigurationError, match="CUSTOMERLINK_STRIPE_API_BASE"):
        LIVE_KEY.check(base, unrestricted_allowed=False)


def test_unrestricted_key() -> None:
    """Refused unless the deployment says otherwise."""
    with pytest.raises(ConfigurationError, match="not restricted"):
        UNRESTRICTED.check(STRIPE_API_BASE, unrestricted_allowed=False)

    UNRESTRICTED.check(STRIPE_API_BASE, unrestricted_allowed=True)


@pytest.mark.parametrize("value", ["", "pk_test_1", "rk_1", "whsec_1", "rk_test_\n", "rk_test_é"])
def test_no_key_at_all(value: str) -> None:
    """Refused by the field's name."""
    with pytest.raises(ConfigurationError, match="stripe_restricted_key"):
        StripeKey(value)


def test_key_hides_its_value() -> None:
    """In a log, say."""
    assert TEST_KEY.value not in repr(TEST_KEY)


@pytest.mark.parametrize("rest", ["", "_test_1", "_live_1", "_1", "\n"])
def test_organizations_key(rest: str) -> None:
    """It is a secret key of Stripe's, and the sentence does not deny it."""
    with pytest.raises(ConfigurationError, match="an organization's key: one account's is needed"):
        StripeKey("sk_org" + rest)
