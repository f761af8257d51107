"""What a refusal of Stripe's says of who else should ask less."""

import pytest
import stripe
from tests.fakes import Counted

from customerlink.adapters.stripe.rate_limits import at_its_turn, limited_with, retry_after
from customerlink.model.rates import STRIPES, Endpoint


def refusal(reason: str | None, code: str = "rate_limit") -> stripe.RateLimitError:
    """Return the SDK's error for a 429."""
    headers = {} if reason is None else {"stripe-rate-limited-reason": reason}
    body = {"error": {"type": "invalid_request_error", "code": code}}
    return stripe.RateLimitError("too many", "", 429, body, headers)


@pytest.mark.parametrize(
    ("error", "endpoints"),
    [
        (refusal("endpoint-rate"), (Endpoint.CREATE,)),
        (refusal("endpoint-concurrency"), (Endpoint.CREATE,)),
        (refusal("global-rate"), STRIPES),
        (refusal("global-concurrency"), STRIPES),
        (refusal("resource-specific"), ()),
        (refusal(None, "lock_timeout"), ()),
        # What is not known is taken for the endpoint's.
        (refusal(None), (Endpoint.CREATE,)),
        (refusal("a new one"), (Endpoint.CREATE,)),
    ],
)
def test_whose_limit(error: stripe.RateLimitError, endpoints: tuple[Endpoint, ...]) -> None:
    """One endpoint's, all of them, or nobody else's."""
    assert limited_with(Endpoint.CREATE, error) == endpoints


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        *(("3", 3.0), ("0", 0.0), ("", 1.0), ("soon", 1.0), ("-1", 1.0), ("1.5", 1.0)),
        *(("\u00b2", 1.0), ("\u0663", 1.0), ("61", 60.0), ("86400", 60.0), ("9" * 400, 1.0)),
    ],
)
def test_how_long(given: str, seconds: float) -> None:
    """As it says, but not beyond a minute, or a second: its limits are by the second."""
    error = stripe.RateLimitError("too many", headers={"retry-after": given})

    assert retry_after(error) == seconds


@pytest.mark.parametrize(("reason", "slowed"), [("endpoint-rate", 1), ("resource-specific", 0)])
def test_others_are_slowed(reason: str, slowed: int) -> None:
    """All who share the rates, once, and only where it concerns them."""
    rates = Counted()

    def refused() -> None:
        raise refusal(reason)

    with pytest.raises(stripe.RateLimitError):
        at_its_turn(rates, Endpoint.LIST, refused)()

    assert (rates.turns, rates.slowed, len(rates.pauses)) == (1, slowed, slowed)
