"""The outside, as an invocation meets it: Stripe, DynamoDB and the secret, on virtual time.

Each call is a task of its own on the server's side, so a client that gave up does not stop it.
"""

import json
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, Protocol

import stripe
from tests.simulation import faults
from tests.simulation.dynamodb import Table
from tests.simulation.faults import Faults
from tests.simulation.scheduler import Scheduler, Task

from customerlink.adapters.aws.aws_json import AwsRefusedError, AwsSilentError
from customerlink.adapters.dynamodb.table import CALL_SECONDS, READ_SECONDS
from customerlink.adapters.stripe.customers import StripeCustomers
from customerlink.adapters.stripe.http_client import TRY_SECONDS, WORTHWHILE_SECONDS, NotSentError
from customerlink.adapters.stripe.synced_customers import SyncedStripeCustomers
from customerlink.adapters.token_bucket import Unlimited
from customerlink.model.keys import StripeKey
from customerlink.model.policy import Policy
from customerlink.model.rates import Endpoint
from customerlink.ports.rate import RateLimiter, Rates
from customerlink.ports.run import Run
from sandbox.stripe_account import StripeAccount, StripeFailure

type Body = dict[str, Any]
type Bodies = list[Body]

EPOCH = 1_795_000_000.0
LATEST_EFFECT_SECONDS = 59.0
"""How long after it was sent Stripe may still carry out a create, and takes a moment for it."""


class World:
    """What all invocations of a history share."""

    def __init__(self, scheduler: Scheduler, trouble: Faults, rng: Any) -> None:
        """Start with empty services and a first key."""
        self.scheduler = scheduler
        self.faults = trouble
        self.rng = rng
        self.table = Table()
        self.stripe = StripeAccount(clock=lambda: EPOCH + scheduler.now)
        self.keys = [StripeKey("rk_test_0")]
        self.cached_key = self.keys[0]
        self.log: list[str] = []
        self.policy = Policy()
        self.subscribed: set[str] = set()
        """Customers that have a subscription."""
        self.lag = 0.0
        """How far behind Stripe's list may be, in seconds."""
        self.sent = 0.0
        """When the update was sent that takes effect now."""
        self.throttled: dict[str, float] = {}
        """Items of which every write is refused, and until when."""
        self.troubled: set[str] = set()
        """The invocations that the ledger did not answer once."""
        self._changes: list[tuple[float, str, dict[str, Any] | None]] = []
        self.on_created: Callable[[dict[str, Any]], None] = lambda _: None
        self.on_updated: Callable[[dict[str, Any], dict[str, Any]], None] = lambda *_: None
        self.on_written: Callable[[str, str | None, dict[str, Any]], None] = lambda *_: None
        self.on_called: Callable[[str, str], None] = lambda *_: None
        self.on_changed: Callable[[Body, Body | None, object], None] = lambda *_: None
        """A customer before and after, or deleted; and whose doing it was."""
        self._customers = 0

    def tell(self, text: str) -> None:
        """Write a line of the history."""
        self.log.append(f"{self.scheduler.now:10.3f}  {text}")

    def rotate_key(self) -> None:
        """Replace the key in the secret; Stripe takes the new one only."""
        self.keys.append(StripeKey(f"rk_test_{len(self.keys)}"))
        self.tell("the Stripe key is rotated")

    def key_of_a_warm_function(self) -> StripeKey:
        """Return the cached key, which may be a stale one."""
        if self.rng.random() < 0.5:
            self.cached_key = self.keys[-1]
        return self.cached_key

    def give_way(self, longest: float = 0.02, share: float = 1.0) -> None:
        """Let others run; this invocation may crash or freeze here."""
        fault = self.faults.draw(faults.INVOCATION, share=0.3 * share)
        if fault == "crash":
            self.tell("  the invocation crashes")
            self.scheduler.kill()
        if fault == "freeze":
            seconds = self.rng.uniform(5, 120)
            self.tell(f"  the invocation freezes for {seconds:.0f} s")
            self.scheduler.sleep(seconds)
        self.scheduler.sleep(self.rng.uniform(0.0005, longest))

    def create(self, params: dict[str, Any], *, by_person: bool = False) -> dict[str, Any]:
        """Create a customer with the next id; what a person does is not judged."""
        self._customers += 1
        customer = self.stripe.create(params, f"cus_{self._customers}")
        if self.scheduler.now:
            self._changes.append((self.scheduler.now, customer["id"], None))
        if not by_person:
            self.on_created(customer)
        return customer

    def update(
        self,
        customer_id: str,
        params: dict[str, Any],
        *,
        by_person: bool = False,
        by: object = None,
    ) -> dict[str, Any]:
        """Update a customer; `by` is the invocation whose write is watched by itself."""
        before = self.stripe.retrieve(customer_id)
        after = self.stripe.update(customer_id, params)
        self._changes.append((self.scheduler.now, customer_id, before))
        if not by_person:
            self.on_updated(before, after)
        self.on_changed(before, after, "a person" if by_person else by)
        return after

    def delete(self, customer_id: str, *, by: object = "a person") -> None:
        """Delete one."""
        before = self.stripe.retrieve(customer_id)
        self.stripe.delete(customer_id)
        self._changes.append((self.scheduler.now, customer_id, before))
        self.on_changed(before, None, by)

    def list(self, email: str) -> list[dict[str, Any]]:
        """List the customers with an address, as they were up to `lag` seconds ago."""
        shown = {each["id"]: each for each in self.stripe.live_customers()}
        since = self.scheduler.now - (self.rng.uniform(0, self.lag) if self.lag else 0)
        for moment, customer_id, before in reversed(self._changes):
            if moment <= since:
                break
            shown |= {customer_id: before} if before else {}
            if before is None:
                shown.pop(customer_id, None)
        return [each for each in shown.values() if each["email"] == email]


