"""How Stripe failed, in a word of ours: its own texts quote keys and addresses."""

from customerlink.adapters.stripe.sdk import stripe
from customerlink.model.failure import How, told


def how_it_failed(error: stripe.StripeError) -> str:
    """Say in a word what went wrong: a key's trouble, no answer, or the answer's status."""
    if isinstance(error, stripe.PermissionError):
        return How.KEY_NOT_PERMITTED
    if isinstance(error, stripe.AuthenticationError):
        code = error.error.code if error.error else None
        return How.KEY_EXPIRED if code == "api_key_expired" else How.KEY_UNKNOWN
    if isinstance(error, stripe.APIConnectionError):
        return How.NO_ANSWER
    if isinstance(error, stripe.RateLimitError):
        return How.RATE_LIMITED
    is_stripes = isinstance(error.json_body, dict) and error.error is not None
    return told(error.http_status) if is_stripes else How.ODD_ANSWER
