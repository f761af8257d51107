"""The listing of all customers."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import stripe
from tests.fakes import FakeClock

from customerlink.adapters.stripe.listing import Listing, listed, patiently
from customerlink.adapters.token_bucket import TokenBucket
from customerlink.model.rates import Endpoint
from sandbox.patience import PATIENCE_SECONDS
from sandbox.serving import Server
from sandbox.stripe_account import Fault, FaultKind, StripeAccount
from sandbox.stripe_server import stripe_app


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


@pytest.mark.parametrize("raised", [KeyboardInterrupt, TimeoutError, OSError])
def test_one_that_fails_ends_the_others(tmp_path: Path, raised: type[BaseException]) -> None:
    """Nobody waits for the pages of a segment after another one has failed, or after Ctrl-C."""
    read_to_the_end = []

    class Endless(Listing):
        def edges(self, now: float) -> list[int]:
            return [*range(9), int(now)]

        def pages(self, start: int, end: int, after: str | None = None) -> Iterator[list[Any]]:
            assert (end, after) != (start, "")
            if not start:
                raise raised
            longest = time.monotonic() + PATIENCE_SECONDS
            while time.monotonic() < longest:
                time.sleep(0.01)
                yield []
            read_to_the_end.append(start)

    customers = cast("stripe.CustomerService", None)
    with pytest.raises(raised):
        Endless(customers, TokenBucket(10_000)).write(tmp_path, now=1e9)

    assert read_to_the_end == []


@pytest.mark.parametrize("blank", [" ", "\t", "  \n"])
def test_blanks_count_as_absent(blank: str) -> None:
    """In each of our own places; what the text is beside them stays as it is."""
    names = ["auth0_user_id", "auth0_tenant", "auth0_registration_id", "superseded_by"]
    body = StripeAccount().create(
        {"email": "a@example.com", "metadata": dict.fromkeys(names, blank)}
    )
    one = listed(stripe.Customer.construct_from(body, None))
    metadata = {"auth0_user_id": " auth0|ada"}
    other = listed(stripe.Customer.construct_from(body | {"metadata": metadata}, None))

    assert (one.auth0_user_id, one.auth0_tenant) == (None, None)
    assert (one.registration_id, one.superseded_by) == (None, None)
    assert other.auth0_user_id == " auth0|ada"


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
        rate = TokenBucket(100, clock.monotonic, clock.sleep)

        def ask() -> Any:
            return client.v1.customers.list({})

        account.faults += [Fault(FaultKind.RATE_LIMIT, "GET", 2), Fault(FaultKind.DOWN, "GET", 2)]
        start = clock.monotonic()
        assert patiently(rate, Endpoint.LIST, ask).data == []
        assert clock.monotonic() - start >= 4.0

        account.faults.append(Fault(FaultKind.DOWN, "GET", 99))
        with pytest.raises(stripe.APIError):
            patiently(rate, Endpoint.LIST, ask)
