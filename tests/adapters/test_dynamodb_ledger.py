"""The ledger's conditional writes: on moto, on dynalite, and on the simulation's DynamoDB."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.e2e.dynalite import dynalite
from tests.fakes import FakeClock
from tests.simulation.dynamodb import Client, Table

from customerlink.adapters.aws_json import Aws, AwsRefusedError, AwsSilentError
from customerlink.adapters.boto3_dynamodb import Boto3DynamoDb
from customerlink.adapters.connections import Connections
from customerlink.adapters.dynamodb_ledger import DynamoDbLedger
from customerlink.errors import LedgerUnavailableError
from customerlink.instruction import Reason
from customerlink.ledger import (
    EMAIL_LOCK_SECONDS,
    RECORD_LEASE_SECONDS,
    SETTLED_SECONDS,
    Busy,
    Lease,
    Linked,
)
from customerlink.run import Run
from customerlink.user import CustomerId, Tenant, User, UserId
from sandbox.aws import CREDENTIALS, TABLE, aws, items

type Items = Callable[[], list[dict[str, object]]]

EMAIL = "Ada@Example.com"
CUSTOMER = CustomerId("cus_1")
NUMBERS = itertools.count()


class LossyClient:
    """A DynamoDB client whose next writes take effect but lose their answers, or fail."""

    def __init__(self, client: Any) -> None:
        """Wrap a client."""
        self._client = client
        self.troubles: list[Exception] = []
        self.lost = 0
        self.calls = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give the client's operation with the troubles before or after it."""

        def operation(**request: object) -> Any:
            self.calls += 1
            if self.troubles:
                raise self.troubles.pop(0)
            answer = getattr(self._client, name)(**request)
            if self.lost:
                self.lost -= 1
                raise AwsSilentError("TimeoutError")
            return answer

        return operation


class World:
    """Users, clocks and invocations over one table."""

    def __init__(self, client: Any, items: Items) -> None:
        """Start with a user of its own, so that tests share the table."""
        self.clock = FakeClock()
        self.user = User(Tenant("acme"), UserId(f"auth0|ledger-{next(NUMBERS)}"))
        self.client = LossyClient(client)
        self.items = items

    def invocation(self, owner: str | None = None) -> DynamoDbLedger:
        """Give the ledger as another invocation has it."""
        run = Run(self.clock, owner or f"owner-{next(NUMBERS)}")
        return DynamoDbLedger(self.client, TABLE, run)

    def record(self) -> dict[str, object]:
        """Give the user's item."""
        key = f"signup#acme#{self.user.user_id}"
        return next(each for each in self.items() if each["pk"] == key)

    def opened(self, email: str | None = EMAIL) -> tuple[DynamoDbLedger, Lease]:
        """Open the sign-up in a new invocation."""
        ledger = self.invocation()
        lease = ledger.open(self.user, email)
        assert isinstance(lease, Lease)
        return ledger, lease


def moto() -> Iterator[tuple[Any, Items]]:
    """Serve DynamoDB by moto, behind a lock, and ask it by boto3."""
    with aws({}) as cloud:
        yield Boto3DynamoDb(cloud.dynamodb), cloud.items


def second_opinion() -> Iterator[tuple[Any, Items]]:
    """Serve it by dynalite, and ask it by the client of a sign-up's."""
    with dynalite() as (url, client):
        account = Aws(Connections(url), {**CREDENTIALS, "AWS_ENDPOINT_URL": url})
        yield account.dynamodb(1, 5), lambda: items(client)


def simulated() -> Iterator[tuple[Any, Items]]:
    """Take the simulation's."""
    client = Client(Table())
    yield client, client.items


@pytest.fixture(
    scope="module", params=[moto, second_opinion, simulated], ids=lambda each: each.__name__
)
def backend(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Items]]:
    """Give each DynamoDB in turn."""
    yield from request.param()


@pytest.fixture
def world(backend: tuple[Any, Items]) -> World:
    """Give a world with a user of its own."""
    return World(*backend)


