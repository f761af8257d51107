"""The services' rate limits, as their documentation tells them: token buckets of requests.

The figures stand here once more, and not `customerlink.model.rates`': a wrong one there is found.
"""

import threading
from collections import Counter
from collections.abc import Callable


class RateLimit:
    """A bucket that holds so many requests, and is filled up within so many seconds."""

    def __init__(
        self, clock: Callable[[], float], requests: float = 10_000, seconds: float = 1.0
    ) -> None:
        """Start with a full one."""
        self.requests, self.seconds = requests, seconds
        self._clock = clock
        self._spent, self._at = 0.0, clock()
        self._lock = threading.Lock()

    def take(self) -> tuple[bool, int, float]:
        """Take a request; return whether there was one, how many are left, and when all are."""
        with self._lock:
            now = self._clock()
            refilled = (now - self._at) * self.requests / self.seconds
            self._spent, self._at = max(0.0, self._spent - refilled), now
            is_there = self._spent + 1 <= self.requests
            self._spent += is_there
            left = int(self.requests - self._spent)
            share = self._spent / self.requests if self.requests else 1.0
            return is_there, left, now + share * self.seconds


class StripeLimits:
    """25 requests a second to each endpoint, 100 to all in live mode, and 25 in a sandbox.

    https://docs.stripe.com/rate-limits
    """

    def __init__(self, clock: Callable[[], float], *, livemode: bool) -> None:
        """Start with all of them left."""
        self._clock = clock
        self._of_all = RateLimit(clock, 100 if livemode else 25)
        self._of_each: dict[str, RateLimit] = {}
        self.asked: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        """Requests to each endpoint."""

    def refusal(self, endpoint: str) -> str | None:
        """Count a request; return the reason for which it is refused."""
        self.asked[endpoint] += 1
        of_it = self._of_each.setdefault(endpoint, RateLimit(self._clock, 25))
        for limit, reason in ((self._of_all, "global-rate"), (of_it, "endpoint-rate")):
            if not limit.take()[0]:
                self.refused[endpoint] += 1
                return reason
        return None


_EACH = {"read": (40, 500 / 60), "write": (20, 200 / 60), "rest": (10, 150 / 60)}
AUTH0_PLANS: dict[str, dict[str, tuple[int, float]]] = {
    "none": {},
    "free": {"": (2, 2.0)},
    "essentials": _EACH,
    "professional": _EACH,
    "enterprise": {"": (50, 16.0)},
}
"""Requests at once, and each second: to all of the Management API, or to a kind.

https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy/rate-limit-configurations
"""


def auth0_limits(plan: str, clock: Callable[[], float]) -> dict[str, RateLimit]:
    """Return a plan's limits, by the kind of request; by an empty one for all of them."""
    return {
        kind: RateLimit(clock, burst, burst / per_second)
        for kind, (burst, per_second) in AUTH0_PLANS[plan].items()
    }


def auth0_kind(method: str, path: str) -> str:
    """Return what a request to the Management API counts towards.

    Of `users-by-email` the documentation says nothing; it reads users.
    """
    if not path.removeprefix("/api/v2/").startswith("users"):
        return "rest"
    return "read" if method == "GET" else "write"
