"""The ledger's conditional writes: on moto, on dynalite, and on the simulation's DynamoDB."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.e2e.dynalite import dynalite
from tests.fakes import NOW, FakeClock
from tests.simulation.dynamodb import Client, Table

from customerlink.adapters.aws.aws_json import Aws, AwsRefusedError, AwsSilentError
from customerlink.adapters.connections import Connections
from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger, Installation
from customerlink.adapters.dynamodb.table import CALL_SECONDS, CONNECT_SECONDS, READ_SECONDS
from customerlink.model.customer import NewCustomer
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import (
    EMAIL_LOCK_SECONDS,
    RECORD_LEASE_SECONDS,
    SETTLED_SECONDS,
    Adoption,
    Busy,
    Lease,
    Linked,
    Lock,
)
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, Tenant, User, UserId
from customerlink.ports.deadline import LEDGER_RESERVE_SECONDS, SIGN_UP_SECONDS
from customerlink.ports.run import Run
from sandbox.aws import CREDENTIALS, TABLE, aws, items

type Items = Callable[[], list[dict[str, object]]]

EMAIL = "Ada@Example.com"
CUSTOMER = CustomerId("cus_1")
NUMBERS = itertools.count()
OTHER = User(Tenant("acme"), UserId("auth0|other"))
OTHERS_LEASE = Lease(OTHER, 1, 1, 0.0)


class LossyClient:
    """A DynamoDB client whose next writes take effect but lose their answers, or fail."""

    def __init__(self, client: Any, clock: FakeClock) -> None:
        """Wrap a client."""
        self._client = client
        self._clock = clock
        self.troubles: list[Exception] = []
        self.lost = 0
        self.wait = 0.0
        """Seconds until a client notices that an answer is lost."""
        self.calls = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return the client's operation with the troubles before or after it."""

        def operation(**request: object) -> Any:
            self.calls += 1
            if self.troubles:
                raise self.troubles.pop(0)
            answer = getattr(self._client, name)(**request)
            if self.lost:
                self.lost -= 1
                self._clock.sleep(self.wait)
                raise AwsSilentError("TimeoutError")
            return answer

        return operation


class World:
    """Users, clocks and invocations over one table."""

    def __init__(self, client: Any, items: Items) -> None:
        """Start with a user of its own, so that tests share the table."""
        self.clock = FakeClock()
        self.user = User(Tenant("acme"), UserId(f"auth0|ledger-{next(NUMBERS)}"))
        self.client = LossyClient(client, self.clock)
        self.items = items

    def invocation(
        self, owner: str | None = None, installation: Installation | None = None
    ) -> DynamoDbLedger:
        """Return the ledger as another invocation has it."""
        run = Run(self.clock, owner or f"owner-{next(NUMBERS)}")
        return DynamoDbLedger(self.client, TABLE, run, installation)

    def create(self, email: str = EMAIL, name: str = "Ada") -> NewCustomer:
        """Return what would be created for the user."""
        return NewCustomer.of(SignUp(self.user, 1, name=name), email)

    def record(self) -> dict[str, object]:
        """Return the user's item."""
        return next(each for each in self.items() if each["pk"] == self.key())

    def has_item(self) -> bool:
        """Return whether the user has an item."""
        return any(each["pk"] == self.key() for each in self.items())

    def key(self) -> str:
        """Return its key."""
        return f"signup#acme#{self.user.user_id}"

    def opened(
        self, email: str | None = EMAIL, *, name: str = "Ada", admission: bool = True
    ) -> tuple[DynamoDbLedger, Lease]:
        """Open the sign-up in a new invocation."""
        ledger = self.invocation()
        create = self.create(email, name) if email else None
        lease = ledger.open(self.user, create, admission=admission)
        assert isinstance(lease, Lease)
        return ledger, lease

    def has_record(self) -> bool:
        """Ask in a new invocation."""
        return self.invocation().has_record(self.user)

    def had_release_0_1(self, **attributes: Any) -> None:
        """Leave the record that release 0.1 would have left."""
        given = {"epoch": {"N": "1"}, "attempt": {"N": "1"}, **attributes}
        given["updated_at"] = given["attempt_since"] = {"N": f"{self.clock.now:.3f}"}
        self.client.update_item(
            TableName=TABLE,
            Key={"pk": {"S": self.key()}},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in given),
            ExpressionAttributeNames={f"#{name}": name for name in given},
            ExpressionAttributeValues={f":{name}": value for name, value in given.items()},
        )


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
    """Return each DynamoDB in turn."""
    yield from request.param()


@pytest.fixture
def world(backend: tuple[Any, Items]) -> World:
    """Return a world with a user of its own."""
    return World(*backend)