class TestOpen:
    """Taking the lease."""

    def test_new_user(self, world: World) -> None:
        """Intent before effect: the attempt and the address are in the ledger."""
        assert world.invocation().knows(world.user) is False
        _, lease = world.opened()

        assert (lease.epoch, lease.attempt) == (1, 1)
        assert lease.emails == {"ada@example.com"}
        assert lease.untried == "ada@example.com"
        record = world.record()
        assert record["state"] == "open"
        assert set(record["emails"]) == {"ada@example.com"}  # type: ignore[call-overload]
        assert world.invocation().knows(world.user) is True

    def test_held(self, world: World) -> None:
        """One invocation at a time."""
        world.opened()

        assert world.invocation().open(world.user, EMAIL) == Busy()

    def test_lease_ended(self, world: World) -> None:
        """The next one takes over under a higher epoch, and keeps the attempt."""
        world.opened()
        world.clock.sleep(RECORD_LEASE_SECONDS + 0.01)
        _, lease = world.opened("countess@example.com")

        assert (lease.epoch, lease.attempt) == (2, 1)
        assert lease.emails == {"ada@example.com", "countess@example.com"}
        assert lease.untried == "countess@example.com"

    def test_released(self, world: World) -> None:
        """No wait after a failure that was reported."""
        ledger, lease = world.opened()
        ledger.release(lease.trying())
        ledger, second = world.opened()

        assert (second.epoch, second.untried) == (2, None)

    def test_released_before_a_create(self, world: World) -> None:
        """The address is not kept."""
        ledger, lease = world.opened()
        ledger.release(lease)
        assert "emails" not in world.record()
        _, second = world.opened()

        assert (second.epoch, second.untried) == (2, EMAIL.lower())

    def test_linked(self, world: World) -> None:
        """The recorded link comes back, and the addresses are gone."""
        ledger, lease = world.opened()
        assert ledger.link(lease, CUSTOMER)

        assert world.invocation().open(world.user, EMAIL) == Linked(CUSTOMER, 1)
        assert "emails" not in world.record()

    def test_refused(self, world: World) -> None:
        """Opened again at the next login; an untried address is not kept."""
        ledger, lease = world.opened()
        ledger.refuse(lease, Reason.EMAIL_IN_USE)
        record = world.record()
        _, second = world.opened()

        assert (record["state"], record["reason"]) == ("refused", "email_in_use")
        assert "emails" not in record
        assert second.epoch == 2
        assert (lease.refused, second.refused) == (None, Reason.EMAIL_IN_USE)
        ledger.link(second, CUSTOMER)
        assert "reason" not in world.record()

    def test_refused_after_a_create(self, world: World) -> None:
        """An address that a create was sent with is kept until the link."""
        ledger, lease = world.opened()
        ledger.refuse(lease.trying(), Reason.EMAIL_IN_USE)
        _, second = world.opened("countess@example.com")

        assert "ada@example.com" in second.emails

    def test_without_address(self, world: World) -> None:
        """A user without one can be refused too."""
        ledger, lease = world.opened(None)

        assert lease.emails == frozenset()
        ledger.refuse(lease, Reason.EMAIL_MISSING)
        assert world.record()["reason"] == "email_missing"


class TestReopen:
    """When the recorded customer is gone."""

    def test_next_attempt(self, world: World) -> None:
        """A fresh key, as the old one would replay the deleted customer."""
        ledger, lease = world.opened()
        ledger.link(lease, CUSTOMER)
        world.clock.sleep(60)
        second = world.invocation().reopen(world.user, Linked(CUSTOMER, 1), EMAIL)

        assert isinstance(second, Lease)
        assert (second.epoch, second.attempt) == (2, 2)
        assert second.attempt_since == world.clock.now
        assert "customer_id" not in world.record()

    def test_only_once(self, world: World) -> None:
        """Two tabs that both saw it gone: one goes on."""
        ledger, lease = world.opened()
        ledger.link(lease, CUSTOMER)
        world.invocation().reopen(world.user, Linked(CUSTOMER, 1), EMAIL)

        assert world.invocation().reopen(world.user, Linked(CUSTOMER, 1), EMAIL) == Busy()

    def test_lost_answer(self, world: World) -> None:
        """The repetition finds its own lease."""
        ledger, lease = world.opened()
        ledger.link(lease, CUSTOMER)
        world.client.lost = 1
        second = world.invocation().reopen(world.user, Linked(CUSTOMER, 1), EMAIL)

        assert isinstance(second, Lease)
        assert (second.epoch, second.attempt) == (2, 2)


