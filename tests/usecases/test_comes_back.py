"""Who was gone comes back under the same user_id, while their customer falls to somebody else."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.fakes import FakeClock
from tests.interleaving import ADOPT, CREATE, LIST, OPEN, Kind, World
from tests.usecases.test_reassign import (
    ADA,
    ADAS,
    BOB,
    CLAIM,
    Case,
    ada_logs_in,
    back,
    claimed_by,
    interrupted,
    link_of_bob,
)

from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.model.instruction import Reason
from customerlink.model.policy import ExistingCustomer, Policy
from customerlink.model.sign_up_record import SETTLED_SECONDS, Lease
from customerlink.model.signup import Marker, SignUp
from customerlink.model.user import CustomerId, User
from customerlink.ports.run import Run
from customerlink.usecases.finish_sign_up import FinishStatus
from customerlink.usecases.settle import Settling
from customerlink.usecases.sign_up import Provisioning

BOBS_LOGIN = SignUp(BOB, 1, ADAS, email_verified=True)
ENDS_THE_RECORD = "SET #state = :open, lease_until = :until, #owner"
REPLACES_THE_CLAIM = "SET holder = :holder, claimed_at"


def assert_owner(world: World, user: User, customer: CustomerId) -> None:
    """One profile has the customer, and it names that user."""
    profiles = world.tenant.profiles.values()
    assert [each.user_id for each in profiles if each.customer_id == customer] == [user.user_id]
    assert world.named(user) == [customer]


def at_the_nth_look(case: Case, nth: int, happens: Callable[[], object]) -> None:
    """Let something happen at a look for the users with the address."""
    looks = iter(range(99))
    case.world.tenant.meanwhile = lambda: happens() if next(looks) == nth else None


def at_the_first_look(case: Case, happens: Callable[[], object]) -> None:
    """Let it be at the plan's first one."""
    at_the_nth_look(case, 0, happens)


def at_the_second_look(case: Case, happens: Callable[[], object]) -> None:
    """Let it be at the plan's second one."""
    at_the_nth_look(case, 1, happens)


def asleep_for_a_night(case: Case, happens: Callable[[], object]) -> None:
    """Let the laptop sleep on it, in the middle of the command."""

    def and_sleeps() -> None:
        happens()
        case.world.clock.sleep(10 * 3600)

    at_the_nth_look(case, 0, and_sleeps)


def before_the_record_ends(case: Case, happens: Callable[[], object]) -> None:
    """Let it be right before the former's record is opened."""
    case.world.meanwhile(ENDS_THE_RECORD, happens)


@pytest.mark.parametrize(
    "moment", [at_the_first_look, at_the_second_look, asleep_for_a_night, before_the_record_ends]
)
def test_while_the_command_runs(moment: Callable[..., None]) -> None:
    """Their login replays the record, which claims nothing: who was let in keeps the customer."""
    case = Case()
    link_of_bob(case)
    case.world.at(6 * SETTLED_SECONDS)
    told: list[Any] = []

    def comes_back() -> None:
        case.world.tenant.add(BOB, ADAS)
        told.append(case.world.login(BOBS_LOGIN))

    moment(case, comes_back)
    refusal = case.apply()
    # Auth0 writes the metadata only now: the log-in waited for a second factor.
    case.world.tenant.merge_app_metadata(BOB.user_id, told[0].app_metadata)

    assert told[0].customer_id == case.customer
    assert refusal is not None
    assert "auth0|bob is there" in refusal.why
    assert_owner(case.world, BOB, case.customer)


@pytest.mark.parametrize("late", [None, 50.0, 59.0])
def test_claimant(late: float | None) -> None:
    """Whose claim was to be replaced claims it anew: theirs it is, however late the update."""
    case = Case(World(Policy(existing_customer=ExistingCustomer.ADOPT)))
    world = case.world
    world.stripe.account.update(case.customer, {"metadata": ""})
    claimed_by(case, BOB)
    world.at(6 * SETTLED_SECONDS)

    def comes_back() -> None:
        if late is not None:
            world.fails(ADOPT, Kind.LATE, 6 * SETTLED_SECONDS + late)
        back(case)

    world.meanwhile(REPLACES_THE_CLAIM, comes_back)
    assert case.apply() is not None
    world.at(9 * SETTLED_SECONDS)
    back(case)

    assert_owner(world, BOB, case.customer)
    assert world.named(ADA) == []


@pytest.mark.parametrize("ahead", [1.0, 1.5, 2.0])
def test_command_that_stalls_at_the_end_of_the_link(ahead: float) -> None:
    """A login whose clock is ahead took the lease over: the write that fails is heard."""
    case = Case()
    link_of_bob(case)
    world = case.world
    world.at(6 * SETTLED_SECONDS)

    def stalls() -> None:
        world.clock.sleep(14.05)
        run = Run(FakeClock(world.clock.now + ahead), "ahead")
        ledger = DynamoDbLedger(world.dynamodb, "ledger", run)
        ports = ledger, world.stripe, world.policy, run
        world.tenant.add(BOB, ADAS)
        told = Provisioning(Settling(BOBS_LOGIN, *ports, is_admission=True)).instruction()
        assert told.customer_id == case.customer
        world.tenant.merge_app_metadata(BOB.user_id, told.app_metadata)

    world.meanwhile("was_gone = :gone", stalls)
    refusal = case.apply()

    assert refusal is not None
    assert refusal.is_passing
    assert_owner(world, BOB, case.customer)


