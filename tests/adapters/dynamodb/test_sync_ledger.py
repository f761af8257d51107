"""What is remembered after the sign-up: on moto, dynalite and the simulation's table."""

from dataclasses import replace

import pytest
from tests.adapters.dynamodb.ledger_world import CUSTOMER, World

from customerlink.adapters.aws.aws_json import AwsSilentError
from customerlink.adapters.dynamodb.sync_ledger import DynamoDbSyncLedger
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.sign_up_record import Adoption, Lease, Linked
from customerlink.model.sync_memory import SYNC_LEASE_SECONDS, Memory, SyncLease
from customerlink.model.user import CustomerId
from customerlink.ports.run import Run
from sandbox.aws import TABLE

FULL = Memory(
    CustomerId("cus_1"),
    {"email": "0123456789abcdef", "metadata.a-b.c": "fedcba9876543210"},
    {"email": frozenset({"0123456789abcdef", "1111111111111111"})},
    (1_795_000_000.5, 1_795_000_001.0),
    "2222222222222222",
    frozenset({"8888888888888888", "9999999999999999"}),
    {"name": frozenset({"3333333333333333", "4444444444444444"})},
    "email_taken",
    1_795_000_002.5,
    1_795_000_003.5,
)
APPLIED = replace(FULL, hints={}, held=None, held_since=None, due_at=None)
NAME = {"name": frozenset({"5555555555555555"})}
PLAN = {"metadata.a b": frozenset({"6666666666666666", "7777777777777777"})}


def ledger(world: World, owner: str = "owner") -> DynamoDbSyncLedger:
    """Return it as an invocation has it."""
    return DynamoDbSyncLedger(world.client, TABLE, Run(world.clock, owner, 9_999.0))


def taken(world: World, owner: str = "owner") -> SyncLease:
    """Take the lease, which nobody has."""
    lease = ledger(world, owner).take(world.user)
    assert lease is not None
    return lease


def test_nobody(world: World) -> None:
    """Of a user who was never looked at nothing is remembered, and looking leaves it so."""
    assert ledger(world).recall(world.user) == Memory()
    assert taken(world) == SyncLease(world.user, 1, Memory())


@pytest.mark.parametrize("memory", [FULL, Memory(), replace(FULL, writing={}, corrections=())])
def test_there_and_back(world: World, memory: Memory) -> None:
    """What is written down is what is read."""
    assert ledger(world).give_back(taken(world), memory)

    assert ledger(world).recall(world.user) == memory
    assert taken(world, "next") == SyncLease(world.user, 2, memory)


def test_lease(world: World) -> None:
    """One at a time; who was given up on changes nothing any more."""
    lease = taken(world)
    assert ledger(world).remember(lease, FULL)
    assert ledger(world, "second").take(world.user) is None
    world.clock.sleep(SYNC_LEASE_SECONDS + 1)
    second = taken(world, "second")
    assert second == SyncLease(world.user, 2, APPLIED)

    assert not ledger(world).remember(lease, Memory())
    assert not ledger(world).give_back(lease, Memory())
    assert ledger(world).recall(world.user) == APPLIED
    assert ledger(world, "third").take(world.user) is None


def test_lost_answers(world: World) -> None:
    """A repetition knows its own; of the lease, what was remembered is there still."""
    ledger(world).give_back(taken(world), FULL)
    world.client.lost = 1
    lease = taken(world, "again")
    assert lease == SyncLease(world.user, 2, FULL)
    world.client.lost = 1
    assert ledger(world, "again").give_back(lease, Memory())

    assert ledger(world).recall(world.user) == Memory()


@pytest.mark.parametrize("call", ["recall", "take", "park"])
def test_ledger_that_does_not_answer(world: World, call: str) -> None:
    """It is an error, never "nobody"."""
    world.client.troubles = [AwsSilentError("TimeoutError")] * 3
    more = (9.0, NAME) if call == "park" else ()

    with pytest.raises(LedgerUnavailableError):
        getattr(ledger(world), call)(world.user, *more)