class TestInstallation:
    """Since when the deployment has been asked."""

    @pytest.fixture(autouse=True)
    def fresh(self, world: World) -> None:
        """Forget what earlier tests noted."""
        world.client.delete_item(TableName=TABLE, Key={"pk": {"S": "installation"}})

    def test_first_call_notes(self, world: World) -> None:
        """Every later one, of whatever invocation, reads the same."""
        first = world.clock.now
        ledger = world.invocation()
        assert ledger.installed_at() == first
        world.clock.sleep(3600)

        assert ledger.installed_at() == first
        assert world.invocation().installed_at() == first

    def test_kept_by_a_warm_function(self, world: World) -> None:
        """It is asked for once."""
        warm = Installation()
        first = world.invocation(installation=warm).installed_at()
        world.client.calls = 0
        world.clock.sleep(3600)

        assert world.invocation(installation=warm).installed_at() == first
        assert world.client.calls == 0

    def test_lost_answer(self, world: World) -> None:
        """The repetition reads what the first try noted."""
        first = world.clock.now
        world.client.lost = 1

        assert world.invocation().installed_at() == first

    def test_what_is_not_known_is_not_kept(self, world: World) -> None:
        """The next invocation asks again."""
        warm = Installation()
        world.client.troubles = [AwsSilentError("TimeoutError")] * 9
        with pytest.raises(LedgerUnavailableError):
            world.invocation(installation=warm).installed_at()
        world.client.troubles = []
        world.clock.now = NOW + 60

        assert world.invocation(installation=warm).installed_at() == NOW + 60


class TestIsKnown:
    """Whether a login takes notice of a record."""

    def test_no_record(self, world: World) -> None:
        """There is nothing to take notice of."""
        assert not world.has_record()

    def test_opened_by_an_admission(self, world: World) -> None:
        """Whatever became of the invocation."""
        ledger, lease = world.opened()
        assert world.has_record()
        ledger.release(lease)

        assert world.has_record()

    def test_refused_by_an_admission(self, world: World) -> None:
        """A denied user's next login is a sign-up, even where Auth0 lost the marker."""
        ledger, lease = world.opened()
        ledger.refuse(lease, Reason.EMAIL_IN_USE)

        assert world.has_record()

    def test_linked(self, world: World) -> None:
        """Whoever opened it: the profile should carry the link."""
        ledger, lease = world.opened(admission=False)
        ledger.link(lease, CUSTOMER)

        assert world.has_record()

    def test_linked_customer_is_gone(self, world: World) -> None:
        """A login goes on taking notice, whoever opens the record again."""
        ledger, lease = world.opened(admission=False)
        ledger.link(lease, CUSTOMER)
        ledger = world.invocation()
        second = ledger.reopen(world.user, Linked(CUSTOMER, 1), world.create())
        assert world.has_record()
        assert isinstance(second, Lease)
        ledger.close(second)

        assert world.has_record()

    def test_linked_customer_is_gone_and_nobody_finished(self, world: World) -> None:
        """However many tried since, without the person."""
        ledger, lease = world.opened(admission=False)
        ledger.link(lease, CUSTOMER)
        world.invocation().reopen(world.user, Linked(CUSTOMER, 1), world.create())
        world.clock.sleep(RECORD_LEASE_SECONDS + 1)
        world.opened(admission=False)

        assert world.has_record()

    @pytest.mark.parametrize("ending", ["none", "release", "close"])
    def test_without_the_person(self, world: World, ending: str) -> None:
        """A login goes on as if nobody had opened it."""
        ledger, lease = world.opened(admission=False)
        if ending != "none":
            getattr(ledger, ending)(lease)

        assert not world.has_record()

    @pytest.mark.parametrize("ending", ["none", "release", "close"])
    def test_after_an_admission(self, world: World, ending: str) -> None:
        """What runs without the person later does not undo that a login began."""
        ledger, lease = world.opened()
        ledger.release(lease)
        ledger, lease = world.opened(admission=False)
        if ending != "none":
            getattr(ledger, ending)(lease)

        assert world.has_record()

    def test_before_an_admission(self, world: World) -> None:
        """A login makes the record one of its own."""
        ledger, lease = world.opened(admission=False)
        ledger.close(lease)
        ledger, lease = world.opened()
        assert lease.admitted
        ledger.release(lease)

        assert world.has_record()

    @pytest.mark.parametrize("state", ["open", "refused", "linked"])
    def test_of_release_0_1(self, world: World, state: str) -> None:
        """It had nothing but admissions."""
        world.had_release_0_1(state={"S": state}, lease_until={"N": "0"})

        assert world.has_record()

    def test_of_release_0_1_and_closed_since(self, world: World) -> None:
        """It stays an admission's."""
        world.had_release_0_1(state={"S": "open"}, lease_until={"N": "0"})
        ledger, lease = world.opened(admission=False)
        assert lease.admitted
        ledger.close(lease)

        assert world.has_record()

    def test_opened_by_an_admission_in_a_record_of_anothers(self, world: World) -> None:
        """Whatever becomes of the invocation."""
        ledger, lease = world.opened(admission=False)
        ledger.close(lease.sending())
        assert not world.has_record()
        world.opened()

        assert world.has_record()

    def test_refused_by_release_0_1_in_a_record_of_anothers(self, world: World) -> None:
        """A deployment may go back to it for a while: it writes the reason alone."""
        world.had_release_0_1(
            state={"S": "refused"}, reason={"S": "email_in_use"}, admitted={"BOOL": False}
        )

        assert world.has_record()


