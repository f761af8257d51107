"""What follows a sign-up: how soon the other side has a change, and what many events come to."""

import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from sandbox.buses import Delivery
from sandbox.following import by_itself, following
from sandbox.patience import PATIENCE_SECONDS
from sandbox.sandbox import Sandbox, sandbox

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

EVENTS, USERS = 10_000, 400
TIMES = 5
"""How often each kind of change is timed."""

AT_A_TIME, MOST = 4, 4
"""So many users change at about the same time, each up to so many times."""

CALL_SECONDS = {"Stripe": 0.08, "Auth0": 0.08, "reads": 0.005, "writes": 0.005}
"""What a call takes from an AWS region nearby."""

OWN_SECONDS = 0.02
"""What an invocation takes by itself."""

GIGABYTES = 0.5
"""The function's memory."""

# AWS's list prices for us-east-1 of 2026, in dollars a million; of arm64's gigabyte-seconds.
PRICES = {
    "events": 1.00,
    "SQS": 0.40,
    "invocations": 0.20,
    "GB-s": 13.33,
    "reads": 0.125,
    "writes": 0.625,
}

WAIT_SECONDS = PATIENCE_SECONDS

_READS = ("GetItem", "Query", "BatchGetItem")


class Ledger:
    """Counts requests to DynamoDB."""

    def __init__(self) -> None:
        """Start at zero."""
        self.counts: Counter[str] = Counter()

    def around(self, application: "WSGIApplication") -> "WSGIApplication":
        """Count before an application answers."""

        def counted(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            service, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
            if service.startswith("DynamoDB_"):
                self.counts["reads" if operation in _READS else "writes"] += 1
            return application(environ, start)

        return counted


@dataclass(frozen=True)
class Figures:
    """What many events came to."""

    changes: int
    """What people did, on either side."""
    by_customer: Mapping[str, tuple[int, int]]
    """Of each customer, how often it was changed and written."""
    counts: Mapping[str, int]

    @property
    def writes(self) -> int:
        """Return how often Stripe was written."""
        return sum(written for _, written in self.by_customer.values())

    def __str__(self) -> str:
        """Return them in a few lines."""
        counts, dollars = self.counts, self.dollars()
        calls = (f"{counts[each] / counts['events']:.2f} {each}" for each in CALL_SECONDS)
        of_them = f"{self.changes:,} changes, {counts['echoes']:,} echoes"
        a_million = sum(dollars.values()) / counts["events"] * 1e6
        return "\n".join(
            [
                f"{counts['events']:,} events: {of_them}, {counts['twice']:,} that came twice",
                f"{self.writes:,} writes to Stripe, {counts['invocations']:,} invocations",
                f"each event: {', '.join(calls)}",
                f"{sum(dollars.values()):.4f} dollars, {a_million:.2f} a million events",
            ]
        )

    def dollars(self) -> dict[str, float]:
        """Return what they cost, by what is paid for."""
        seconds = sum(self.counts[each] * took for each, took in CALL_SECONDS.items())
        seconds += self.counts["invocations"] * OWN_SECONDS
        used = {**self.counts, "GB-s": seconds * GIGABYTES}
        return {name: used[name] * price / 1e6 for name, price in PRICES.items()}


def sign_up(box: Sandbox, number: int) -> list[tuple[str, str]]:
    """Let so many users sign up; return each with their customer."""
    made = []
    for each in range(number):
        user = box.tenant.add_user(email=f"u{each}@example.com", email_verified=True, name="Ada")
        made.append((user, linked_customer(box, user)))
    return made


def linked_customer(box: Sandbox, user: str) -> str:
    """Let a user log in until they are let in, as on a busy machine not everybody is at once."""
    while "stripe_customer_id" not in box.tenant.users[user]["app_metadata"]:
        box.tenant.login(user)
    return str(box.tenant.users[user]["app_metadata"]["stripe_customer_id"])


def play(events: int, users: int, at_a_time: int = AT_A_TIME, most: int = MOST) -> Figures:
    """Let people change things until so many events have come, shuffled and half of them twice."""
    chance, ledger, changes = random.Random(0), Ledger(), Counter[str]()  # noqa: S311
    with sandbox(around=ledger.around) as box:
        pairs = sign_up(box, users)
        delivery = Delivery(twice=0.5, is_shuffled=True, chance=chance)
        with following(box, delivery=delivery) as told:
            ledger.counts.clear()
            asked = len(box.stripe.requests), len(box.management.requests)
            for some in _groups(pairs, at_a_time, chance):
                for user, customer in some:
                    for _ in range(chance.randint(1, most)):
                        _change(box, user, customer, chance)
                        changes[customer] += 1
                told.run()
                if told.delivered >= events:
                    break
            _assert_followed(box, pairs)
            stripe, auth0 = box.stripe.requests[asked[0] :], box.management.requests[asked[1] :]
    writes = Counter(each.split()[1].rpartition("/")[2] for each in stripe if each[:4] == "POST")
    counts = {
        "reads": ledger.counts["reads"],
        # The function waits for a turn before each request, and a turn is a write.
        "writes": ledger.counts["writes"] + len(stripe) + len(auth0),
        "events": told.delivered,
        "twice": told.delivered - told.buses.passed,
        "echoes": told.buses.passed - changes.total(),
        "SQS": told.requests,
        "invocations": told.invocations,
        "Stripe": len(stripe),
        "Auth0": len(auth0),
    }
    by_customer = {each: (changes[each], writes[each]) for _, each in pairs}
    if any(written > changed + 1 for changed, written in by_customer.values()):
        sys.exit("a customer was written more often than it was changed, and once more")
    return Figures(changes.total(), by_customer, counts)


def _groups[Each](
    pairs: list[Each], size: int, chance: random.Random
) -> Iterator[tuple[Each, ...]]:
    """Go through everybody again and again, in another order each time."""
    while True:
        chance.shuffle(pairs)
        yield from batched(pairs, size, strict=False)


def _change(box: Sandbox, user: str, customer: str, chance: random.Random) -> None:
    """Let one thing happen: mostly in Auth0, sometimes in Stripe's dashboard."""
    number = chance.randrange(10**9)
    kind = chance.choices(("email", "name", "edit"), (2, 5, 3))[0]
    if kind == "edit":
        box.stripe.update(customer, {"name": f"Edited {number}"})
    elif kind == "email":
        box.management.users.patch(user, {"email": f"{number}@example.com"})
    else:
        box.management.users.patch(user, {"name": f"Ada {number}"})


def _assert_followed(box: Sandbox, pairs: Iterable[tuple[str, str]]) -> None:
    """End with an error unless each customer has the user's address."""
    for user, customer in pairs:
        if box.stripe.retrieve(customer)["email"] != box.tenant.users[user]["email"]:
            sys.exit("a customer did not follow")


# How soon


type Change = Callable[[Sandbox, str, str], Callable[[], bool]]
"""Carries out a change of a user and a customer; return what says whether it was followed."""


def address(box: Sandbox, user: str, customer: str) -> Callable[[], bool]:
    """Give a user another address."""
    new = f"new-{user[-6:]}@example.com"
    box.management.users.patch(user, {"email": new})
    return lambda: bool(box.stripe.retrieve(customer)["email"] == new)


def edited(box: Sandbox, _: str, customer: str) -> Callable[[], bool]:
    """Edit a customer, whose deployment restores."""
    was = box.stripe.retrieve(customer)["email"]
    box.stripe.update(customer, {"email": "edited@example.com"})
    return lambda: bool(box.stripe.retrieve(customer)["email"] == was)


def gone_in_stripe(box: Sandbox, user: str, customer: str) -> Callable[[], bool]:
    """Delete a customer, whose id leaves the profile."""
    box.stripe.delete(customer)
    return lambda: "stripe_customer_id" not in box.tenant.users[user]["app_metadata"]


def gone_in_auth0(box: Sandbox, user: str, _: str) -> Callable[[], bool]:
    """Delete a user, whose time is noted: what becomes of the customer is for then."""
    box.management.users.delete(user)
    return lambda: any(
        each["pk"] == f"sync#acme#{user}" and "gone_since" in each for each in box.aws.items()
    )


def linked(box: Sandbox, user: str, customer: str) -> Callable[[], bool]:
    """Link the account to another one, which has no customer: it gets theirs."""
    primary = box.tenant.add_user(email_verified=False, name="Ada")
    provider, _, name = user.partition("|")
    box.management.users.link(primary, {"provider": provider, "user_id": name})
    return lambda: (
        box.tenant.users[primary]["app_metadata"].get("stripe_customer_id") == customer
        and box.stripe.retrieve(customer)["metadata"]["auth0_user_id"] == primary
    )


KINDS: dict[str, Change] = {
    "an address changed in Auth0": address,
    "a customer edited in Stripe, restored": edited,
    "a customer deleted in Stripe": gone_in_stripe,
    "a user deleted in Auth0, noted": gone_in_auth0,
    "accounts linked": linked,
}


def how_soon(times: int) -> dict[str, list[float]]:
    """Return the seconds from each change to the other side."""
    policies = {"EDITED_CUSTOMERS": "restore", "DELETED_USERS": "unlink"}
    settings = {f"CUSTOMERLINK_{name}": value for name, value in policies.items()}
    took: dict[str, list[float]] = {}
    with sandbox() as box, following(box, settings=settings) as told:
        pairs = iter(sign_up(box, times * len(KINDS)))
        told.run()
        # Once, so that it is known what was applied last.
        for user in box.tenant.users:
            box.management.users.patch(user, {"name": "Ada Lovelace"})
        told.run()
        with by_itself(told):
            for name, change in KINDS.items():
                took[name] = [_seconds(change, box, next(pairs)) for _ in range(times)]
    return took


def _seconds(change: Change, box: Sandbox, pair: tuple[str, str]) -> float:
    # At any moment of the window for which a batch waits.
    time.sleep(random.random())  # noqa: S311
    begun = time.monotonic()
    is_followed = change(box, *pair)
    while not is_followed():
        if time.monotonic() - begun > WAIT_SECONDS:
            sys.exit(f"not followed within {WAIT_SECONDS} s: {change.__name__}")
        time.sleep(0.01)
    return time.monotonic() - begun


def main() -> None:
    """Measure both."""
    print("sync")
    for name, took in how_soon(TIMES).items():
        median, most = statistics.median(took), max(took)
        print(f"  {name}: {median:.1f} s (median of {len(took)}), at most {most:.1f} s")
    for line in str(play(EVENTS, USERS)).splitlines():
        print(f"  {line}")


if __name__ == "__main__":
    main()