class TestZombie:
    """An invocation whose lease was taken over changes nothing."""

    @pytest.fixture
    def zombie(self, world: World) -> tuple[DynamoDbLedger, Lease]:
        """Give an invocation, and let another one take over."""
        ledger, lease = world.opened()
        world.clock.sleep(RECORD_LEASE_SECONDS + 0.01)
        world.opened()
        world.clock.now -= RECORD_LEASE_SECONDS  # its budget is not what is tested here
        return ledger, lease

    def test_no_write(self, world: World, zombie: tuple[DynamoDbLedger, Lease]) -> None:
        """Link, refusal, attempt and release are all conditional on the epoch."""
        ledger, lease = zombie
        before = world.record()

        assert not ledger.link(lease, CUSTOMER)
        ledger.refuse(lease, Reason.EMAIL_IN_USE)
        assert ledger.next_attempt(lease) == Busy()
        ledger.release(lease)
        assert world.record() == before

    def test_no_lock(self, world: World, zombie: tuple[DynamoDbLedger, Lease]) -> None:
        """It can neither take nor give back the lock of the one that took over."""
        ledger, lease = zombie
        world.invocation().lock_email(Lease(world.user, 2, 1, 0.0), EMAIL)

        assert not ledger.lock_email(lease, EMAIL)
        ledger.unlock_email(lease, EMAIL)
        other = Lease(User(Tenant("acme"), UserId("auth0|other")), 1, 1, 0.0)
        assert not world.invocation().lock_email(other, EMAIL)
        world.invocation().unlock_email(Lease(world.user, 2, 1, 0.0), EMAIL)


class TestNextAttempt:
    """Raising the attempt."""

    def test_raised(self, world: World) -> None:
        """In the ledger, before Stripe is called under it."""
        ledger, lease = world.opened()
        raised = ledger.next_attempt(lease)

        assert isinstance(raised, Lease)
        assert raised.attempt == 2
        assert raised.idempotency_key() != lease.idempotency_key()
        assert world.record()["attempt"] == "2"

    def test_lost_answer(self, world: World) -> None:
        """The repetition does not raise it twice."""
        ledger, lease = world.opened()
        world.client.lost = 1
        raised = ledger.next_attempt(lease)

        assert isinstance(raised, Lease)
        assert world.record()["attempt"] == "2"


class TestMismatch:
    """When the key was found to stand for other parameters."""

    def test_first_time_is_kept(self, world: World) -> None:
        """However often it is found again, until the attempt is raised."""
        ledger, lease = world.opened()
        found_at = world.clock.now
        ledger.release(lease.trying(), mismatched=True)
        world.clock.sleep(30)
        ledger, lease = world.opened()
        assert (lease.last_write, lease.mismatched_at) == (found_at, found_at)
        ledger.release(lease.trying(), mismatched=True)
        world.clock.sleep(30)
        ledger, lease = world.opened()

        assert (lease.last_write, lease.mismatched_at) == (found_at + 30, found_at)
        ledger.next_attempt(lease)
        assert "mismatched_at" not in world.record()


class TestWaitForAnEarlierCreate:
    """Its end is put off by nothing but another create."""

    @pytest.mark.parametrize("ending", ["release", "refuse"])
    def test_who_sends_nothing(self, world: World, ending: str) -> None:
        """However often: the wait goes on from the last invocation that may have sent one."""
        ledger, lease = world.opened()
        tried_at = world.clock.now
        ledger.release(lease.trying())
        for _ in range(3):
            world.clock.sleep(SETTLED_SECONDS / 3)
            ledger, lease = world.opened()
            assert lease.last_write == tried_at
            assert lease.has_create_under_way(world.clock.time())
            if ending == "release":
                ledger.release(lease)
            else:
                ledger.refuse(lease, Reason.EMAIL_IN_USE)
        world.clock.sleep(1)
        _, lease = world.opened()

        assert not lease.has_create_under_way(world.clock.time())

    def test_who_died(self, world: World) -> None:
        """May have sent one."""
        world.opened()
        opened_at = world.clock.now
        world.clock.sleep(RECORD_LEASE_SECONDS + 1)
        ledger, lease = world.opened()
        assert lease.last_write == opened_at
        ledger.release(lease)
        world.clock.sleep(SETTLED_SECONDS - RECORD_LEASE_SECONDS)
        _, lease = world.opened()

        assert not lease.has_create_under_way(world.clock.time())


class TestEmailLock:
    """The lock on an address."""

    def test_one_holder(self, world: World) -> None:
        """Whatever the letter case; free again when given back."""
        ledger, lease = world.opened()
        email = f"{world.user.user_id}@example.com"
        other = Lease(User(Tenant("acme"), UserId("auth0|other")), 1, 1, 0.0)

        assert ledger.lock_email(lease, email)
        assert not world.invocation().lock_email(other, email.upper())
        ledger.unlock_email(lease, email)
        assert world.invocation().lock_email(other, email)

    def test_ends_by_itself(self, world: World) -> None:
        """A crash frees it after its lease; TTL clears the item later."""
        ledger, lease = world.opened()
        email = f"{world.user.user_id}@example.com"
        ledger.lock_email(lease, email)
        other = Lease(User(Tenant("acme"), UserId("auth0|other")), 1, 1, 0.0)
        world.clock.sleep(EMAIL_LOCK_SECONDS + 0.01)

        assert world.invocation().lock_email(other, email)

    def test_holds_no_address(self, world: World) -> None:
        """Only a digest of it."""
        ledger, lease = world.opened()
        ledger.lock_email(lease, "secret@example.com")

        assert not any("secret@" in str(each) for each in world.items())