class SimulatedClock:
    """An invocation's clock: the wall clock is off by its skew."""

    def __init__(self, world: World) -> None:
        """Draw a skew of up to two seconds."""
        self._scheduler = world.scheduler
        self._skew = world.rng.uniform(-2, 2)

    def time(self) -> float:
        """Return unix seconds."""
        now: float = EPOCH + self._scheduler.now + self._skew
        return now

    def monotonic(self) -> float:
        """Return seconds."""
        return self._scheduler.now

    def sleep(self, seconds: float, /) -> None:
        """Let others run."""
        self._scheduler.sleep(seconds)


class SimulatedDynamoDb:
    """A boto3 client over the table."""

    def __init__(self, world: World, owner: str) -> None:
        """Speak to the world's table for an invocation."""
        self._world, self._owner = world, owner

    def get_item(self, **request: Any) -> Any:
        """Read."""
        return self._call(self._world.table.get_item, request)

    def update_item(self, **request: Any) -> Any:
        """Write."""

        def write(request: Any) -> Any:
            answer = self._world.table.update_item(request)
            epoch = request["ExpressionAttributeValues"].get(":epoch", {}).get("N")
            self._world.on_written(request["Key"]["pk"]["S"], epoch, answer["Attributes"])
            return answer

        return self._call(write, request)

    def delete_item(self, **request: Any) -> Any:
        """Delete."""
        return self._call(self._world.table.delete_item, request)

    def _call(self, operation: Callable[[Any], Any], request: Any) -> Any:
        world = self._world
        fault = world.faults.draw(faults.DYNAMODB)
        world.give_way(0.005)
        key = request["Key"]["pk"]["S"]
        world.on_called(self._owner, key)
        if fault == "one item throttled":
            world.throttled[key] = world.scheduler.now + world.rng.uniform(0.1, 10)
        if "UpdateExpression" in request and world.throttled.get(key, 0) > world.scheduler.now:
            fault = "throttled"
        if fault is not None:
            self._fail(fault, lambda: operation(request))
        server = world.scheduler.spawn(lambda: operation(request))
        world.scheduler.wait(server, CALL_SECONDS)
        world.give_way(0.005)
        return server.outcome()

    def _fail(self, fault: str, effect: Callable[[], Any]) -> None:
        world = self._world
        world.troubled.add(self._owner)
        world.tell(f"  DynamoDB: {fault}")
        if fault == "throttled":
            raise AwsRefusedError("ThrottlingException")
        if fault == "answer lost after the write":
            world.scheduler.spawn(effect)
        if fault == "write long after the time-out":
            world.scheduler.spawn(effect, world.rng.uniform(READ_SECONDS, 90))
        world.scheduler.sleep(READ_SECONDS)
        raise AwsSilentError("TimeoutError")