class TestOpen:
    """Taking the lease."""

    def test_new_user(self, world: World) -> None:
        """Intent before effect: the attempt and what is to be created are in the ledger."""
        _, lease = world.opened()

        assert (lease.epoch, lease.attempt) == (1, 1)
        assert lease.attempt_since == world.clock.now
        assert (lease.create, lease.was_sent) == (world.create(), False)
        assert lease.emails() == {"ada@example.com"}
        record = world.record()
        assert (record["state"], record["admitted"]) == ("open", True)
        assert record["create"] == world.create().text()

    def test_held(self, world: World) -> None:
        """One invocation at a time."""
        world.opened()

        assert world.invocation().open(world.user, world.create(), admission=True) == Busy()

    def test_held_after_a_refusal(self, world: World) -> None:
        """Who waits learns how the admission was refused before."""
        ledger, lease = world.opened()
        ledger.refuse(lease, Reason.EMAIL_IN_USE)
        world.opened()

        held = world.invocation().open(world.user, world.create(), admission=True)
        assert held == Busy(Reason.EMAIL_IN_USE)

    def test_lease_ended(self, world: World) -> None:
        """The next one takes over under a higher epoch, and keeps the attempt and its create."""
        world.opened()
        world.clock.sleep(RECORD_LEASE_SECONDS + 0.01)
        _, lease = world.opened("countess@example.com")

        assert (lease.epoch, lease.attempt) == (2, 1)
        assert (lease.create, lease.was_sent) == (world.create(), True)

    def test_released(self, world: World) -> None:
        """No wait after a failure that was reported."""
        ledger, lease = world.opened()
        ledger.release(lease.sending())
        ledger, second = world.opened()

        assert (second.epoch, second.was_sent) == (2, True)

    def test_linked(self, world: World) -> None:
        """The recorded link comes back, and nothing of the person is kept."""
        ledger, lease = world.opened()
        assert ledger.link(lease, CUSTOMER)

        linked = world.invocation().open(world.user, world.create(), admission=True)
        assert linked == Linked(CUSTOMER, 1)
        assert "ada@" not in str(world.record()).lower()

    def test_refused(self, world: World) -> None:
        """Opened again at the next login, which learns the reason."""
        ledger, lease = world.opened()
        ledger.refuse(lease, Reason.EMAIL_IN_USE)
        record = world.record()
        _, second = world.opened()

        assert (record["state"], record["reason"]) == ("refused", "email_in_use")
        assert second.epoch == 2
        assert (lease.refused, second.refused) == (None, Reason.EMAIL_IN_USE)
        ledger.link(second, CUSTOMER)
        assert "reason" not in world.record()

    def test_without_address(self, world: World) -> None:
        """A user without one can be refused too."""
        ledger, lease = world.opened(None)

        assert (lease.create, lease.emails()) == (None, frozenset())
        ledger.refuse(lease, Reason.EMAIL_MISSING)
        assert world.record()["reason"] == "email_missing"

    def test_age_of_the_key(self, world: World) -> None:
        """It counts from the first invocation, however many there were since."""
        since = world.clock.now
        for _ in range(3):
            ledger, lease = world.opened()
            assert lease.attempt_since == since
            ledger.release(lease.sending())
            world.clock.sleep(1)

    def test_late(self, world: World) -> None:
        """A call that arrives long after its caller gave up takes nothing over."""
        world.clock.now += 100
        ledger, lease = world.opened()
        ledger.release(lease.sending())
        before = world.record()
        world.clock.now -= 100

        assert world.invocation().open(world.user, world.create(), admission=True) == Busy()
        assert world.record() == before


def ended(ledger: DynamoDbLedger, lease: Lease, ending: str) -> None:
    """End a lease without a link."""
    if ending == "refuse":
        ledger.refuse(lease, Reason.EMAIL_IN_USE)
    else:
        getattr(ledger, ending)(lease)


@pytest.mark.parametrize("ending", ["release", "refuse", "close"])
class TestFrozenCreate:
    """What the record keeps of a create, when a lease ends without a link."""

    def test_one_that_may_have_been_sent(self, world: World, ending: str) -> None:
        """It wins over what a later profile says, and its address is looked up."""
        ledger, lease = world.opened()
        since = world.clock.now
        ended(ledger, lease.sending(), ending)
        world.clock.sleep(100)
        _, second = world.opened("countess@example.com", name="Countess")

        assert (second.create, second.was_sent) == (world.create(), True)
        assert second.attempt_since == since
        assert second.emails() == {"ada@example.com"}

    def test_one_that_nobody_sent(self, world: World, ending: str) -> None:
        """It is forgotten, and so is since when its key would have counted."""
        ledger, lease = world.opened()
        ended(ledger, lease, ending)
        assert world.record().keys().isdisjoint({"create", "attempt_since"})
        world.clock.sleep(100)
        _, second = world.opened("countess@example.com", name="Countess")

        assert second.create == world.create("countess@example.com", "Countess")
        assert (second.attempt, second.attempt_since) == (1, world.clock.now)
        assert not second.was_sent

    def test_one_that_an_earlier_invocation_may_have_sent(self, world: World, ending: str) -> None:
        """It is kept, although this one sent nothing."""
        ledger, lease = world.opened()
        ledger.release(lease.sending())
        ledger, lease = world.opened("countess@example.com")
        ended(ledger, lease, ending)
        _, third = world.opened("countess@example.com")

        assert (third.create, third.was_sent) == (world.create(), True)

    def test_no_lease(self, world: World, ending: str) -> None:
        """The index of open sign-ups loses what has ended, and keeps what was released."""
        ledger, lease = world.opened()
        ended(ledger, lease, ending)

        assert "owner" not in world.record()
        assert ("is_open" in world.record()) is (ending == "release")
        assert ("open_since" in world.record()) is (ending == "release")


