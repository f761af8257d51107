"""The composition root for who looks after a deployment: on a laptop, or in its cloud."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import stripe
from tests.fakes import FakeProfiles, FakeRefusals
from tests.interleaving import user

from customerlink.adapters.aws import server_clock
from customerlink.adapters.dynamodb import boto3_client as boto3_dynamodb
from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.adapters.token_bucket import Unlimited
from customerlink.model.customer import NewCustomer
from customerlink.model.errors import KeyRejectedError
from customerlink.model.instruction import Reason
from customerlink.model.keys import StripeKey
from customerlink.model.policy import Policy
from customerlink.model.sign_up_record import Busy, Lease
from customerlink.model.signup import SignUp
from customerlink.model.trust import Trust
from customerlink.model.user import CustomerId, Tenant
from customerlink.ports.deadline import SIGN_UP_SECONDS
from customerlink.ports.run import Run
from customerlink.usecases.settle import Creates
from customerlink.wiring import operator
from customerlink.wiring.comparing import comparison
from customerlink.wiring.operator import PROVISION_SECONDS, Operator, stripe_client
from sandbox.aws import TABLE, Aws
from sandbox.patience import PATIENCE_SECONDS, wait_until
from sandbox.serving import Server
from sandbox.stripe_account import Permission, StripeAccount
from sandbox.stripe_server import stripe_app

ADA, BOB, FIRST = user("ada"), user("bob"), "first@example.com"


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


def test_invocations(cloud: Aws) -> None:
    """Each has writes of its own, and longer than a sign-up; nobody is asked for another key."""
    services = operator.operator_on_a_laptop(
        cloud.dynamodb, TABLE, "http://127.0.0.1:9", StripeKey("rk_test_0"), Policy()
    )
    runs = [services.settling(SignUp(ADA, 0)).run for _ in range(2)]

    assert runs[0].owner != runs[1].owner
    assert all(SIGN_UP_SECONDS < each.deadline.remaining() <= PROVISION_SECONDS for each in runs)


def test_settling(cloud: Aws) -> None:
    """What the caller asks for, under the deployment's policy, and without the person."""
    policy, known = Policy(linking_url="https://shop.example/link"), (CustomerId("cus_1"),)
    services = operator.operator_on_a_laptop(
        cloud.dynamodb, TABLE, "", StripeKey("rk_test_0"), policy
    )
    settling = services.settling(SignUp(ADA, 0), creates=Creates.NEVER, known=known)

    assert (settling.policy, settling.creates, settling.known) == (policy, Creates.NEVER, known)
    assert not settling.is_admission
    assert settling.linking_page(settling.signup) is None


def test_key_that_stripe_rejects(cloud: Aws) -> None:
    """Whose call it was is told by the outcome; nobody after them is begun."""
    account = StripeAccount()
    with Server(stripe_app(account)) as server:
        key = StripeKey(account.add_key(Permission.NONE))
        services = operator.operator_on_a_laptop(cloud.dynamodb, TABLE, server.url, key, Policy())
        signup = SignUp(user("eve"), 0, email="eve@example.com")

        assert services.settling(signup).settle().reason is Reason.PROVISIONING_FAILED
        with pytest.raises(KeyRejectedError):
            services.settling(signup)


def test_comparisons_folder(tmp_path: Path) -> None:
    """It is made where there is none, and nobody else may look inside."""
    folder = tmp_path / "state" / "default"
    client = stripe_client(StripeKey("rk_test_0"), "http://127.0.0.1:9", seconds=1, retries=0)
    made = comparison(
        Tenant("acme"),
        FakeProfiles(),
        Path.touch,
        client.v1.customers,
        Unlimited(),
        refusals=FakeRefusals(),
        folder=folder,
        tell=print,
        trust=Trust(),
    )

    assert folder.stat().st_mode & 0o777 == 0o700
    with made.sides("one"):
        assert {each.name for each in folder.iterdir()} == {"one", "one.lock"}
    assert [*folder.iterdir()] == []


@pytest.mark.parametrize("retries", [0, 1])
def test_client_that_takes_its_time(retries: int) -> None:
    """It is tried so often, and each time no longer than said."""
    asked: list[str] = []
    given_up = threading.Event()

    def slow(environ: Any, start: Any) -> list[bytes]:
        asked.append(environ["PATH_INFO"])
        given_up.wait(PATIENCE_SECONDS)
        start("200 OK", [("content-length", "2")])
        return [b"{}"]

    with Server(slow) as server:
        client = stripe_client(StripeKey("rk_test_0"), server.url, seconds=0.2, retries=retries)
        with pytest.raises(stripe.APIConnectionError):
            client.v1.customers.list({})
        # The last request may be on its way.
        wait_until(lambda: len(asked) > retries)
        given_up.set()

    assert len(asked) == 1 + retries
