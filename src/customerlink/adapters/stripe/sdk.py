"""The Stripe SDK.

It imports most of itself when that is asked for. What a sign-up asks for is imported here, while
what it does without is away.
"""

import sys
import typing
from functools import partial
from types import ModuleType
from typing import Never

from customerlink.adapters.slim_imports import instead_of, not_installed, without

_READ_BY_TYPE_CHECKERS = (
    *("Awaitable", "Callable", "ClassVar", "Coroutine", "Dict", "List", "Literal", "Mapping"),
    *("MutableMapping", "NotRequired", "Optional", "Sequence", "Tuple", "Type", "Union", "Unpack"),
)


class _Annotation:
    """What an annotation is made of where nobody reads it: whatever is made of it is it."""

    def __getitem__(self, _: object) -> "_Annotation":
        return self

    def __call__(self) -> Never:
        # A typed dictionary takes for a type what could be called.
        raise NotImplementedError

    def __or__(self, _: object) -> "_Annotation":
        return self

    __ror__ = __or__


def _typing(name: str) -> ModuleType:
    """Return Python's own `typing`, for it and for what the SDK takes from `typing_extensions`."""
    made = ModuleType(name)
    vars(made).update(dict.fromkeys(_READ_BY_TYPE_CHECKERS, _Annotation()))
    vars(made)["__getattr__"] = partial(getattr, typing)
    # One keeps each function that it is put on, the other wraps it by what brings `inspect` along.
    vars(made)["overload"] = lambda function: function
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
    without("typing_extensions", but=_typing("typing_extensions")),
    # Some thousand annotations, put together while its classes are made: 3 ms.
    instead_of("typing", _typing("typing")),
):
    import stripe
    from stripe import _object_classes

    _ASKED_FOR = stripe.StripeClient, stripe.CustomerService, stripe.ListObject

# What an answer holds is asked for its values, and by no call of ours for a method: without a class
# of its own it is an object like any that the SDK does not know. The customer's class is 3 ms of a
# cold start; and none of the others has to be where an answer might bring one along.
_object_classes.OBJECT_CLASSES = {"list": _object_classes.OBJECT_CLASSES["list"]}

__all__ = ["stripe"]
