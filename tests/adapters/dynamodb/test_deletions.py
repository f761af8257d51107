"""The count of deletions: on moto, dynalite and the simulation's table."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.adapters.dynamodb.ledger_world import NUMBERS, World

from customerlink.adapters.aws.aws_json import AwsSilentError
from customerlink.adapters.dynamodb.deletions import DynamoDbDeletions
from customerlink.model.deletions import KEPT_DAYS, DueDay, day_of, start_of
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.user import Tenant
from customerlink.ports.run import Run
from sandbox.aws import TABLE

TODAY = 20_783


@pytest.fixture
def tenant() -> Tenant:
    """Return one of which nothing was counted."""
    return Tenant(f"tenant-{next(NUMBERS)}")


def deletions(world: World, tenant: Tenant) -> DynamoDbDeletions:
    """Return them as an invocation has them."""
    return DynamoDbDeletions(world.client, TABLE, Run(world.clock, "owner", 9_999.0), tenant)


@pytest.mark.parametrize(("moment", "day"), [(0.0, 0), (86_399.9, 0), (86_400.0, 1), (1e9, 11574)])
def test_days(moment: float, day: int) -> None:
    """They begin at midnight, UTC."""
    assert day_of(moment) == day
    assert start_of(day) <= moment < start_of(day + 1)


@pytest.mark.parametrize(
    ("due", "approved", "a_day", "expected"),
    [
        (50, 0, 50, False),
        (51, 0, 50, True),
        (51, 51, 50, False),
        (52, 51, 50, True),
        (1, 0, 0, True),
    ],
)
def test_held(due: int, approved: int, a_day: int, *, expected: bool) -> None:
    """More than may be, or than somebody has seen."""
    assert DueDay(TODAY, due, approved).is_held(a_day) is expected


def test_counted_by_day(world: World, tenant: Tenant) -> None:
    """What is due on one day is no matter of another's, nor of another tenant's."""
    counted = deletions(world, tenant)
    for day in (TODAY + 1, TODAY, TODAY + 1):
        counted.count(day, TODAY)

    assert counted.days() == [DueDay(TODAY, 1), DueDay(TODAY + 1, 2)]
    assert counted.due_on(TODAY + 2) == DueDay(TODAY + 2)
    assert deletions(world, Tenant(f"{tenant}2")).days() == []


def test_day_that_is_too_full(world: World, tenant: Tenant) -> None:
    """None of it begins, not the first one either; approved, all do."""
    counted = deletions(world, tenant)
    for _ in range(4):
        counted.count(TODAY, TODAY)
    assert not counted.begin(TODAY, TODAY, 3)
    counted.approve(counted.days())

    assert [counted.begin(TODAY, TODAY, 3) for _ in range(4)] == [True] * 4
    counted.count(TODAY, TODAY)
    assert not counted.begin(TODAY, TODAY, 3)


def test_more_days_at_once(world: World, tenant: Tenant) -> None:
    """After an outage no more begin in a day than in any other; the rest begin on the next."""
    counted = deletions(world, tenant)
    for day in (TODAY - 2, TODAY - 1, TODAY - 1, TODAY):
        counted.count(day, TODAY)
    begun = [counted.begin(day, TODAY, 2) for day in (TODAY - 2, TODAY - 1, TODAY - 1, TODAY)]

    assert begun == [True, True, False, False]
    assert counted.begin(TODAY - 1, TODAY + 1, 2)
    assert not counted.due_on(TODAY).is_held(2)


def test_no_race_lets_one_too_many_through(world: World, tenant: Tenant) -> None:
    """Twelve at once, and room for three."""
    counted = deletions(world, tenant)
    for _ in range(3):
        counted.count(TODAY, TODAY)
    with ThreadPoolExecutor(4) as pool:
        begun = list(pool.map(lambda _: counted.begin(TODAY, TODAY, 3), range(12)))

    assert begun.count(True) == 3


@pytest.mark.parametrize("day", [TODAY, TODAY - 1, TODAY + 400])
def test_what_was_never_counted(world: World, tenant: Tenant, day: int) -> None:
    """It does not begin: nobody knows how many there are."""
    assert not deletions(world, tenant).begin(day, TODAY, 50)


def test_days_of_long_ago_go(world: World, tenant: Tenant) -> None:
    """The item does not grow for ever."""
    counted = deletions(world, tenant)
    for day in (TODAY - KEPT_DAYS - 1, TODAY - KEPT_DAYS):
        counted.count(day, day)
        counted.begin(day, day, 50)
    counted.count(TODAY, TODAY)

    assert [each.day for each in counted.days()] == [TODAY - KEPT_DAYS, TODAY]


def test_lost_answer(world: World, tenant: Tenant) -> None:
    """Once too often is held sooner; it is never once too few."""
    counted = deletions(world, tenant)
    world.client.lost = 1
    counted.count(TODAY, TODAY)
    assert counted.due_on(TODAY).due == 2

    world.client.troubles = [AwsSilentError("TimeoutError")] * 3
    with pytest.raises(LedgerUnavailableError):
        counted.begin(TODAY, TODAY, 50)
