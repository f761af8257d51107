"""A storm over real parts: eight Lambda runtimes, colliding users and addresses, 5 % faults."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from tests.e2e.dynalite import dynalite
from tests.e2e.runtime import Runtime, runtime

from sandbox.gateway import by_runtime_emulators
from sandbox.sandbox import Sandbox, sandbox
from sandbox.tenant import Login

RUNTIMES = 8
SIGN_UPS = 300
FAULTS = 0.05
LATENCY_SECONDS = 0.03
FUNCTION_SECONDS = 5.0
ACTION_SECONDS = 9.5


@contextmanager
def on_moto() -> Iterator[dict[str, str]]:
    """Keep the ledger where the secret is: moto behind a lock."""
    yield {}


@contextmanager
def on_dynalite() -> Iterator[dict[str, str]]:
    """Keep the ledger in dynalite."""
    with dynalite() as (url, _):
        yield {"AWS_ENDPOINT_URL_DYNAMODB": url}


@pytest.mark.alone
@pytest.mark.parametrize("ledger", [on_moto, on_dynalite], ids=lambda each: each.__name__)
def test_storm(
    ledger: Callable[[], "Iterator[dict[str, str]]"],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No duplicate, everybody linked or rightly denied after two more logins, nobody waits long."""
    with ExitStack() as running:
        box = running.enter_context(sandbox())
        environment = box.environment() | running.enter_context(ledger())  # type: ignore[arg-type]
        functions = [running.enter_context(runtime(environment)) for _ in range(RUNTIMES)]
        box.gateway.invoke = by_runtime_emulators(*(each.url for each in functions))
        box.stripe.latency, box.stripe.fault_rate = LATENCY_SECONDS, FAULTS
        users = crowd(box, random.Random(7))
        with ThreadPoolExecutor(2 * RUNTIMES) as tabs:
            logins = list(tabs.map(box.tenant.login, users))
        box.stripe.fault_rate = 0.0
        with ThreadPoolExecutor(RUNTIMES) as tabs:
            for _ in range(2):
                logins += tabs.map(box.tenant.login, sorted(set(users)))
        waits = milliseconds(functions)
    told = summary(box, logins, waits)
    with capsys.disabled():
        print(f"\n{told}", end=" ")

    assert duplicates(box) == []
    assert [each for each in set(users) if not is_settled(box, each)] == []
    # A machine that stands still for a moment does so for all who are under way just then.
    assert sorted(each.milliseconds for each in logins)[-2 * RUNTIMES - 1] <= ACTION_SECONDS * 1000
    assert sorted(waits)[-RUNTIMES - 1] <= FUNCTION_SECONDS * 1000


def crowd(box: Sandbox, rng: random.Random) -> list[str]:
    """Return 300 logins of 150 users, two or more of whom want the same of 100 addresses."""
    users = []
    for number in range(SIGN_UPS // 2):
        email = f"storm{rng.randrange(100)}@example.com"
        users.append(
            box.tenant.add_user(
                f"auth0|storm-{number:03}", email=rng.choice([email, email.title()])
            ),
        )
    logins = users * 2
    rng.shuffle(logins)
    return logins


def duplicates(box: Sandbox) -> list[str]:
    """Return the users and addresses that have more than one customer."""
    customers = box.stripe.live_customers()
    named = Counter(str(each["metadata"].get("auth0_user_id")) for each in customers)
    addresses = Counter(str(each["email"]) for each in customers)
    return [name for name, count in (named + addresses).items() if count > 1]


def is_settled(box: Sandbox, user_id: str) -> bool:
    """Return whether a user is linked on both sides, or denied for another one's address."""
    user = box.tenant.users[user_id]
    linked = user["app_metadata"].get("stripe_customer_id")
    holders = [
        each for each in box.stripe.live_customers() if each["email"] == user["email"].lower()
    ]
    own = [each["id"] for each in holders if each["metadata"]["auth0_user_id"] == user_id]
    if linked:
        return own == [linked] and "stripe_signup" not in user["app_metadata"]
    return (
        len(holders) == 1 and own == [] and user["app_metadata"] == {"stripe_signup": "unfinished"}
    )


def milliseconds(functions: list[Runtime]) -> list[float]:
    """Return what each sign-up took, by the functions' own logs."""
    lines = [line for each in functions for line in each.log().splitlines()]
    return [json.loads(line)["milliseconds"] for line in lines if '"message":"sign_up"' in line]


def summary(box: Sandbox, logins: list[Login], waits: list[float]) -> str:
    """Say what happened."""
    reasons = Counter(str(each.reason) for each in box.gateway.exchanges)
    longest = max(each.milliseconds for each in logins)
    return (
        f"{len(logins)} logins, {len(box.stripe.live_customers())} customers, "
        f"{len(duplicates(box))} duplicates; longest wait {longest:.0f} ms, "
        f"longest function {max(waits):.0f} ms; {dict(reasons)}"
    )