class TestClose:
    """Ending a sign-up without the person."""

    def test_nothing_is_left(self, world: World) -> None:
        """A new record from which nothing was sent goes."""
        ledger, lease = world.opened(admission=False)
        ledger.close(lease)
        assert not world.has_item()
        _, second = world.opened()

        assert (second.epoch, second.attempt, second.refused) == (1, 1, None)

    def test_lock_of_an_earlier_invocation(self, world: World) -> None:
        """The same user's, and none of this invocation's: what it guards may still be new."""
        email = f"{world.user.user_id}@example.com"
        first, lease = world.opened(email)
        first.lock_email(lease, email)
        first.release(lease)
        second, again = world.opened(email)

        assert second.lock_email(again, email) == Lock(world.user)

    def test_whoever_comes_next_keeps_the_lock(self, world: World) -> None:
        """Epochs start anew where a record went: a late unlock of the one before is none of it."""
        email = f"{world.user.user_id}@example.com"
        first, lease = world.opened(email, admission=False)
        first.lock_email(lease, email)
        first.close(lease)
        second, next_lease = world.opened(email)
        assert second.lock_email(next_lease, email).holder == world.user
        first.unlock_email(lease, email)

        assert next_lease.epoch == lease.epoch
        assert world.invocation().lock_email(OTHERS_LEASE, email).holder == world.user

    def test_not_once_the_attempt_was_raised(self, world: World) -> None:
        """The first key was used: a new record would use it again."""
        ledger, lease = world.opened(admission=False)
        raised = ledger.next_attempt(lease, world.create("countess@example.com"))
        assert isinstance(raised, Lease)
        ledger.close(raised)
        _, second = world.opened()

        assert (second.epoch, second.attempt) == (2, 2)

    def test_not_the_first_epoch(self, world: World) -> None:
        """The record stays, and the next one opens it under a higher epoch."""
        ledger, lease = world.opened(admission=False)
        ledger.release(lease)
        ledger, lease = world.opened(admission=False)
        ledger.close(lease)
        assert (world.record()["state"], world.record()["admitted"]) == ("refused", False)
        _, third = world.opened()

        assert (third.epoch, third.refused) == (3, None)

    def test_of_an_admission(self, world: World) -> None:
        """The record stays, so that the next login takes notice of it."""
        ledger, lease = world.opened()
        ledger.close(lease)

        assert (world.record()["state"], world.record()["admitted"]) == ("refused", True)

    def test_something_was_sent(self, world: World) -> None:
        """The record stays, with what it was."""
        ledger, lease = world.opened(admission=False)
        ledger.close(lease.sending())
        assert world.record()["state"] == "refused"
        _, second = world.opened()

        assert (second.create, second.was_sent) == (world.create(), True)

    def test_adoption_that_has_begun(self, world: World) -> None:
        """The record stays, for the next one to finish it."""
        ledger, lease = world.opened(admission=False)
        begun = ledger.begin_adoption(lease, Adoption(CUSTOMER))
        assert isinstance(begun, Lease)
        ledger.close(begun)
        _, second = world.opened()

        assert second.adopting == Adoption(CUSTOMER)

    def test_by_another_invocation(self, world: World) -> None:
        """Only who opened a record lets it go."""
        _, lease = world.opened(admission=False)
        world.invocation().close(lease)

        assert world.record()["state"] == "open"

    def test_taken_over(self, world: World) -> None:
        """The record is another invocation's by then."""
        ledger, lease = world.opened(admission=False)
        world.clock.sleep(RECORD_LEASE_SECONDS + 1)
        world.opened()
        world.clock.now -= RECORD_LEASE_SECONDS  # its budget is not what is tested here
        ledger.close(lease)

        assert (world.record()["state"], world.record()["epoch"]) == ("open", "2")

    def test_refused_before(self, world: World) -> None:
        """The refusal is put back with its reason, and stays an admission's."""
        ledger, lease = world.opened()
        ledger.refuse(lease, Reason.EMAIL_IN_USE)
        ledger, lease = world.opened(admission=False)
        ledger.close(lease)
        record = world.record()

        assert (record["state"], record["reason"]) == ("refused", "email_in_use")
        assert record["admitted"] is True
        assert "is_open" not in record

    @pytest.mark.parametrize("admission", [True, False])
    def test_lost_answer(self, world: World, *, admission: bool) -> None:
        """The repetition changes nothing more."""
        ledger, lease = world.opened(admission=admission)
        world.client.lost = 1
        ledger.close(lease)

        assert world.has_item() is admission

    def test_of_a_user_who_is_gone(self, world: World) -> None:
        """Nothing personal is kept, and the key that was used is not used again."""
        ledger, lease = world.opened()
        ledger.release(lease.sending())
        ledger, lease = world.opened()
        ledger.close(lease, is_gone=True)
        assert "ada@" not in str(world.record()).lower()
        _, third = world.opened()

        assert (third.attempt, third.was_sent) == (2, False)


