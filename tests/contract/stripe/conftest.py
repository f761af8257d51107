"""Whom the facts are asked of: the stand-in and two peers, or Stripe when a test key is given.

`STRIPE_TEST_KEY=rk_test_… make contract` asks Stripe; the key needs *Customers: Write*
and *Events: Read*.

Where a peer contradicts a fact, the test is marked `differs`, with the document that settles it; it
must then fail on that peer, so that a mark which is no longer true is found.
"""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import stripe
import urllib3
from tests.contract.stripe.peers import COMMANDS, peer

from sandbox.events import of_customer
from sandbox.serving import Server
from sandbox.stripe_account import StripeAccount
from sandbox.stripe_server import stripe_app

STRIPE = "https://api.stripe.com"
KEY = os.environ.get("STRIPE_TEST_KEY", "")
EVENT_SECONDS = 60
KINDS = ["customer.updated", "customer.deleted"]


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
        self._told: list[Any] = []
        if account:
            account.tell = lambda *change: self._told.append(of_customer(*change)["detail"])

    def with_key(self, key: str) -> Any:
        """Return the SDK's customers service for a key."""
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

    def create_later(self, **params: Any) -> Any:
        """Create a customer in a later second: `created` counts seconds, and lists sort by it."""
        if self.account:
            self.clock.offset += 1
        else:
            time.sleep(1.1)
        return self.create(**params)

    def create_under(self, key: str, **params: Any) -> Any:
        """Create under an idempotency key."""
        customer = self.customers.create(params, {"idempotency_key": key})
        self.made.append(customer.id)
        return customer

    def http(self, method: str, path: str, **fields: str) -> urllib3.BaseHTTPResponse:
        """Ask by plain HTTP, with fields in the query."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return self._pool.request(method, f"{self.base}{path}", fields=fields, headers=headers)

    def told(self, customer_id: str, number: int) -> list[Any]:
        """Return so many events of a customer, the oldest first; the peers tell of nothing.

        Stripe's are read from its Events API, for which the key needs *Events: Read*.
        """
        if self.base != STRIPE:
            return _of(customer_id, self._told)
        for _ in range(EVENT_SECONDS):
            found = self.http("GET", "/v1/events", limit="100").json()["data"]
            told = _of(customer_id, found)
            if len(told) >= number:
                break
            time.sleep(1)
        return sorted(told, key=lambda each: (each["created"], KINDS.index(each["type"])))

    def listed(self, **params: Any) -> list[str]:
        """Return the ids that a list shows, all pages."""
        return [each.id for each in self.customers.list(params).auto_paging_iter()]

    def clear(self) -> None:
        """Delete what was made."""
        for customer_id in self.made:
            try:
                self.customers.delete(customer_id)
            except stripe.StripeError:
                continue


def _of(customer_id: str, told: list[Any]) -> list[Any]:
    """Return what is told of a customer after it was made."""
    of_it = (each for each in told if each["type"] in KINDS)
    return [each for each in of_it if each["data"]["object"]["id"] == customer_id]


class Clock:
    """The stand-in's time, which a test may move."""

    def __init__(self) -> None:
        """Start now."""
        self.offset = 0.0

    def time(self) -> float:
        """Return unix seconds."""
        return time.time() + self.offset


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask the peers too, but for what needs the stand-in's inside, and for events."""
    if "target" in metafunc.fixturenames:
        alone = {"account", "telling"} & {*metafunc.fixturenames}
        peers = [] if alone else [*COMMANDS]
        metafunc.parametrize("target", ["Stripe"] if KEY else ["stand-in", *peers], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect a test to fail on the peers that are known to differ."""
    for item in items:
        for mark in item.iter_markers("differs"):
            name, what = mark.args
            asked = getattr(item, "callspec", None)
            if asked and asked.params.get("target") == name:
                reason = f"{what}; settled by {mark.kwargs['settled_by']}"
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.fixture(scope="session")
def targets() -> Iterator[dict[str, Asked]]:
    """Keep whom was asked once running until the end."""
    with ExitStack() as running:
        yield _Targets(running)


class _Targets(dict[str, Asked]):
    def __init__(self, running: ExitStack) -> None:
        super().__init__()
        self._running = running

    def __missing__(self, name: str) -> Asked:
        clock = Clock()
        if name == "Stripe":
            self[name] = Asked(STRIPE, KEY, None, clock)
        elif name == "stand-in":
            account = StripeAccount(clock=clock.time)
            url = self._running.enter_context(Server(stripe_app(account))).url
            self[name] = Asked(url, account.add_key(), account, clock)
        else:
            unrestricted = "sk_test_" + "0" * 24
            self[name] = Asked(self._running.enter_context(peer(name)), unrestricted, None, clock)
        return self[name]


@pytest.fixture
def target(request: pytest.FixtureRequest, targets: dict[str, Asked]) -> Asked:
    """Return Stripe, the stand-in or a peer."""
    return targets[request.param]


@pytest.fixture
def asked(target: Asked) -> Iterator[Asked]:
    """Ask, and leave nothing behind."""
    yield target
    target.clear()
    target.made.clear()


@pytest.fixture
def account(asked: Asked) -> Iterator[StripeAccount]:
    """Return the stand-in's inside, for faults that nobody can ask Stripe for."""
    if asked.account is None:
        pytest.skip("Stripe has no such fault on demand: only the stand-in can be asked")
    yield asked.account
    asked.account.faults.clear()


@pytest.fixture
def telling(asked: Asked) -> Asked:
    """Return whom can be asked what happened: the peers tell of nothing."""
    return asked


@pytest.fixture
def email() -> str:
    """Return an address that nobody has."""
    return f"contract-{uuid.uuid4().hex}@example.com"
