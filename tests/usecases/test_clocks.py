"""Whose clock a lease and a lock go by, where the machine's own is wrong."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from tests.interleaving import user

from customerlink.adapters.aws import server_clock
from customerlink.adapters.aws.aws_json import AwsRefusedError, AwsSilentError
from customerlink.adapters.aws.server_clock import (
    LONGEST_CALL_SECONDS,
    RESOLUTION_SECONDS,
    ServerClock,
)
from customerlink.adapters.dynamodb import boto3_client as boto3_dynamodb
from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.model.customer import NewCustomer
from customerlink.model.keys import StripeKey
from customerlink.model.policy import Policy
from customerlink.model.sign_up_record import SKEW_SECONDS, Busy, Lease
from customerlink.model.signup import SignUp
from customerlink.ports.run import Run
from customerlink.wiring import operator
from customerlink.wiring.operator import Operator
from sandbox.aws import TABLE, Aws, aws

ADA, BOB, FIRST = user("ada"), user("bob"), "first@example.com"
HERE = 1_795_000_000.25
"""What the machine's clock shows, a quarter into a second."""


class TestServerClock:
    """The machine's clock, corrected by what the service's answers say."""

    @pytest.fixture(autouse=True)
    def machine(self, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
        """Return the machine's clock, which a test may set."""
        clock = SimpleNamespace(now=HERE)
        monkeypatch.setattr(server_clock, "time", SimpleNamespace(time=lambda: clock.now))
        return clock

    @pytest.mark.parametrize("ahead", [-86_400.0, -300.0, 300.0, 86_400.0])
    @pytest.mark.parametrize("seconds", [0.0, 0.4, LONGEST_CALL_SECONDS])
    def test_machine_that_is_off(
        self, machine: SimpleNamespace, ahead: float, seconds: float
    ) -> None:
        """It is right to half of the header's resolution, and half of what the call took."""
        clock = ServerClock()
        for share in (0.0, 0.5, 1.0):
            clock.observe(dated(HERE + share * seconds - ahead), HERE, HERE + seconds)
            off = clock.time() - (machine.now - ahead)

            assert abs(off) <= RESOLUTION_SECONDS / 2 + seconds / 2 + 0.001

    @pytest.mark.parametrize("ahead", [-0.2, 0.0, 0.2])
    def test_machine_within_a_second(self, ahead: float) -> None:
        """A header of whole seconds proves no difference: the machine goes on by its own."""
        clock = ServerClock()
        clock.observe(dated(HERE - ahead), HERE, HERE + 0.05)

        assert clock.time() == HERE

    def test_machine_that_is_a_little_off(self, machine: SimpleNamespace) -> None:
        """By no more than the ledger allows for, whatever part of a second the answer shows."""
        seconds = 0.05
        for hundredths in range(-500, 500):
            for part in range(10):
                sent, ahead = HERE + part / 10, hundredths / 100
                machine.now = sent
                clock = ServerClock()
                clock.observe(dated(sent - ahead), sent, sent + seconds)

                assert abs(clock.time() - (sent - ahead)) <= SKEW_SECONDS + seconds

    def test_answers_that_say_too_little(self) -> None:
        """Slow ones that fit, and those without a date, change nothing that is known."""
        clock = ServerClock()
        for known in (0.0, pytest.approx(-300, abs=1)):
            clock.observe(dated(HERE + 1), HERE, HERE + LONGEST_CALL_SECONDS + 0.01)
            clock.observe(None, HERE, HERE)
            assert clock.behind == known
            clock.observe(dated(HERE - 300), HERE, HERE + 0.05)

    def test_slow_answer_that_contradicts(self) -> None:
        """It is believed as far as it goes: a laptop minutes off must not wait."""
        clock, seconds = ServerClock(), 24.0
        clock.observe(dated(HERE - 300), HERE, HERE + seconds)

        assert clock.behind == pytest.approx(-300, abs=1 + seconds)

    def test_machine_that_is_set_later(self, machine: SimpleNamespace) -> None:
        """The next answer says so: right again, or wrong for the first time."""
        clock, there = ServerClock(), HERE - 300
        clock.observe(dated(there), HERE, HERE)
        assert clock.time() == pytest.approx(there, abs=RESOLUTION_SECONDS)
        machine.now = there
        clock.observe(dated(there), there, there)
        assert clock.time() == there
        machine.now = there + 300
        clock.observe(dated(there), HERE, HERE)
        assert clock.time() == pytest.approx(there, abs=RESOLUTION_SECONDS)


def dated(moment: float) -> str:
    """Return the header `Date` of an answer that is given at a moment."""
    return formatdate(int(moment), usegmt=True)


OPERATIONS = ("get_item", "update_item", "delete_item")


class TestWhatTheAnswersSay:
    """`Boto3DynamoDb` tells the clock of each."""

    @pytest.mark.parametrize("operation", OPERATIONS)
    @pytest.mark.parametrize("is_refused", [False, True])
    def test_every_answer(self, operation: str, *, is_refused: bool) -> None:
        """One of an error too."""
        there = time.time() + 3600
        headers = {"ResponseMetadata": {"HTTPHeaders": {"date": dated(there)}}}

        def answered(**_: object) -> Any:
            if is_refused:
                raise ClientError({"Error": {"Code": "ThrottlingException"}, **headers}, "")  # type: ignore[typeddict-item]
            return headers

        clock = ServerClock()
        with suppress(AwsRefusedError):
            getattr(client(operation, answered, clock), operation)()
        assert clock.time() == pytest.approx(time.time() + 3600, abs=2)

    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_no_answer(self, operation: str) -> None:
        """It says nothing."""

        def silent(**_: object) -> Any:
            raise EndpointConnectionError(endpoint_url="")

        clock = ServerClock()
        with pytest.raises(AwsSilentError):
            getattr(client(operation, silent, clock), operation)()
        assert clock.behind == 0.0


def client(operation: str, answered: Callable[..., Any], clock: ServerClock) -> Boto3DynamoDb:
    """Return a client of which one operation answers."""
    sdk: Any = SimpleNamespace(**dict.fromkeys(OPERATIONS) | {operation: answered})
    return Boto3DynamoDb(sdk, clock)


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
