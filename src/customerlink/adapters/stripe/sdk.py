"""The Stripe SDK.

It imports most of itself when that is asked for. What a sign-up asks for is imported here, while
what it does without is away.
"""

import typing
from types import ModuleType

from customerlink.adapters.slim_imports import without


def _typing_extensions() -> ModuleType:
    """Return what the SDK takes from there, which Python's own `typing` has."""
    made = ModuleType("typing_extensions")
    vars(made).update({name: getattr(typing, name) for name in typing.__all__})
    # It wraps deprecated functions, to warn who calls one, by what brings `inspect` along.
    vars(made)["deprecated"] = lambda *_, **__: lambda wrapped: wrapped
    return made


with (
    # Its asynchronous client's: 12 ms of a cold start.
    without("asyncio"),
    # Stripe's events and times of day: 5 ms.
    without("stripe._event_notification_handler", "stripe.v2.core._event", "calendar"),
    # With `inspect`: 8 ms.
    without("typing_extensions", but=_typing_extensions()),
):
    import stripe
    import stripe._object_classes

    _ASKED_FOR = stripe.StripeClient, stripe.Customer, stripe.CustomerService, stripe.ListObject

__all__ = ["stripe"]
