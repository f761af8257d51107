"""How often Stripe and Auth0 may be asked, and how much of that is left to the sign-ups.

https://docs.stripe.com/rate-limits
https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy/rate-limit-configurations
"""

import math
from collections import Counter
from enum import StrEnum

from customerlink.model.frozen import frozen

RESERVE = 0.2
"""The share of each limit that is left to who waits: sign-ups, the shop's API, the page."""

STRIPE_PER_SECOND = 25.0
"""Requests to each endpoint in live mode, of 100 to all; in a sandbox, to all together."""

RECOVERY_SECONDS = 60.0
SLOWEST = 1 / 8
"""The share of a rate that a storm of refusals leaves: those who queue for turns of less would wait
for them long after it."""

_ONE_REFUSAL_SECONDS = 1.0

LONGEST_PAUSE_SECONDS = 60.0
"""Whatever an answer says: it holds all machines back, and the next refusal says it again."""

_MOST_DIGITS = 12


def number_in(header: str) -> float | None:
    """Return the number that an answer's header is; None where it is none that counts anything."""
    # `isdigit` alone lets a superscript pass, and of four hundred digits `float` makes infinity.
    is_number = header.isascii() and header.isdigit() and len(header) <= _MOST_DIGITS
    return float(header) if is_number else None


class Plan(StrEnum):
    """Auth0's plans, by Auth0's names; the first one's limits are the lowest."""

    FREE = "free"
    ESSENTIALS = "essentials"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"


class Endpoint(StrEnum):
    """What is limited together, of what we ask."""

    LIST = "stripe-list"
    CREATE = "stripe-create"
    RETRIEVE = "stripe-retrieve"
    CHANGE = "stripe-change"
    """Updates and deletions, and the lists of what a customer was used for: few of each."""
    READ_USERS = "auth0-read-users"
    WRITE_USERS = "auth0-write-users"
    REST = "auth0-rest"
    """Jobs, and whatever else the Management API has."""

    @property
    def is_stripes(self) -> bool:
        """Return whether Stripe limits it, and not Auth0."""
        return self.startswith("stripe-")


STRIPES = tuple(each for each in Endpoint if each.is_stripes)

A_USER = (Endpoint.LIST, Endpoint.CREATE, Endpoint.READ_USERS, Endpoint.WRITE_USERS)
"""What it takes to give a user a customer: a request to each."""

A_LOOK = (Endpoint.READ_USERS, Endpoint.RETRIEVE)
"""What it takes to look at both sides of a user."""

A_WRITE = (*A_LOOK, Endpoint.RETRIEVE, Endpoint.CHANGE)
"""What it takes to write to one side: the record's customer is looked at, and both sides again."""

AN_ADDRESS = (*A_WRITE, Endpoint.LIST, Endpoint.RETRIEVE)
"""What it takes to write an address: it is looked up, too, and its customer looked at once more."""

_OF_ALL = {Plan.FREE: 2.0, Plan.ENTERPRISE: 16.0}
"""Requests a second to all of the Management API, where that is what a plan limits."""

_OF_EACH = {Endpoint.READ_USERS: 500 / 60, Endpoint.WRITE_USERS: 200 / 60, Endpoint.REST: 150 / 60}
"""Essentials and Professional: those to each."""


@frozen
class Bucket:
    """What has one limit."""

    name: str
    limit: float
    """Requests a second, whoever makes them."""

    @property
    def per_second(self) -> float:
        """Return those of who does not wait: sync, repair and backfill, all together."""
        return self.limit * (1 - RESERVE)


@frozen
class Limits:
    """A deployment's."""

    plan: Plan = Plan.FREE
    is_live: bool = False
    stripe_per_second: float = STRIPE_PER_SECOND
    auth0_per_second: float = 0.0
    """A tenant's own limit for all of its Management API; 0 for the plan's."""

    def bucket(self, endpoint: Endpoint) -> Bucket:
        """Return what an endpoint's requests count towards."""
        if endpoint.is_stripes:
            # Four endpoints' shares are in live mode what may be asked of all of them.
            return Bucket(endpoint if self.is_live else "stripe", self.stripe_per_second)
        of_all = self.auth0_per_second or _OF_ALL.get(self.plan)
        return Bucket("auth0", of_all) if of_all else Bucket(endpoint, _OF_EACH[endpoint])

    @property
    def users_per_second(self) -> float:
        """Return how many users can be given a customer, by whichever limit is reached first."""
        asked = Counter(map(self.bucket, A_USER))
        return min(bucket.per_second / number for bucket, number in asked.items())


@frozen
class Tempo:
    """The share of a rate that is used: halved by a refusal, and whole again within a minute.

    It is never less than `SLOWEST`.
    """

    share: float = 1.0
    since: float = -math.inf

    def at(self, now: float) -> float:
        """Return the share at a moment."""
        share = max(SLOWEST, self.share)
        return min(1.0, share + max(0.0, now - self.since) / RECOVERY_SECONDS)

    def slowed(self, now: float) -> "Tempo":
        """Return it after a refusal; those of requests that were under way together are one."""
        if now - self.since < _ONE_REFUSAL_SECONDS:
            return self
        return Tempo(self.at(now) / 2, now)
