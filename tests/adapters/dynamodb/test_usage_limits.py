"""What may be done once, or so many times a day: on moto and on dynalite."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.fakes import FakeClock

from customerlink.adapters.aws.aws_json import AwsRefusedError, AwsSilentError
from customerlink.adapters.dynamodb import usage_limits
from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.usage_limits import DAY_SECONDS, PROOF_SECONDS, UsageLimits
from customerlink.model.errors import LedgerUnavailableError
from sandbox.aws import TABLE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

USER, OTHER = "auth0|ada", "auth0|bob"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Return the clock by which days and distances are counted."""
    made = FakeClock()
    monkeypatch.setattr(usage_limits, "time", made)
    return made


@pytest.fixture
def limits(client: "DynamoDBClient", clock: FakeClock) -> UsageLimits:
    """Return them over an empty table."""
    assert clock.now
    return UsageLimits(Boto3DynamoDb(client), TABLE)


def test_proof(limits: UsageLimits) -> None:
    """Whoever began with it may begin again, nobody else may, and once spent it is for nobody."""
    assert limits.begin("proof", USER)
    assert limits.begin("proof", USER)
    assert not limits.begin("proof", OTHER)
    assert limits.begin("another", OTHER)

    limits.spend("proof")
    assert not limits.begin("proof", USER)


def test_spending_what_nobody_began(limits: UsageLimits, client: "DynamoDBClient") -> None:
    """Nothing is written."""
    limits.spend("proof")

    assert client.scan(TableName=TABLE)["Items"] == []


def test_times_a_day(limits: UsageLimits, clock: FakeClock) -> None:
    """So many, each user by themselves, and each kind of question; the next day all again."""
    for _ in range(3):
        assert limits.allows("mail", USER, 3, 60)
        clock.sleep(60)
    assert not limits.allows("mail", USER, 3, 60)
    assert limits.allows("mail", OTHER, 3, 60)
    assert limits.allows("other", USER, 3, 60)

    clock.sleep(DAY_SECONDS)
    assert limits.allows("mail", USER, 3, 60)


def test_apart(limits: UsageLimits, clock: FakeClock) -> None:
    """Sooner is refused, and puts nothing off."""
    assert limits.allows("mail", USER, 3, 60)
    clock.sleep(59)
    assert not limits.allows("mail", USER, 3, 60)
    clock.sleep(1)

    assert limits.allows("mail", USER, 3, 60)


def test_what_is_kept(limits: UsageLimits, clock: FakeClock, client: "DynamoDBClient") -> None:
    """No proof and no user_id but by their digests, until the table's TTL clears them."""
    limits.begin("proof", "holder")
    limits.allows("mail", USER, 3, 60)
    proof, mail = sorted(
        client.scan(TableName=TABLE)["Items"], key=lambda each: "holder" not in each
    )

    assert float(proof["expires_at"]["N"]) == int(clock.now) + PROOF_SECONDS
    assert float(mail["expires_at"]["N"]) > clock.now + DAY_SECONDS
    assert "ada" not in str(mail)
    assert {"S": "proof"} not in proof.values()


@pytest.mark.parametrize("error", [AwsRefusedError("ThrottlingException"), AwsSilentError("x")])
@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda limits: limits.begin("proof", USER), id="begin"),
        pytest.param(lambda limits: limits.spend("proof"), id="spend"),
        pytest.param(lambda limits: limits.allows("mail", USER, 3, 60), id="allows"),
    ],
)
def test_trouble(error: Exception, ask: Callable[[UsageLimits], object]) -> None:
    """Without an answer nothing is known: neither that it may be done, nor that it may not."""

    def update_item(**_: object) -> Any:
        raise error

    client: Any = SimpleNamespace(update_item=update_item)
    with pytest.raises(LedgerUnavailableError):
        ask(UsageLimits(client, TABLE))