class TestReopen:
    """When the recorded customer is gone."""

    def test_next_attempt(self, world: World) -> None:
        """A fresh key, as the old one would replay the deleted customer."""
        ledger, lease = world.opened()
        ledger.link(lease, CUSTOMER)
        world.clock.sleep(60)
        create = world.create("countess@example.com")
        second = world.invocation().reopen(world.user, Linked(CUSTOMER, 1), create)

        assert isinstance(second, Lease)
        assert (second.epoch, second.attempt) == (2, 2)
        assert second.attempt_since == world.clock.now
        assert (second.create, second.was_sent) == (create, False)
        assert second.admitted
        assert "customer_id" not in world.record()
        assert world.record()["create"] == create.text()

    def test_without_address(self, world: World) -> None:
        """Nothing is frozen."""
        ledger, lease = world.opened()
        ledger.link(lease, CUSTOMER)
        second = world.invocation().reopen(world.user, Linked(CUSTOMER, 1), None)

        assert isinstance(second, Lease)
        assert second.create is None
        assert "create" not in world.record()

    def test_only_once(self, world: World) -> None:
        """Two tabs that both saw it gone: one goes on."""
        ledger, lease = world.opened()
        ledger.link(lease, CUSTOMER)
        stale = Linked(CUSTOMER, 1)
        world.invocation().reopen(world.user, stale, world.create())

        assert world.invocation().reopen(world.user, stale, world.create()) == Busy()

    def test_another_customer_by_now(self, world: World) -> None:
        """The newer link stands."""
        ledger, lease = world.opened()
        ledger.link(lease, CUSTOMER)
        stale = Linked(CustomerId("cus_stale"), 1)

        assert world.invocation().reopen(world.user, stale, world.create()) == Busy()
        assert world.record()["customer_id"] == CUSTOMER

    def test_lost_answer(self, world: World) -> None:
        """The repetition finds its own lease."""
        ledger, lease = world.opened()
        ledger.link(lease, CUSTOMER)
        world.client.lost = 1
        second = world.invocation().reopen(world.user, Linked(CUSTOMER, 1), world.create())

        assert isinstance(second, Lease)
        assert (second.epoch, second.attempt) == (2, 2)
        assert second.admitted


class TestZombie:
    """An invocation whose lease was taken over changes nothing."""

    @pytest.fixture
    def zombie(self, world: World) -> tuple[DynamoDbLedger, Lease]:
        """Return an invocation, and let another one take over."""
        ledger, lease = world.opened()
        world.clock.sleep(RECORD_LEASE_SECONDS + 0.01)
        world.opened()
        world.clock.now -= RECORD_LEASE_SECONDS  # its budget is not what is tested here
        return ledger, lease

    def test_no_write(self, world: World, zombie: tuple[DynamoDbLedger, Lease]) -> None:
        """Every write to the record is conditional on the epoch."""
        ledger, lease = zombie
        before = world.record()

        assert not ledger.link(lease, CUSTOMER)
        ledger.refuse(lease, Reason.EMAIL_IN_USE)
        assert ledger.next_attempt(lease, world.create()) == Busy()
        assert ledger.begin_adoption(lease, Adoption(CUSTOMER)) == Busy()
        ledger.close(lease)
        ledger.release(lease)
        assert world.record() == before

    def test_no_lock(self, world: World, zombie: tuple[DynamoDbLedger, Lease]) -> None:
        """It can neither take nor give back the lock of the one that took over."""
        ledger, lease = zombie
        email = f"{world.user.user_id}@example.com"
        world.invocation().lock_email(Lease(world.user, 2, 1, 0.0), email)

        assert ledger.lock_email(lease, email).holder == world.user
        ledger.unlock_email(lease, email)
        assert world.invocation().lock_email(OTHERS_LEASE, email).holder == world.user

    def test_told_how_it_was_refused(self, world: World) -> None:
        """By whoever holds the record now."""
        ledger, lease = world.opened()
        ledger.refuse(lease, Reason.EMAIL_INVALID)
        world.opened()

        assert ledger.next_attempt(lease, world.create()) == Busy(Reason.EMAIL_INVALID)
        begun = ledger.begin_adoption(lease, Adoption(CUSTOMER))
        assert begun == Busy(Reason.EMAIL_INVALID)


class TestNextAttempt:
    """Raising the attempt."""

    def test_raised(self, world: World) -> None:
        """In the ledger with what it creates, before Stripe is called under it."""
        ledger, lease = world.opened()
        world.clock.sleep(1)
        create = world.create("countess@example.com")
        raised = ledger.next_attempt(replace(lease, was_sent=True), create)

        assert isinstance(raised, Lease)
        assert (raised.attempt, raised.attempt_since) == (2, world.clock.now)
        assert (raised.create, raised.was_sent) == (create, False)
        assert raised.idempotency_key() != lease.idempotency_key()
        assert world.record()["attempt"] == "2"
        assert world.record()["create"] == create.text()

    def test_lost_answer(self, world: World) -> None:
        """The repetition does not raise it twice."""
        ledger, lease = world.opened()
        world.client.lost = 1
        raised = ledger.next_attempt(lease, world.create())

        assert isinstance(raised, Lease)
        assert world.record()["attempt"] == "2"

    def test_earlier_attempts_addresses_go(self, world: World) -> None:
        """A look-up under each has found none, once all under the old key had ended."""
        world.had_release_0_1(
            state={"S": "open"}, lease_until={"N": "0"}, emails={"SS": ["countess@example.com"]}
        )
        ledger, lease = world.opened()
        raised = ledger.next_attempt(lease, world.create())

        assert isinstance(raised, Lease)
        assert raised.emails() == {"ada@example.com"}
        assert world.record()["emails"] == ["ada@example.com"]


