"""The backfill against a Stripe that allows 25 creations a second: rate, refusals, kill -9."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from sandbox.sandbox import Sandbox, sandbox

LIMIT = 25.0
ASKED = 24.6
"""A little below the limit, so that nothing is refused."""

USERS, KILLED_USERS, KILLS = 2000, 500, 3


def add_users(box: Sandbox, number: int) -> None:
    """Let there be users from before the installation."""
    for each in range(number):
        box.tenant.add_user(f"auth0|{each}", email=f"user-{each}@example.com")


def start(box: Sandbox, folder: Path) -> "subprocess.Popen[str]":
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "customerlink.cli.main", "--tenant", "acme", "backfill"]
    command += ["--per-second", str(ASKED), "--auth0-per-second", "100", "--json"]
    environment = {**os.environ, **box.tools_environment(), "XDG_STATE_HOME": str(folder)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def assert_everybody_has_one(box: Sandbox, number: int) -> None:
    """End with an error unless each user has exactly one customer, on both sides."""
    customers = {each["id"]: each for each in box.stripe.live_customers()}
    owners = Counter(each["metadata"]["auth0_user_id"] for each in customers.values())
    linked = {each["app_metadata"].get("stripe_customer_id") for each in box.tenant.users.values()}
    if len(owners) != number or set(owners.values()) != {1} or linked != set(customers):
        sys.exit("the backfill did not give everybody one customer")


def sustained() -> str:
    """Backfill at the limit; return the figures."""
    with sandbox() as box, tempfile.TemporaryDirectory() as folder:
        box.stripe.creations_per_second = LIMIT
        add_users(box, USERS)
        shown, _ = start(box, Path(folder)).communicate()
        assert_everybody_has_one(box, USERS)
        refused = box.stripe.refused_creations / (USERS + box.stripe.refused_creations)
        times = sorted(box.stripe.created_at)
    seconds = times[-1] - times[0]
    rate = (USERS - 1) / seconds
    share = f"{rate:.1f} creations/s, {100 * rate / LIMIT:.1f} % of the limit of {LIMIT:.0f}/s"
    counts = json.loads(shown)["counts"]
    return f"{USERS:,} users: {share}, {100 * refused:.2f} % refused (429), 0 duplicates, {counts}"


def killed() -> str:
    """Kill it at random moments and resume; return the end."""
    with sandbox() as box, tempfile.TemporaryDirectory() as folder:
        box.stripe.creations_per_second = LIMIT
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
    """Measure both."""
    print("backfill")
    print(f"  {sustained()}")
    print(f"  {killed()}")


if __name__ == "__main__":
    main()