class _OverWorld:
    """An adapter's requests, going to the simulated Stripe."""

    _world: World
    _run: Run

    def _client_with(self, key: StripeKey) -> Any:
        return SimpleNamespace(v1=SimpleNamespace(customers=_Api(self._world, key, self._run)))

    def _refreshed(self, rejected: StripeKey) -> StripeKey | None:
        self._world.give_way()
        if self._world.faults.draw(faults.SECRETS) is not None:
            return None
        self._world.cached_key = self._world.keys[-1]
        return None if self._world.cached_key == rejected else self._world.cached_key


class SimulatedCustomers(_OverWorld, StripeCustomers):
    """The real adapter, with its client's requests going to the simulated Stripe."""

    def __init__(self, world: World, run: Run) -> None:
        """Start with the key of a warm function."""
        self._world = world
        pool: Any = None
        super().__init__(pool, "", world.key_of_a_warm_function(), self._refreshed, run)


class Turns(RateLimiter, Rates):
    """The pace that all reconciliations share: now and then somebody waits for a turn."""

    def __init__(self, world: World) -> None:
        """Wait by the world's clock."""
        self._world = world

    def of(self, _endpoint: Endpoint) -> RateLimiter:
        """Be one for all."""
        return self

    def take(self) -> None:
        """Wait, some seconds at the most."""
        if self._world.rng.random() < 0.05:
            self._world.scheduler.sleep(self._world.rng.uniform(0, 3))

    def pause(self, seconds: float) -> None:
        """Let the others wait, who may do so anyway."""

    def slow(self) -> None:
        """Likewise."""


class Watcher(Protocol):
    """A reconciliation, as the oracle follows it."""

    is_foreign: bool
    """Whether its key is another account's."""

    def called(self, name: str, target: str, params: Mapping[str, Any] | None = None) -> None:
        """Note that it makes a call."""
        ...

    def looked(self, body: Body, moment: float) -> None:
        """Note that it has Stripe's answer of a customer, and of when that was true."""
        ...


class SimulatedSyncedCustomers(_OverWorld, SyncedStripeCustomers):
    """Likewise, with the customers' fields; the key may be another account's."""

    def __init__(self, world: World, run: Run, watcher: Watcher) -> None:
        """Start with the key of a warm function."""
        self._world, self._watcher = world, watcher
        pool: Any = None
        key = world.key_of_a_warm_function()
        super().__init__(pool, "", key, self._refreshed, run, rates=Unlimited())

    def _client_with(self, key: StripeKey) -> Any:
        api = _ForeignApi if self._watcher.is_foreign else _Api
        customers = api(self._world, key, self._run, self._watcher)
        subscriptions = _Subscriptions(customers)
        return SimpleNamespace(v1=SimpleNamespace(customers=customers, subscriptions=subscriptions))


