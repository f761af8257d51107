"""The ledger's conditional writes: on moto, on dynalite, and on the simulation's DynamoDB."""

from dataclasses import replace

import pytest
from tests.adapters.dynamodb.ledger_world import CUSTOMER, OTHERS_LEASE, World
from tests.fakes import NOW

from customerlink.adapters.aws.aws_json import AwsSilentError
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger, Installation
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import RECORD_LEASE_SECONDS, Adoption, Busy, Lease, Linked
from customerlink.model.user import CustomerId
from sandbox.aws import TABLE


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
