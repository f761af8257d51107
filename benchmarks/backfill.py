"""The backfill within the services' limits, with sign-ups and a comparison beside it; kill -9."""

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from customerlink.model.rates import STRIPES, Limits, Plan
from sandbox.sandbox import Sandbox, sandbox

SECONDS = 30.0
"""For which a rate is measured, once it has set in."""

SETTLING_SECONDS = 3.0

SIGN_UPS_PER_SECOND = 1.5
"""Two requests each, so 3 of the 5 a second that a sandbox's limit leaves to them."""

LIST, CREATE = "GET /v1/customers", "POST /v1/customers"

KILLED_USERS, KILLS = 300, 3


@dataclass
class SignUps:
    """People who come by themselves, at random moments."""

    box: Sandbox
    seconds: list[float] = field(default_factory=list)
    denied: int = 0

    def come(self, ended: threading.Event) -> None:
        """Let one after the other come until it is over."""
        chance = random.Random(1)  # noqa: S311 (no secret)
        while not ended.wait(chance.expovariate(SIGN_UPS_PER_SECOND)):
            number = len(self.seconds)
            name = self.box.tenant.add_user(email=f"new-{number}@example.com")
            begun = time.monotonic()
            self.denied += self.box.tenant.login(name).denial is not None
            self.seconds.append(time.monotonic() - begun)


def add_users(box: Sandbox, number: int) -> None:
    """Let there be users from before the installation."""
    for each in range(number):
        box.tenant.add_user(f"auth0|{each}", email=f"user-{each}@example.com")


def start(box: Sandbox, folder: Path, verb: str = "backfill") -> "subprocess.Popen[str]":
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "customerlink.cli.main", "--tenant", "acme", verb, "--json"]
    environment = {**os.environ, **box.tools_environment(), "XDG_STATE_HOME": str(folder)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@contextmanager
def beside(*works: Callable[[threading.Event], None]) -> Iterator[None]:
    """Let works go on while the block runs."""
    ended = threading.Event()
    threads = [threading.Thread(target=each, args=(ended,)) for each in works]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        ended.set()
        for each in threads:
            each.join()


def assert_everybody_has_one(box: Sandbox, number: int) -> None:
    """End with an error unless each user has exactly one customer, on both sides."""
    customers = {each["id"]: each for each in box.stripe.live_customers()}
    owners = Counter(each["metadata"]["auth0_user_id"] for each in customers.values())
    linked = {each["app_metadata"].get("stripe_customer_id") for each in box.tenant.users.values()}
    if len(owners) != number or set(owners.values()) != {1} or linked != set(customers):
        sys.exit("the backfill did not give everybody one customer")


def requests(box: Sandbox) -> Counter[str]:
    """Return how often each endpoint was asked: Stripe's, and Auth0's for users."""
    auth0 = Counter(each.split()[0] for each in [*box.management.requests] if "/users/" in each)
    stripe = box.stripe.limits.asked if box.stripe.limits else Counter[str]()
    return Counter(stripe) + Counter({f"{name} users": number for name, number in auth0.items()})


def measured(title: str, plan: Plan, auth0_per_second: float, *, verify: bool) -> str:
    """Backfill within the limits of both services; return the figures."""
    limits = Limits(plan, auth0_per_second=auth0_per_second)
    with sandbox() as box, tempfile.TemporaryDirectory() as folder:
        box.aws.create_stack(
            box.url,
            {"Auth0Plan": plan, "Auth0PerSecond": f"{auth0_per_second}", "StripePerSecond": "25"},
        )
        enforced = box.stripe.enforce_limits()
        if not auth0_per_second:
            box.management.limit_to(plan)
        # More than are done meanwhile.
        add_users(box, int(limits.users_per_second * (SECONDS + 15)))
        people = SignUps(box)

        def verifying(ended: threading.Event) -> None:
            while not ended.is_set():
                start(box, Path(folder) / "verify", "verify").communicate()

        process = start(box, Path(folder))
        while not box.stripe.live_customers():
            time.sleep(0.05)
            if process.poll() is not None:
                sys.exit(f"the backfill ended: {process.communicate()[0]}")
        works = [people.come, *([verifying] if verify else [])]
        with beside(*works):
            time.sleep(SETTLING_SECONDS)
            before, begun, came = requests(box), time.monotonic(), len(people.seconds)
            time.sleep(SECONDS)
            asked, seconds = requests(box), time.monotonic() - begun
            came = len(people.seconds) - came
        process.kill()
        process.communicate()
    asked.subtract(before)
    users = asked[CREATE] - came
    stripes = asked[LIST] + asked[CREATE] - 2 * came
    left = {
        "Stripe": (stripes, limits.bucket(STRIPES[0]).per_second),
        "Auth0": (users, limits.users_per_second),
    }
    bound = "Stripe" if verify or auth0_per_second else "Auth0"
    number, per_second = left[bound]
    refused = sum(enforced.refused.values()), sum(box.management.refused.values())
    slowest = max(people.seconds, default=0.0)
    return (
        f"{title}: {users / seconds:.2f} users/s; of {bound}'s limit it made "
        f"{100 * number / seconds / per_second:.1f} % of what is left; refused (429) by Stripe "
        f"{refused[0]}, by Auth0 {refused[1]}; {came / seconds:.1f} sign-ups/s, "
        f"{people.denied} denied, the slowest {slowest:.2f} s"
    )


def killed() -> str:
    """Kill it at random moments and resume; return the end."""
    with sandbox() as box, tempfile.TemporaryDirectory() as folder:
        add_users(box, KILLED_USERS)
        goals = sorted(random.sample(range(10, KILLED_USERS - 50), KILLS))
        for goal in goals:
            process = start(box, Path(folder))
            while len(box.stripe.live_customers()) < goal and process.poll() is None:
                time.sleep(0.01)
            process.kill()
            process.communicate()
        start(box, Path(folder)).communicate()
        assert_everybody_has_one(box, KILLED_USERS)
    return f"{KILLED_USERS} users, killed after {goals} creations and resumed: one customer each"


def main() -> None:
    """Measure all."""
    print("backfill, in a sandbox of Stripe's, a fifth of each limit left to others")
    print(f"  {measured('professional', Plan.PROFESSIONAL, 0.0, verify=False)}")
    print(f"  {measured('enterprise', Plan.ENTERPRISE, 0.0, verify=False)}")
    print(f"  {measured('Auth0 at 100 a second', Plan.ENTERPRISE, 100.0, verify=False)}")
    print(f"  {measured('the same beside verify', Plan.ENTERPRISE, 100.0, verify=True)}")
    print(f"  {killed()}")


if __name__ == "__main__":
    main()
