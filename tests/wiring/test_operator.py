"""The composition root for who looks after a deployment: on a laptop, or in its cloud."""

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from tests.interleaving import user

from customerlink.adapters.aws import server_clock
from customerlink.adapters.dynamodb import boto3_client as boto3_dynamodb
from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.model.customer import NewCustomer
from customerlink.model.keys import StripeKey
from customerlink.model.policy import Policy
from customerlink.model.sign_up_record import Busy, Lease
from customerlink.model.signup import SignUp
from customerlink.ports.run import Run
from customerlink.wiring import operator
from customerlink.wiring.operator import Operator
from sandbox.aws import TABLE, Aws, aws

ADA, BOB, FIRST = user("ada"), user("bob"), "first@example.com"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Aws]:
    """Serve DynamoDB, whose clock is right."""
    with aws({}) as served:
        yield served


class TestLaptopWhoseClockIsAhead:
    """Five minutes, which is longer than every lease."""

    @pytest.fixture
    def laptop(self, cloud: Aws, monkeypatch: pytest.MonkeyPatch) -> Operator:
        """Return what settles records on a machine whose clock was set wrongly."""
        ahead = SimpleNamespace(
            time=lambda: time.time() + 300, monotonic=time.monotonic, sleep=time.sleep
        )
        for module in (server_clock, boto3_dynamodb, operator):
            monkeypatch.setattr(module, "time", ahead)
        key = StripeKey("rk_test_0")
        return operator.operator_on_a_laptop(cloud.dynamodb, TABLE, "", key, Policy())

    def test_takes_nobodys_lease_and_nobodys_lock(self, cloud: Aws, laptop: Operator) -> None:
        """Those of a login that is running right now."""
        create = NewCustomer.of(SignUp(ADA, 1), FIRST)
        login = DynamoDbLedger(Boto3DynamoDb(cloud.dynamodb), TABLE, Run(time, "login"))
        running = login.open(ADA, create, admission=True)
        assert isinstance(running, Lease)
        assert login.lock_email(running, FIRST).is_mine
        ledger = laptop.ledger()

        assert isinstance(ledger.open(ADA, create, admission=False), Busy)
        other = ledger.open(BOB, NewCustomer.of(SignUp(BOB, 1), FIRST), admission=False)
        assert isinstance(other, Lease)
        lock = ledger.lock_email(other, FIRST)
        assert (lock.holder, lock.is_mine) == (ADA, False)
