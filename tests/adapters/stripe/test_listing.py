"""The listing of all customers, and the bucket that keeps its rate."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import stripe
from tests.fakes import FakeClock

from customerlink.adapters.stripe.listing import Listing, patiently
from customerlink.adapters.token_bucket import TokenBucket
from sandbox.serving import Server
from sandbox.stripe_account import Fault, FaultKind, StripeAccount
from sandbox.stripe_server import stripe_app


def bucket(clock: FakeClock, per_second: float) -> TokenBucket:
    """Return a bucket on a clock that moves only when somebody sleeps."""
    return TokenBucket(per_second, clock.monotonic, clock.sleep)


def test_requests_are_spread_evenly() -> None:
    """A hundred at ten a second take ten seconds, but for the first."""
    clock = FakeClock()
    start = clock.monotonic()
    ten = bucket(clock, 10)
    for _ in range(101):
        ten.take()

    assert clock.monotonic() - start == pytest.approx(10.0)


def test_idle_time_is_saved_for_a_second_at_the_most() -> None:
    """After an hour of rest there is a burst of one second's worth, and no more."""
    clock = FakeClock()
    ten = bucket(clock, 10)
    clock.sleep(3600)
    start = clock.monotonic()
    for _ in range(31):
        ten.take()

    assert clock.monotonic() - start == pytest.approx(2.0, abs=0.001)


def test_pause() -> None:
    """Nobody goes on before it ends."""
    clock = FakeClock()
    ten = bucket(clock, 10)
    start = clock.monotonic()
    ten.pause(5)
    ten.take()

    assert clock.monotonic() - start == pytest.approx(5.0)


def test_threads_share_the_rate() -> None:
    """Eight of them get the turns of one."""
    clock = FakeClock()
    turns: list[float] = []
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            turns.append(seconds)

    shared = TokenBucket(10, clock.monotonic, sleep)

    def take_ten() -> None:
        for _ in range(10):
            shared.take()

    threads = [threading.Thread(target=take_ten) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert max(turns) == pytest.approx(7.9)
    assert len({round(each, 6) for each in turns}) == len(turns) == 79


@pytest.mark.parametrize("number", [0, 1, 250])
def test_everybody_is_listed_once(tmp_path: Path, number: int) -> None:
    """Whatever their number, and whenever they were made."""
    clock = FakeClock(1.3e9)
    account = StripeAccount(clock=clock.time)
    for each in range(number):
        clock.now += 1.9e6 if each % 2 else 0
        account.create({"email": f"{each}@example.com", "metadata": {"auth0_user_id": f"{each}"}})
    with Server(stripe_app(account)) as server:
        client = stripe.StripeClient(
            account.add_key(),
            base_addresses={"api": server.url},
            http_client=stripe.UrllibClient(),
        )
        listing = Listing(client.v1.customers, TokenBucket(10_000))
        files = listing.write(tmp_path, now=clock.now)
    rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]

    assert sorted(each["id"] for each in rows) == sorted(
        each["id"] for each in account.live_customers()
    )
    assert all(each["auth0_user_id"] for each in rows)


def test_trouble_is_waited_out() -> None:
    """429 and 5xx; what does not end is raised."""
    account = StripeAccount()
    with Server(stripe_app(account)) as server:
        client = stripe.StripeClient(
            account.add_key(),
            base_addresses={"api": server.url},
            http_client=stripe.UrllibClient(),
            max_network_retries=0,
        )
        clock = FakeClock()
        rate = bucket(clock, 100)

        def ask() -> Any:
            return client.v1.customers.list({})

        account.faults += [Fault(FaultKind.RATE_LIMIT, "GET", 2), Fault(FaultKind.DOWN, "GET", 2)]
        start = clock.monotonic()
        assert patiently(rate, ask).data == []
        assert clock.monotonic() - start >= 4.0

        account.faults.append(Fault(FaultKind.DOWN, "GET", 99))
        with pytest.raises(stripe.APIError):
            patiently(rate, ask)