class _Api:
    """`client.v1.customers`: four calls, each with its faults."""

    def __init__(
        self, world: World, key: StripeKey, run: Run, watcher: Watcher | None = None
    ) -> None:
        self._world = world
        self._key = key
        self._run = run
        self._watcher = watcher

    def list(self, params: dict[str, Any]) -> Any:
        """List by email."""
        self._note("list", params["email"])
        listed, _ = self._call(lambda _: (self._listed(params["email"]), False))
        customers = [_object(each) for each in listed]
        return SimpleNamespace(object="list", last_response=None, has_more=False, data=customers)

    def retrieve(self, customer_id: str) -> Any:
        """Retrieve."""
        self._note("look", customer_id)

        def shown(_: str | None) -> tuple[tuple[Body, float], bool]:
            return (self._retrieved(customer_id), self._world.scheduler.now), False

        (body, moment), _ = self._call(shown)
        if self._watcher is not None:
            self._watcher.looked(body, moment)
        return _object(body)

    def update(self, customer_id: str, params: dict[str, Any], options: dict[str, str]) -> Any:
        """Update under an idempotency key: one that lands late, after another try, is replayed."""
        self._note("update", customer_id, params)
        # Sync's few writes are what its guards are for.
        share = 1.0 if self._watcher is None else 4.0
        sent = self._world.scheduler.now

        def changed(_: str | None) -> tuple[Body, bool]:
            self._world.sent = sent
            return self._updated_once(options["idempotency_key"], customer_id, params)

        body, replayed = self._call(changed, share)
        return _object(body, replayed=replayed)

    def delete(self, customer_id: str) -> Any:
        """Delete for good."""
        self._note("delete", customer_id)
        body, _ = self._call(lambda _: (self._deleted(customer_id), False))
        return _object(body)

    def subscriptions(self, customer_id: str) -> Any:
        """List what has not ended."""
        self._note("subscriptions", customer_id)
        found, _ = self._call(lambda _: (customer_id in self._world.subscribed, False))
        data = [SimpleNamespace(status="active")] if found else []
        return SimpleNamespace(object="list", last_response=None, has_more=False, data=data)

    def create(self, params: dict[str, Any], options: dict[str, str]) -> Any:
        """Create under an idempotency key."""
        self._note("create", "", params)
        key = options["idempotency_key"]
        body, replayed = self._call(lambda fault: self._keyed(key, params, fault))
        return _object(body, replayed=replayed)

    def _note(self, name: str, target: str, params: Mapping[str, Any] | None = None) -> None:
        if self._watcher is not None:
            self._watcher.called(name, target, params)

    def _listed(self, email: str) -> Bodies:
        return self._world.list(email)

    def _retrieved(self, customer_id: str) -> Body:
        return self._world.stripe.retrieve(customer_id)

    def _deleted(self, customer_id: str) -> Body:
        self._world.delete(customer_id, by=self._watcher)
        return {"id": customer_id, "deleted": True}

    def _updated(self, customer_id: str, params: Body) -> Body:
        return self._world.update(customer_id, params, by=self._watcher)

    def _updated_once(self, key: str, customer_id: str, params: Body) -> tuple[Body, bool]:
        account = self._world.stripe
        path = f"/v1/customers/{customer_id}"
        saved = account.begin(key, path, json.dumps(params, sort_keys=True))
        if saved is not None:
            return saved[1], True
        try:
            body = self._updated(customer_id, params)
        except StripeFailure:
            account.abandon(key)
            raise
        account.finish(key, 200, body)
        return body, False

    def _keyed(self, key: str, params: dict[str, Any], fault: str | None) -> tuple[Any, bool]:
        """Carry out a create in Stripe's order: the saved answer, or the work and its saving."""
        account = self._world.stripe
        try:
            saved = account.begin(key, "/v1/customers", json.dumps(params, sort_keys=True))
        except StripeFailure as failure:
            self._world.faults.counts[f"{failure.status} {failure.code or failure.type}"] += 1
            raise _error(failure) from None
        if saved is not None:
            status, body = saved
            if status >= 500:
                raise _error(StripeFailure(status, "api_error", ""), replayed=True)
            return body, True
        longest = {"slow": 8.0, "long in flight": LATEST_EFFECT_SECONDS}.get(fault or "", 0.2)
        self._world.scheduler.sleep(self._world.rng.uniform(0.001, longest))
        if fault == "500 saved, no effect":
            account.finish(key, 500, {})
            raise _error(StripeFailure(500, "api_error", ""))
        try:
            body = self._world.create(params)
        except StripeFailure as failure:
            account.abandon(key)
            raise _error(failure) from None
        if fault == "500 saved, with effect":
            account.finish(key, 500, {})
            raise _error(StripeFailure(500, "api_error", ""))
        account.finish(key, 200, body)
        return body, False

    def _call(
        self, work: Callable[[str | None], tuple[Any, bool]], share: float = 1.0
    ) -> tuple[Any, bool]:
        """Make a request with the time-out that `BudgetedHTTPClient` would give it."""
        world = self._world
        world.give_way()
        seconds = min(self._run.deadline.remaining_for_stripe(), TRY_SECONDS)
        if seconds < WORTHWHILE_SECONDS:
            raise NotSentError("")  # type: ignore[no-untyped-call]
        fault = world.faults.draw(faults.STRIPE, share)
        if fault is not None:
            world.tell(f"  Stripe: {fault}")
        end = world.scheduler.now + seconds
        if fault in _AT_ONCE:
            failure = _AT_ONCE[fault]()
            raise failure
        server = self._server(work, fault, seconds)
        if fault in ("dropped before the effect", "dropped after the effect"):
            world.scheduler.sleep(world.rng.uniform(0.05, 0.5))
            raise stripe.APIConnectionError("")  # type: ignore[no-untyped-call]
        left = end - world.scheduler.now
        lost = fault in ("time-out before the effect", "time-out after the effect")
        if lost or server is None or not world.scheduler.wait(server, left):
            world.scheduler.sleep(max(0.0, end - world.scheduler.now))
            raise stripe.APIConnectionError("")  # type: ignore[no-untyped-call]
        world.give_way(share=share)
        result: tuple[Any, bool] = server.outcome()
        return result

    def _server(
        self,
        work: Callable[[str | None], tuple[Any, bool]],
        fault: str | None,
        seconds: float,
    ) -> Task | None:
        """Start the server's side of a request, some time after it was sent."""
        rng = self._world.rng
        delay = rng.uniform(0.01, 0.15)
        if fault == "effect long after the time-out":
            delay = rng.uniform(seconds, LATEST_EFFECT_SECONDS)
        if fault in ("time-out before the effect", "dropped before the effect"):
            return None
        return self._world.scheduler.spawn(lambda: self._served(work, fault), delay)

    def _served(self, work: Callable[[str | None], tuple[Any, bool]], fault: str | None) -> Any:
        if self._key != self._world.keys[-1]:
            raise _error(StripeFailure(401, "invalid_request_error", ""))
        try:
            return work(fault)
        except StripeFailure as failure:
            raise _error(failure) from None