class TestGone:
    """A user who is gone in Auth0."""

    def test_since_and_until(self, world: World) -> None:
        """Both are remembered, and both go once the user is back."""
        gone = FULL.of_one_who_is_gone(FULL.customer_id, 5.0, 9.0)
        ledger(world).give_back(taken(world), gone)
        assert ledger(world).recall(world.user) == replace(FULL, gone_since=5.0, gone_until=9.0)
        ledger(world, "next").give_back(taken(world, "next"), gone.of_one_who_is_there())

        assert ledger(world).recall(world.user) == FULL

    def test_of_another_customer(self, world: World) -> None:
        """Its values count for none."""
        gone = FULL.of_one_who_is_gone(CustomerId("cus_2"), 5.0, 9.0)
        ledger(world).give_back(taken(world), gone)
        found = ledger(world).recall(world.user)

        assert (found.customer_id, found.applied, found.writing) == ("cus_2", {}, {})

    def test_forgotten(self, world: World) -> None:
        """Nothing is left; a zombie forgets nobody."""
        lease = taken(world)
        ledger(world).remember(lease, FULL)
        world.clock.sleep(SYNC_LEASE_SECONDS + 1)
        second = taken(world, "second")
        assert not ledger(world).forget(lease)
        assert ledger(world, "second").forget(second)

        assert ledger(world).recall(world.user) == Memory()
        assert ledger(world, "second").forget(second)
        key = f"sync#acme#{world.user.user_id}"
        assert [each for each in world.items() if each["pk"] == key] == []

    def test_parked_meanwhile(self, world: World) -> None:
        """They are looked at once more."""
        lease = taken(world)
        ledger(world).park(world.user, 7.0, NAME)
        assert ledger(world).forget(lease)

        assert ledger(world).recall(world.user) == Memory(hints=NAME, due_at=7.0)
        assert ledger(world, "next").take(world.user) is not None


class TestParked:
    """An event that could not be followed now."""

    @pytest.mark.parametrize("hints", [{}, NAME, PLAN, NAME | PLAN])
    def test_of_whom_nothing_is_remembered(
        self, world: World, hints: dict[str, frozenset[str]]
    ) -> None:
        """It is, from now on; the lease is free, and says so too."""
        ledger(world).park(world.user, 7.0, hints)
        parked = Memory(hints=hints, due_at=7.0)

        assert ledger(world).recall(world.user) == parked
        assert taken(world) == SyncLease(world.user, 1, parked, parks=1)

    @pytest.mark.parametrize(
        ("times", "due"), [((7.0, 9.0), 7.0), ((9.0, 7.0), 7.0), ((9.0, 7.0, 8.0, 6.5), 6.5)]
    )
    def test_several(self, world: World, times: tuple[float, ...], due: float) -> None:
        """The earliest time counts, whichever came last, and every hint."""
        for number, each in enumerate(times):
            ledger(world).park(world.user, each, {"name": frozenset({f"{number:016}"})})
        found = ledger(world).recall(world.user)

        assert (found.due_at, len(found.hints["name"])) == (due, len(times))

    def test_what_is_remembered_stays(self, world: World) -> None:
        """Of who is held, for a while: it is looked at earlier."""
        ledger(world).give_back(taken(world), FULL)
        ledger(world).park(world.user, 7.0, NAME)

        hints = {"name": FULL.hints["name"] | NAME["name"]}
        assert ledger(world).recall(world.user) == replace(FULL, hints=hints, due_at=7.0)

    def test_with_a_reason(self, world: World) -> None:
        """Why it waits is told with it."""
        ledger(world).park(world.user, 7.0, {}, "deletions")
        found = ledger(world).recall(world.user)

        assert (found.held, found.held_since) == ("deletions", world.clock.time())

    @pytest.mark.parametrize("first", [(), (5.0,)])
    @pytest.mark.parametrize("due_at", [None, 9.0, 2_000_000_000.0])
    def test_while_another_has_the_lease(
        self, world: World, first: tuple[float, ...], due_at: float | None
    ) -> None:
        """What that one has seen is older: the user stays due, and the hint is there."""
        for each in first:
            ledger(world).park(world.user, each, {})
        lease = taken(world)
        ledger(world, "second").park(world.user, 7.0, NAME)
        done = replace(APPLIED, due_at=due_at)
        assert ledger(world).remember(lease, done)
        assert ledger(world).give_back(lease, done)

        found = ledger(world).recall(world.user)
        assert (found.due_at, found.hints) == (min((*first, 7.0)), NAME)
        assert found.applied == FULL.applied
        assert taken(world, "third").epoch == 2

    def test_before_the_lease(self, world: World) -> None:
        """Whoever has seen it may end it."""
        ledger(world).park(world.user, 7.0, NAME)
        lease = taken(world)
        assert ledger(world).give_back(lease, Memory())

        assert ledger(world).recall(world.user) == Memory()

    def test_lost_answer(self, world: World) -> None:
        """It is repeated: the user is due, and not ended by who had the lease before."""
        lease = taken(world)
        world.client.lost = 1
        ledger(world, "second").park(world.user, 7.0, NAME)
        ledger(world).give_back(lease, Memory())

        assert ledger(world).recall(world.user) == Memory(hints=NAME, due_at=7.0)

    def test_by_a_zombie(self, world: World) -> None:
        """It ends nothing, whether or not anybody was parked."""
        lease = taken(world)
        world.clock.sleep(SYNC_LEASE_SECONDS + 1)
        taken(world, "second")
        ledger(world).park(world.user, 7.0, NAME)

        assert not ledger(world).give_back(lease, FULL)
        assert ledger(world).recall(world.user) == Memory(hints=NAME, due_at=7.0)


