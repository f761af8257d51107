"""`customerlink approve-deletions`: the days that are held, on the sandbox."""

import time

import pytest
from tests.cli.commands.test_verify import TENANT, sides
from tests.cli.conftest import Cli

from customerlink.adapters.aws.server_clock import ServerClock
from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.deletions import DynamoDbDeletions
from customerlink.model.deletions import DueDay, day_of
from customerlink.model.user import Tenant
from customerlink.ports.run import Run
from sandbox.aws import TABLE

__all__ = ["sides"]

TODAY = day_of(time.time())


@pytest.fixture
def counted(sides: Cli) -> DynamoDbDeletions:
    """Return the count, of 51 tomorrow and 50 on the day after."""
    clock = ServerClock()
    client = Boto3DynamoDb(sides.box.aws.dynamodb, clock)
    run = Run(clock, "owner", 60.0)
    found = DynamoDbDeletions(client, TABLE, run, Tenant("acme"))
    for day, times in ((TODAY + 1, 51), (TODAY + 2, 50)):
        for _ in range(times):
            found.count(day, TODAY)
    return found


def test_held_and_approved(sides: Cli, counted: DynamoDbDeletions) -> None:
    """Told first, by day and number, and by nobody's name; then approved, as many as were told.

    Of one who comes after, nobody has seen anything.
    """
    told = sides(*TENANT, "approve-deletions")
    said = "51 are due, more than the 50 that go without a person: none of them goes."
    assert (told.code, said in told.out) == (1, True)
    assert told.out.count(" are due") == 1
    assert counted.due_on(TODAY + 1) == DueDay(TODAY + 1, 51)

    done = sides(*TENANT, "approve-deletions", "--apply", "--json")
    assert (done.code, done.json()["approved"], done.json()["held"][0]["due"]) == (0, True, 51)
    assert counted.due_on(TODAY + 1) == DueDay(TODAY + 1, 51, 51)
    again = sides(*TENANT, "approve-deletions")
    assert (again.code, "No day is held." in again.out) == (0, True)
    counted.count(TODAY + 1, TODAY)
    assert sides(*TENANT, "approve-deletions", "--json").json() == {
        "held": [{"day": time.strftime("%Y-%m-%d", time.gmtime((TODAY + 1) * 86_400)), "due": 52}],
        "a_day": 50,
        "approved": False,
    }