class TestRelease01:
    """Records of release 0.1, which kept addresses in place of a create."""

    def test_addresses_are_looked_up(self, world: World) -> None:
        """A create was sent with one of them, and may be under way."""
        world.had_release_0_1(
            state={"S": "open"}, lease_until={"N": "0"}, emails={"SS": ["countess@example.com"]}
        )
        _, lease = world.opened()

        assert lease.earlier_emails == {"countess@example.com"}
        assert lease.emails() == {"countess@example.com", "ada@example.com"}
        assert lease.was_sent
        assert lease.has_create_under_way(world.clock.now)

    @pytest.mark.parametrize("ending", ["release", "refuse", "close"])
    def test_addresses_are_kept_until_the_link(self, world: World, ending: str) -> None:
        """However often a sign-up ends without one."""
        world.had_release_0_1(
            state={"S": "open"}, lease_until={"N": "0"}, emails={"SS": ["countess@example.com"]}
        )
        ledger, lease = world.opened()
        ended(ledger, lease, ending)
        ledger, lease = world.opened()
        assert lease.earlier_emails == {"countess@example.com"}
        ledger.link(lease, CUSTOMER)

        assert "emails" not in world.record()

    def test_refused(self, world: World) -> None:
        """Its reason is read, and nobody sent anything."""
        world.had_release_0_1(state={"S": "refused"}, reason={"S": "email_in_use"})
        _, lease = world.opened()

        assert (lease.epoch, lease.refused) == (2, Reason.EMAIL_IN_USE)
        assert (lease.was_sent, lease.admitted) == (False, True)


class TestWaitForAnEarlierCreate:
    """Its end is put off by nothing but another create."""

    @pytest.mark.parametrize("ending", ["release", "refuse", "close"])
    def test_who_sends_nothing(self, world: World, ending: str) -> None:
        """However often: the wait goes on from the last invocation that may have sent one."""
        ledger, lease = world.opened()
        tried_at = world.clock.now
        ledger.release(lease.sending())
        for _ in range(3):
            world.clock.sleep(SETTLED_SECONDS / 3)
            ledger, lease = world.opened()
            assert lease.last_write == tried_at
            assert lease.has_create_under_way(world.clock.time())
            ended(ledger, lease, ending)
        world.clock.sleep(1)
        _, lease = world.opened()

        assert not lease.has_create_under_way(world.clock.time())

    def test_who_sends_again(self, world: World) -> None:
        """The wait begins anew."""
        ledger, lease = world.opened()
        ledger.release(lease.sending())
        world.clock.sleep(SETTLED_SECONDS + 1)
        ledger, lease = world.opened()
        assert not lease.has_create_under_way(world.clock.now)
        ledger.release(lease.sending())
        _, lease = world.opened()

        assert lease.last_write == world.clock.now
        assert lease.has_create_under_way(world.clock.now)

    def test_who_was_told_that_the_key_stands_for_something_else(self, world: World) -> None:
        """That is no sending; but somebody must have sent that something."""
        ledger, lease = world.opened()
        ledger.release(lease.sending().mismatched())
        _, second = world.opened()

        assert (second.was_sent, second.last_write) == (True, 0.0)
        assert not second.has_create_under_way(world.clock.now)

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
        """Whatever the letter case; the other one learns who it is; free when given back."""
        ledger, lease = world.opened()
        email = f"{world.user.user_id}@example.com"

        assert ledger.lock_email(lease, email) == Lock(world.user, is_new=True)
        assert world.invocation().lock_email(OTHERS_LEASE, email.upper()).holder == world.user
        ledger.unlock_email(lease, email)
        assert world.invocation().lock_email(OTHERS_LEASE, email) == Lock(OTHER, is_new=True)

    def test_own_again(self, world: World) -> None:
        """Of the same or an earlier epoch; the earlier one cannot give it back any more."""
        ledger, lease = world.opened()
        email = f"{world.user.user_id}@example.com"
        ledger.lock_email(lease, email)
        world.client.lost = 1
        assert ledger.lock_email(lease, email).holder == world.user
        assert ledger.lock_email(replace(lease, epoch=2), email).holder == world.user
        ledger.unlock_email(lease, email)

        assert world.invocation().lock_email(OTHERS_LEASE, email).holder == world.user

    def test_ends_by_itself(self, world: World) -> None:
        """A crash frees it after its lease; TTL clears the item later."""
        ledger, lease = world.opened()
        email = f"{world.user.user_id}@example.com"
        ledger.lock_email(lease, email)
        world.clock.sleep(EMAIL_LOCK_SECONDS + 0.01)

        assert world.invocation().lock_email(OTHERS_LEASE, email) == Lock(OTHER, is_new=True)

    def test_holds_no_address(self, world: World) -> None:
        """Only a digest of it."""
        ledger, lease = world.opened()
        ledger.lock_email(lease, "secret@example.com")

        assert not any("secret@" in str(each) for each in world.items())

    def test_late(self, world: World) -> None:
        """A call that arrives long after its caller gave up shortens nothing."""
        ledger, lease = world.opened()
        email = f"{world.user.user_id}@example.com"
        ledger.lock_email(lease, email)
        world.clock.now -= 10

        assert not ledger.lock_email(lease, email).is_mine

    def test_is_not_cleared_before_its_end(self, world: World) -> None:
        """TTL deletes what has expired."""
        ledger, lease = world.opened()
        ledger.lock_email(lease, f"{world.user.user_id}@example.com")
        holder = world.user.user_id
        [lock] = [each for each in world.items() if each.get("holder") == holder]

        assert float(str(lock["expires_at"])) > float(str(lock["lease_until"]))