ANOTHER_ADDRESS = ["bob@example.com", "b.o.b@example.com", "bob@example.org"]


@pytest.mark.parametrize("email", ANOTHER_ADDRESS)
@pytest.mark.parametrize("crash", [(OPEN, 3), (LIST, 1), None])
def test_with_another_address(email: str, crash: tuple[str, int] | None) -> None:
    """The command ended their record, and went no further: what names them still is theirs."""
    case = Case()
    link_of_bob(case)
    case.world.at(6 * SETTLED_SECONDS)
    if crash is None:
        case.world.fails(LIST, Kind.LOST, times=9)
        assert case.apply() is not None
        case.world.outside.faults.clear()
    else:
        interrupted(case, *crash, Kind.DIES_BEFORE)
    case.world.at(8 * SETTLED_SECONDS)

    assert back(case, email).customer_id == case.customer
    assert_owner(case.world, BOB, case.customer)
    assert "had" not in case.world.record(BOB)


@pytest.mark.parametrize("email", ANOTHER_ADDRESS)
def test_with_another_address_when_all_is_done(email: str) -> None:
    """What names another user by then is theirs no more: they sign up anew."""
    case = Case()
    link_of_bob(case)
    case.world.at(6 * SETTLED_SECONDS)
    assert case.apply() is None
    case.world.at(8 * SETTLED_SECONDS)

    assert back(case, email).reason is Reason.CUSTOMER_CREATED
    case.assert_done()


@pytest.mark.parametrize("email", ANOTHER_ADDRESS)
def test_after_a_create_whose_answer_was_lost(email: str) -> None:
    """The scheduled repair found nobody: who comes back has what was made, and no second one."""
    world = World()
    world.fails(CREATE, Kind.DIES_AFTER)
    world.login(BOBS_LOGIN)
    [made] = world.named(BOB)
    world.at(2 * SETTLED_SECONDS)
    assert world.finish(BOB)[0] is FinishStatus.GONE
    assert "@" not in str(world.record(BOB))
    world.at(3 * SETTLED_SECONDS)
    told = world.login(SignUp(BOB, 1, email, email_verified=True))

    assert told is not None
    assert told.customer_id == made
    assert world.named(BOB) == [made]


def test_list_that_does_not_answer() -> None:
    """Nothing is forgotten then: the next repair looks again."""
    world = World()
    world.fails(CREATE, Kind.DIES_AFTER)
    world.login(BOBS_LOGIN)
    world.at(2 * SETTLED_SECONDS)
    world.fails(LIST, Kind.LOST)
    assert world.finish(BOB)[0] is FinishStatus.FAILED
    assert world.finish(BOB)[0] is FinishStatus.GONE

    assert world.record(BOB)["had"] == world.named(BOB)[0]


def expired(world: World) -> None:
    """Let DynamoDB's TTL have deleted what it may by now."""
    now, items = world.clock.time(), world.table.items
    for key, item in [*items.items()]:
        if float(item.get("expires_at", {"N": "inf"})["N"]) < now:
            del items[key]


def refused_meanwhile(case: Case) -> None:
    """Let Ada's connection give no address for once: no repair finishes what was begun then."""
    case.world.at(4 * SETTLED_SECONDS)
    told = case.world.login(SignUp(ADA, 2, None, marker=Marker.UNFINISHED))
    assert told is not None
    assert told.reason is Reason.EMAIL_MISSING
    assert "is_open" not in case.world.record(ADA)


@pytest.mark.parametrize("meanwhile", [lambda _: None, refused_meanwhile])
@pytest.mark.parametrize("days", [29.5, 30.1, 400.0])
def test_after_a_month(days: float, meanwhile: Callable[[Case], None]) -> None:
    """That they were gone is forgotten by then, and so is what was begun in their place."""
    case = Case()
    interrupted(case, CLAIM, 1, Kind.DIES_AFTER)
    meanwhile(case)
    case.world.at(days * 24 * 3600)
    expired(case.world)
    assert back(case).customer_id == case.customer
    case.world.clock.sleep(2 * SETTLED_SECONDS)
    ada_logs_in(case)

    assert_owner(case.world, BOB, case.customer)


def test_within_the_month() -> None:
    """What was begun is finished."""
    case = Case()
    interrupted(case, CLAIM, 1, Kind.DIES_AFTER)
    case.world.at(28 * 24 * 3600)
    ada_logs_in(case)

    case.assert_done()


@pytest.mark.parametrize("email", ["old@example.com", ADAS, "bob@example.com"])
def test_with_another_recorded_customer(email: str) -> None:
    """Their record is ended whatever it links: a person deletes that one, and they come back."""
    case = Case()
    world = case.world
    other = world.customer(email, BOB)
    _, ledger, _ = world.ports()
    lease = ledger.open(BOB, None, admission=True)
    assert isinstance(lease, Lease)
    ledger.link(lease, other)
    world.at(4 * SETTLED_SECONDS)
    interrupted(case, CLAIM, 1, Kind.DIES_AFTER)
    world.at(6 * SETTLED_SECONDS)
    world.stripe.account.delete(other)
    assert back(case).customer_id == case.customer
    world.at(8 * SETTLED_SECONDS)
    ada_logs_in(case)

    assert_owner(world, BOB, case.customer)
