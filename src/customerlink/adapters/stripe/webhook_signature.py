"""Stripe's own signature on the events that it posts, by its SDK: https://docs.stripe.com/webhooks."""

from collections.abc import Iterable

from customerlink.adapters.stripe.sdk import stripe
from customerlink.model.signature import TOLERANCE_SECONDS

HEADER = "stripe-signature"


def is_signed(
    body: bytes, header: str, secrets: Iterable[str], tolerance: int | None = TOLERANCE_SECONDS
) -> bool:
    """Return whether one of the secrets signed the raw body a short while ago; nothing raises.

    Without a `tolerance`, whether it ever did.
    """
    # A list, so that all are tried: the time taken tells nothing of which it was.
    found = [_is_signed(body, header, each, tolerance) for each in secrets]
    return any(found)


def _is_signed(body: bytes, header: str, secret: str, tolerance: int | None) -> bool:
    # The SDK compares texts, and of those only ASCII.
    if not header.isascii():
        return False
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, tolerance)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False
    return True
