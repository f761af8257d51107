"""What Stripe's 429 says of who else should ask less (https://docs.stripe.com/rate-limits)."""

from collections.abc import Callable

from customerlink.adapters.stripe.sdk import stripe
from customerlink.model.rates import LONGEST_PAUSE_SECONDS, STRIPES, Endpoint, number_in
from customerlink.ports.rate import Rates, refused

PAUSE_SECONDS = 1.0
"""Where Stripe does not say how long; its limits are by the second."""

_REASON = "stripe-rate-limited-reason"
_OF_ONE_OBJECT = "resource-specific"


def at_its_turn[Result](
    rates: Rates, endpoint: Endpoint, request: Callable[[], Result]
) -> Callable[[], Result]:
    """Return a request that waits for its turn; where it is refused, others are slowed as well."""

    def asked() -> Result:
        rates.of(endpoint).take()
        try:
            return request()
        except stripe.RateLimitError as error:
            refused(rates, limited_with(endpoint, error), retry_after(error))
            raise

    return asked


def limited_with(endpoint: Endpoint, error: stripe.RateLimitError) -> tuple[Endpoint, ...]:
    """Return the endpoints at which a refusal says that there was too much."""
    reason = str((error.headers or {}).get(_REASON, ""))
    # The SDK has no code of a 429's but in the body.
    code = error.error.code if error.error else None
    # Of one object, whose lock it may be, others know nothing.
    if reason == _OF_ONE_OBJECT or code == "lock_timeout":
        return ()
    return STRIPES if reason.startswith("global-") else (endpoint,)


def retry_after(error: stripe.StripeError) -> float:
    """Return for how many seconds Stripe wants nobody to ask again."""
    given = number_in(str((error.headers or {}).get("retry-after", "")))
    return PAUSE_SECONDS if given is None else min(given, LONGEST_PAUSE_SECONDS)