class TestBeginAdoption:
    """That an adoption begins is in the record before anybody claims or changes the customer."""

    @pytest.mark.parametrize("instead_of", [None, OTHER])
    def test_next_invocation_learns_of_it(self, world: World, instead_of: User | None) -> None:
        """However this one ends, and whom the customer named before comes along."""
        adoption = Adoption(CUSTOMER, instead_of)
        ledger, lease = world.opened()
        begun = ledger.begin_adoption(lease, adoption)
        assert isinstance(begun, Lease)
        assert (begun.adopting, begun.sends_update) == (adoption, True)
        world.clock.sleep(RECORD_LEASE_SECONDS + 1)
        _, lease = world.opened()

        assert lease.adopting == adoption

    def test_another_one(self, world: World) -> None:
        """Nothing is left of the first."""
        ledger, lease = world.opened()
        begun = ledger.begin_adoption(lease, Adoption(CUSTOMER, OTHER))
        assert isinstance(begun, Lease)
        second = Adoption(CustomerId("cus_2"))
        ledger.begin_adoption(begun, second)
        world.clock.sleep(RECORD_LEASE_SECONDS + 1)
        _, lease = world.opened()

        assert lease.adopting == second

    def test_lost_answer(self, world: World) -> None:
        """The repetition writes the same."""
        ledger, lease = world.opened()
        world.client.lost = 1

        assert isinstance(ledger.begin_adoption(lease, Adoption(CUSTOMER)), Lease)

    @pytest.mark.parametrize("ending", ["release", "refuse", "close"])
    def test_abandoned(self, world: World, ending: str) -> None:
        """Where somebody else has the customer, the record forgets it."""
        ledger, lease = world.opened()
        begun = ledger.begin_adoption(lease, Adoption(CUSTOMER, OTHER))
        assert isinstance(begun, Lease)
        ended(ledger, replace(begun, adopting=None, sends_update=False), ending)
        assert world.record().keys().isdisjoint({"adopting", "instead_of"})
        _, lease = world.opened()

        assert (lease.adopting, lease.last_write) == (None, 0.0)

    @pytest.mark.parametrize("ending", ["release", "refuse", "close"])
    def test_still_under_way(self, world: World, ending: str) -> None:
        """Kept with when its update was sent, until it is finished."""
        ledger, lease = world.opened()
        begun = ledger.begin_adoption(lease, Adoption(CUSTOMER, OTHER))
        assert isinstance(begun, Lease)
        sent_at = world.clock.now
        ended(ledger, begun, ending)
        world.clock.sleep(1)
        ledger, lease = world.opened()
        assert (lease.adopting, lease.last_write) == (Adoption(CUSTOMER, OTHER), sent_at)
        assert not lease.has_settled(world.clock.now)
        ledger.link(lease, CUSTOMER)

        assert world.record().keys().isdisjoint({"adopting", "instead_of"})

    def test_record_that_was_deleted_meanwhile(self, world: World) -> None:
        """Epochs start anew there: a late one is none of the next record's."""
        ledger, lease = world.opened(admission=False)
        ledger.close(lease)
        _, second = world.opened()

        assert second.epoch == lease.epoch
        assert isinstance(ledger.begin_adoption(lease, Adoption(CUSTOMER)), Busy)


class TestClaim:
    """Who adopts a customer."""

    def test_one_user_for_good(self, world: World) -> None:
        """The same user again, and no other, whatever became of the sign-up."""
        adoption = Adoption(CustomerId(f"cus_{next(NUMBERS)}"))
        ledger, lease = world.opened()

        assert ledger.claim(world.user, adoption)
        assert ledger.claim(world.user, adoption)
        assert not ledger.claim(OTHER, adoption)
        ledger.release(lease)
        assert not world.invocation().claim(OTHER, adoption)

    def test_instead_of_another_user(self, world: World) -> None:
        """Who is replaced has the claim no more, and nobody else may replace the new one."""
        customer_id = CustomerId(f"cus_{next(NUMBERS)}")
        third = replace(OTHER, user_id=UserId("auth0|third"))
        ledger = world.invocation()
        assert ledger.claim(OTHER, Adoption(customer_id))

        assert not ledger.claim(world.user, Adoption(customer_id))
        assert not ledger.claim(world.user, Adoption(customer_id, third))
        assert ledger.claim(world.user, Adoption(customer_id, OTHER))
        assert ledger.claim(world.user, Adoption(customer_id, OTHER))
        assert not ledger.claim(OTHER, Adoption(customer_id))

    def test_another_tenants_user(self, world: World) -> None:
        """A user_id names a person only within its tenant."""
        customer_id = CustomerId(f"cus_{next(NUMBERS)}")
        ledger = world.invocation()
        assert ledger.claim(OTHER, Adoption(customer_id))

        assert not ledger.claim(replace(OTHER, tenant=Tenant("beta")), Adoption(customer_id))

    def test_lost_answer(self, world: World) -> None:
        """The repetition finds its own claim."""
        world.client.lost = 1

        assert world.invocation().claim(world.user, Adoption(CustomerId(f"cus_{next(NUMBERS)}")))


