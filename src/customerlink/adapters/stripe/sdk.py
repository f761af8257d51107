"""The Stripe SDK.

It imports most of itself when that is asked for. What a sign-up asks for is imported here, while
what it does without is away.
"""

import sys
import typing
from types import ModuleType

from customerlink.adapters.slim_imports import not_installed, without


def _typing_extensions() -> ModuleType:
    """Return what the SDK takes from there, which Python's own `typing` has."""
    made = ModuleType("typing_extensions")
    vars(made).update({name: getattr(typing, name) for name in typing.__all__})
    # It wraps deprecated functions, to warn who calls one, by what brings `inspect` along.
    vars(made)["deprecated"] = lambda *_, **__: lambda wrapped: wrapped
    return made


def _platform() -> ModuleType:
    """Return what the SDK tells Stripe by: Python's version, and nothing of the machine."""
    made = ModuleType("platform")
    vars(made).update(python_version=lambda: sys.version.partition(" ")[0], platform=lambda: "")
    return made


with (
    # Its asynchronous client's: 12 ms of a cold start.
    without("asyncio"),
    # Its own connections', and e-mail's parser with them: 3 ms. Whoever makes a client says by what
    # it connects, so that none is looked for.
    not_installed("aiohttp", "google", "httpx", "pycurl", "requests"),
    without("http.client"),
    # Stripe's events and times of day: 5 ms.
    without("stripe._event", "stripe._event_notification_handler", "stripe.v2.core._event"),
    without("calendar"),
    # Which looks for all that can be told of a machine: 1 ms.
    without("platform", but=_platform()),
    # With `inspect`: 8 ms.
    without("typing_extensions", but=_typing_extensions()),
):
    import stripe
    import stripe._object_classes

    _ASKED_FOR = stripe.StripeClient, stripe.Customer, stripe.CustomerService, stripe.ListObject

__all__ = ["stripe"]