class _ForeignApi(_Api):
    """The calls with another account's key: there is nobody that one asks for."""

    def _listed(self, email: str) -> Bodies:  # noqa: ARG002 (the parent's signature)
        return []

    def _retrieved(self, customer_id: str) -> Body:
        raise _unknown(customer_id)

    def _updated(self, customer_id: str, params: Body) -> Body:  # noqa: ARG002 (likewise)
        raise _unknown(customer_id)

    def _deleted(self, customer_id: str) -> Body:
        raise _unknown(customer_id)

    def _keyed(self, *_: Any) -> tuple[Any, bool]:
        raise AssertionError("a customer is made in another account")


class _Subscriptions:
    """`client.v1.subscriptions`."""

    def __init__(self, api: _Api) -> None:
        self._api = api

    def list(self, params: dict[str, Any]) -> Any:
        """List a customer's."""
        return self._api.subscriptions(params["customer"])


def _unknown(customer_id: str) -> StripeFailure:
    text = f"No such customer: '{customer_id}'"
    return StripeFailure(404, "invalid_request_error", text, "resource_missing", "id")


def _object(body: dict[str, Any], *, replayed: bool = False) -> Any:
    headers = {"idempotent-replayed": "true"} if replayed else {}
    metadata = body.get("metadata", {})
    return SimpleNamespace(
        object="customer",
        id=body["id"],
        email=body.get("email"),
        deleted=body.get("deleted", False),
        created=body.get("created", 0),
        metadata=SimpleNamespace(to_dict=lambda: metadata),
        to_dict=lambda: body,
        last_response=SimpleNamespace(request_id=None, headers=headers),
    )


def _error(failure: StripeFailure, *, replayed: bool = False) -> stripe.StripeError:
    """Return the exception that the SDK raises for an error answer."""
    headers = {"idempotent-replayed": "true"} if replayed else {}
    status, message = failure.status, failure.message
    if failure.status == 401:
        return stripe.AuthenticationError(message, None, status, None, headers)
    if failure.status == 429:
        return stripe.RateLimitError(message, None, status, None, headers)
    if failure.status == 400 and failure.type == "idempotency_error":
        return stripe.IdempotencyError(message, None, status, None, headers)
    if failure.status in (400, 404):
        return stripe.InvalidRequestError(  # type: ignore[no-untyped-call]
            message,
            failure.param,
            failure.code,
            None,
            status,
            None,
            headers,
        )
    return stripe.APIError(message, None, status, None, headers)


_AT_ONCE: dict[str, Callable[[], Exception]] = {
    "refused connection": lambda: NotSentError(""),  # type: ignore[no-untyped-call]
    "429": lambda: _error(StripeFailure(429, "invalid_request_error", "", "rate_limit")),
    "503": lambda: _error(StripeFailure(503, "api_error", "")),
}
"""Faults that end a request before it is carried out."""