class TestTrouble:
    """Lost answers and errors."""

    @pytest.mark.parametrize("admission", [True, False])
    def test_lost_answer_to_open(self, world: World, *, admission: bool) -> None:
        """The repetition finds its own lease, not somebody else's."""
        since = world.clock.now
        world.client.lost = 1
        _, lease = world.opened(admission=admission)

        assert (lease.epoch, lease.attempt_since) == (1, since)
        assert (lease.create, lease.was_sent) == (world.create(), False)
        assert lease.admitted is admission
        assert not lease.has_create_under_way(world.clock.time())

    def test_lost_answer_to_open_again(self, world: World) -> None:
        """What an earlier invocation did is not known then, so its create may be under way."""
        ledger, first = world.opened()
        ledger.release(first)
        world.client.lost = 1
        _, lease = world.opened()

        assert (lease.epoch, lease.was_sent) == (2, True)
        assert lease.has_create_under_way(world.clock.time())
        assert lease.admitted

    def test_lost_answer_to_open_what_was_refused(self, world: World) -> None:
        """How it was refused is still known, and an adoption that has begun."""
        ledger, lease = world.opened()
        begun = ledger.begin_adoption(lease, Adoption(CUSTOMER, OTHER))
        assert isinstance(begun, Lease)
        ledger.refuse(begun, Reason.EMAIL_IN_USE)
        world.client.lost = 1
        _, lease = world.opened(admission=False)

        assert (lease.epoch, lease.refused) == (2, Reason.EMAIL_IN_USE)
        assert lease.adopting == Adoption(CUSTOMER, OTHER)
        assert lease.admitted

    def test_lost_answer_to_open_without_address(self, world: World) -> None:
        """Nobody sent what nobody wrote down."""
        ledger, first = world.opened(None)
        ledger.release(first)
        world.client.lost = 1
        _, lease = world.opened(None)

        assert (lease.epoch, lease.was_sent) == (2, False)

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
            world.invocation().open(world.user, world.create(), admission=True)

    def test_misconfigured(self, world: World) -> None:
        """What does not pass by itself is not tried again; the message names the code."""
        world.client.troubles = [AwsRefusedError("ResourceNotFoundException")]

        with pytest.raises(LedgerUnavailableError, match="DynamoDB answered ResourceNotFound"):
            world.invocation().open(world.user, world.create(), admission=True)
        assert world.client.calls == 1

    def test_no_time_left(self, world: World) -> None:
        """A call that could outlast the budget is not started."""
        ledger = world.invocation()
        world.clock.sleep(SIGN_UP_SECONDS - CALL_SECONDS + 0.01)

        with pytest.raises(LedgerUnavailableError):
            ledger.open(world.user, world.create(), admission=True)
        assert world.client.calls == 0

    def test_conflict_with_a_transaction(self, world: World) -> None:
        """Tried again."""
        world.client.troubles = [AwsRefusedError("TransactionConflictException")]
        world.opened()

        assert world.client.calls == 2


def test_reserve_holds_two_calls() -> None:
    """And a margin for the pause between them and for the code around.

    So when a call to Stripe has used up its share, the first write may get no answer, and the
    second one is still begun.
    """
    margin = LEDGER_RESERVE_SECONDS - 2 * CALL_SECONDS

    assert margin >= 0.1
    assert CALL_SECONDS == CONNECT_SECONDS + READ_SECONDS


def test_reserve_is_enough_for_a_lost_answer(world: World) -> None:
    """A write that begins when Stripe's share of the budget is spent is carried out."""
    ledger, lease = world.opened()
    world.clock.sleep(SIGN_UP_SECONDS - LEDGER_RESERVE_SECONDS)
    world.client.lost, world.client.wait = 1, CALL_SECONDS

    assert ledger.link(lease, CUSTOMER)


def client_at(url: str) -> Boto3DynamoDb:
    """Return boto3's client of an address."""
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
        ledger.has_record(world.user)


def test_no_text_of_boto3s_goes_on() -> None:
    """Which may name what was asked for: only AWS's name for the error does, or its kind."""
    with aws({}) as cloud, pytest.raises(AwsRefusedError) as refused:
        client_at(cloud.url).get_item(TableName="ada@example.com", Key={"pk": {"S": "x"}})
    with pytest.raises(AwsSilentError) as silent:
        client_at("http://127.0.0.1:9").get_item(TableName="ada", Key={"pk": {"S": "x"}})

    assert str(refused.value) in ("ValidationException", "ResourceNotFoundException")
    assert str(silent.value) == "EndpointConnectionError"