class TestRenaming:
    """A mark on the sign-up's record, which stays linked."""

    def test_there_and_back(self, world: World) -> None:
        """Nothing else of the record is changed but when something may have been sent."""
        invocation, lease = world.opened()
        invocation.link(lease, CUSTOMER)
        before = world.record()
        world.clock.sleep(90)
        assert ledger(world).mark_renaming(world.user, CUSTOMER)
        marked = world.record()
        assert float(str(marked["updated_at"])) == world.clock.time()
        assert marked == before | {"adopting": CUSTOMER, "updated_at": marked["updated_at"]}

        ledger(world).end_renaming(world.user, CUSTOMER)
        assert world.record().keys() == before.keys()

    @pytest.mark.parametrize("state", ["none", "open", "another", "reopened"])
    def test_only_of_this_very_link(self, world: World, state: str) -> None:
        """An open record decides by itself what its user has."""
        if state != "none":
            invocation, lease = world.opened()
            if state != "open":
                invocation.link(lease, CUSTOMER if state == "reopened" else CustomerId("cus_2"))
            if state == "reopened":
                stale = Linked(CUSTOMER, lease.epoch)
                world.invocation().reopen(world.user, stale, world.create())
        before = world.record() if world.has_item() else None

        assert not ledger(world).mark_renaming(world.user, CUSTOMER)
        ledger(world).end_renaming(world.user, CUSTOMER)
        assert (world.record() if world.has_item() else None) == before

    def test_who_opens_it_knows(self, world: World) -> None:
        """That the customer may come to name the user, whoever it named; the end comes too late."""
        invocation, lease = world.opened()
        invocation.link(lease, CUSTOMER)
        ledger(world).mark_renaming(world.user, CUSTOMER)
        stale = Linked(CUSTOMER, lease.epoch)
        opened = world.invocation().reopen(world.user, stale, world.create())
        ledger(world).end_renaming(world.user, CUSTOMER)

        assert isinstance(opened, Lease)
        assert (opened.adopting, opened.last_write) == (Adoption(CUSTOMER), world.clock.time())
        assert world.record()["adopting"] == CUSTOMER