class TestClaim:
    """Who adopts a customer that names nobody."""

    def test_one_user_for_good(self, world: World) -> None:
        """The same user again, and no other, whatever became of the sign-up."""
        mine, lease = world.opened()
        customer = CustomerId(f"cus_{next(NUMBERS)}")
        other = replace(lease, user=replace(lease.user, user_id=UserId("auth0|other")))

        assert mine.claim(lease, customer)
        assert mine.claim(lease, customer)
        assert not mine.claim(other, customer)
        mine.release(lease)
        _, next_lease = world.opened()
        assert next_lease.adopting == customer

    def test_zombie(self, world: World) -> None:
        """Whoever lost the lease may not begin to adopt."""
        mine, lease = world.opened()
        mine.release(lease)
        world.opened()

        assert not mine.claim(lease, CustomerId(f"cus_{next(NUMBERS)}"))


class TestTrouble:
    """Lost answers and errors."""

    def test_lost_answer_to_open(self, world: World) -> None:
        """The repetition finds its own lease, not somebody else's."""
        world.client.lost = 1
        _, lease = world.opened()

        assert lease.epoch == 1
        assert lease.emails == {"ada@example.com"}
        assert lease.untried == "ada@example.com"
        assert not lease.has_create_under_way(world.clock.time())

    def test_lost_answer_to_open_again(self, world: World) -> None:
        """What an earlier invocation did is not known then, so its create may be under way."""
        ledger, first = world.opened()
        ledger.release(first)
        world.client.lost = 1
        _, lease = world.opened()

        assert (lease.epoch, lease.untried) == (2, None)
        assert lease.has_create_under_way(world.clock.time())

    def test_lost_answer_to_link(self, world: World) -> None:
        """The repetition finds its own link."""
        ledger, lease = world.opened()
        world.client.lost = 1

        assert ledger.link(lease, CUSTOMER)

    def test_lost_answer_to_refuse(self, world: World) -> None:
        """The repetition changes nothing more."""
        ledger, lease = world.opened()
        world.client.lost = 1
        ledger.refuse(lease, Reason.EMAIL_IN_USE)

        assert world.record()["state"] == "refused"

    def test_throttled(self, world: World) -> None:
        """Tried again."""
        world.client.troubles = [AwsRefusedError("ThrottlingException")] * 2
        world.opened()

        assert world.client.calls == 3

    def test_throttled_for_long(self, world: World) -> None:
        """Given up."""
        world.client.troubles = [AwsRefusedError("ThrottlingException")] * 9

        with pytest.raises(LedgerUnavailableError):
            world.invocation().open(world.user, EMAIL)

    def test_misconfigured(self, world: World) -> None:
        """What does not pass by itself is not tried again; the message names the code."""
        world.client.troubles = [AwsRefusedError("ResourceNotFoundException")]

        with pytest.raises(LedgerUnavailableError, match="DynamoDB answered ResourceNotFound"):
            world.invocation().open(world.user, EMAIL)
        assert world.client.calls == 1

    def test_no_time_left(self, world: World) -> None:
        """A call that could outlast the budget is not started."""
        ledger = world.invocation()
        world.clock.sleep(4.5)

        with pytest.raises(LedgerUnavailableError):
            ledger.open(world.user, EMAIL)
        assert world.client.calls == 0


def client_at(url: str) -> Boto3DynamoDb:
    """Give boto3's client of an address."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(connect_timeout=0.5, retries={"total_max_attempts": 1}),
    )
    return Boto3DynamoDb(client)


def test_nobody_listens(world: World) -> None:
    """A refused connection is an unavailable ledger."""
    ledger = DynamoDbLedger(client_at("http://127.0.0.1:9"), TABLE, Run(world.clock, "owner"))

    with pytest.raises(LedgerUnavailableError):
        ledger.knows(world.user)


def test_no_text_of_boto3s_goes_on() -> None:
    """Which may name what was asked for: only AWS's name for the error does, or its kind."""
    with aws({}) as cloud, pytest.raises(AwsRefusedError) as refused:
        client_at(cloud.url).get_item(TableName="ada@example.com", Key={"pk": {"S": "x"}})
    with pytest.raises(AwsSilentError) as silent:
        client_at("http://127.0.0.1:9").get_item(TableName="ada", Key={"pk": {"S": "x"}})

    assert str(refused.value) in ("ValidationException", "ResourceNotFoundException")
    assert str(silent.value) == "EndpointConnectionError"
