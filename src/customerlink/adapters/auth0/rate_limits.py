"""What Auth0's answers say of its rate limits.

https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy
"""

import time
from collections.abc import Mapping

from customerlink.model.rates import LONGEST_PAUSE_SECONDS, RESERVE, Endpoint, number_in

SHORTEST_WAIT_SECONDS = 0.5

_AFTER, _RESET = "retry-after", "x-ratelimit-reset"
_ALL = ("x-ratelimit-limit", "x-ratelimit-remaining", _RESET)


def endpoint_of(method: str, path: str) -> Endpoint:
    """Return what a request counts towards; of `users-by-email` it reads users."""
    if not path.startswith("users"):
        return Endpoint.REST
    return Endpoint.READ_USERS if method == "GET" else Endpoint.WRITE_USERS


def seconds_until_reset(headers: Mapping[str, str]) -> float:
    """Return for how long a request that was refused has to wait."""
    told = _numbers(headers)
    # A quota of the client's alone says how long, and not until when.
    waits = [told[_AFTER]] if _AFTER in told else []
    waits += [told[_RESET] - time.time()] if _RESET in told else []
    seconds = max(waits, default=1.0)
    return min(max(seconds, SHORTEST_WAIT_SECONDS), LONGEST_PAUSE_SECONDS)


def seconds_to_reserve(headers: Mapping[str, str]) -> float:
    """Return for how long nobody is to ask, so that others have their share of a limit again.

    Its bucket fills up evenly until the reset.
    """
    told = _numbers(headers)
    if not {*_ALL} <= told.keys():
        return 0.0
    limit, left, reset = (told[each] for each in _ALL)
    missing = limit * RESERVE - left
    if missing <= 0:
        return 0.0
    seconds = (reset - time.time()) * missing / (limit - left)
    return min(max(seconds, 0.0), LONGEST_PAUSE_SECONDS)


def _numbers(headers: Mapping[str, str]) -> dict[str, float]:
    given = {name.lower(): value for name, value in headers.items()}
    found = {name: number_in(given.get(name, "")) for name in (_AFTER, *_ALL)}
    return {name: number for name, number in found.items() if number is not None}
