"""Whom the facts are asked of: the stand-in, or Stripe itself when a test key is given.

`STRIPE_TEST_KEY=rk_test_… make contract` asks Stripe; the key needs *Customers: Write*.
"""

import os
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import stripe
import urllib3

from sandbox.serving import Server
from sandbox.stripe_account import StripeAccount
from sandbox.stripe_server import stripe_app

STRIPE = "https://api.stripe.com"
KEY = os.environ.get("STRIPE_TEST_KEY", "")


class Asked:
    """A Stripe to ask: by the SDK, or by plain HTTP."""

    def __init__(self, base: str, key: str, account: StripeAccount | None, clock: "Clock") -> None:
        """Take an address and a test key; refuse a live one."""
        if key[3:].startswith("live_"):
            raise ValueError("STRIPE_TEST_KEY is a live key: only test keys are used")
        self.base, self.key, self.account, self.clock = base, key, account, clock
        self._pool = urllib3.PoolManager()
        self.made: list[str] = []
        self.customers = self.with_key(key)

    def with_key(self, key: str) -> Any:
        """Give the SDK's customers service for a key."""
        client = stripe.StripeClient(
            key,
            base_addresses={"api": self.base},
            max_network_retries=0,
            http_client=stripe.UrllibClient(),
        )
        return client.v1.customers

    def create(self, **params: Any) -> Any:
        """Create a customer that is deleted afterwards."""
        customer = self.customers.create(params)
        self.made.append(customer.id)
        return customer

    def create_under(self, key: str, **params: Any) -> Any:
        """Create under an idempotency key."""
        customer = self.customers.create(params, {"idempotency_key": key})
        self.made.append(customer.id)
        return customer

    def http(self, method: str, path: str, **fields: str) -> urllib3.BaseHTTPResponse:
        """Ask by plain HTTP, with fields in the query."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return self._pool.request(method, f"{self.base}{path}", fields=fields, headers=headers)

    def listed(self, **params: Any) -> list[str]:
        """Give the ids that a list shows, all pages."""
        return [each.id for each in self.customers.list(params).auto_paging_iter()]

    def clear(self) -> None:
        """Delete what was made."""
        for customer_id in self.made:
            try:
                self.customers.delete(customer_id)
            except stripe.InvalidRequestError:
                continue


class Clock:
    """The stand-in's time, which a test may move."""

    def __init__(self) -> None:
        """Start now."""
        self.offset = 0.0

    def time(self) -> float:
        """Give unix seconds."""
        return time.time() + self.offset


@pytest.fixture(scope="session")
def target() -> Iterator[Asked]:
    """Give Stripe, or the stand-in."""
    clock = Clock()
    if KEY:
        yield Asked(STRIPE, KEY, None, clock)
        return
    account = StripeAccount(clock=clock.time)
    with Server(stripe_app(account)) as server:
        yield Asked(server.url, account.add_key(), account, clock)


@pytest.fixture
def asked(target: Asked) -> Iterator[Asked]:
    """Ask, and leave nothing behind."""
    yield target
    target.clear()
    target.made.clear()


@pytest.fixture
def account(asked: Asked) -> Iterator[StripeAccount]:
    """Give the stand-in's inside, for faults that nobody can ask Stripe for."""
    if asked.account is None:
        pytest.skip("Stripe has no such fault on demand: only the stand-in can be asked")
    yield asked.account
    asked.account.faults.clear()


@pytest.fixture
def email() -> str:
    """Give an address that nobody has."""
    return f"contract-{uuid.uuid4().hex}@example.com"
