"""The repair, in this process; tests/e2e runs it as it is built."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from tests.e2e.test_deployment_functions import open_sign_up

from customerlink.adapters.auth0.errors import Auth0RefusedError
from customerlink.adapters.auth0.management import Users
from customerlink.functions import repair
from customerlink.functions.shell.telemetry import SERVICE
from customerlink.model.beats import BEAT, PAUSE_SECONDS, canary_address
from customerlink.model.events import Served, read_event
from customerlink.model.profile import Profile
from customerlink.model.user import Tenant
from customerlink.wiring.sync import AfterTheSignUp
from sandbox.aws import REGION, TABLE, TENANT_SECRET
from sandbox.gateway import Context
from sandbox.sandbox import Sandbox, sandbox
from sandbox.stripe_account import Fault, FaultKind


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Return a sandbox of one's own, in the environment of its functions."""
    with sandbox() as made:
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        repair._application.cache_clear()
        repair._dynamodb.cache_clear()
        yield made
        repair._application.cache_clear()
        repair._dynamodb.cache_clear()


def user(box: Sandbox, name: str, minutes: float = 5, *, is_there: bool = True) -> str:
    """Let there be a user whose sign-up was left open."""
    user_id = f"auth0|{name}"
    email = f"{minutes}@example.com" if name == "ada" else f"{name}@example.com"
    if is_there:
        box.tenant.add_user(user_id, email=email, app_metadata={"stripe_signup": "unfinished"})
    open_sign_up(box, user_id, minutes, linked=False)
    return user_id


def run(box: Sandbox, milliseconds: int = 60_000) -> dict[str, Any]:
    """Run it once; return the metrics by name."""
    before = len(box.log.getvalue())
    context: Any = Context()
    context.get_remaining_time_in_millis = lambda: milliseconds
    repair.handler({}, context)
    lines = [json.loads(each) for each in box.log.getvalue()[before:].splitlines()]
    [metrics] = [each for each in lines if "open_sign_ups" in each]
    return {
        name: value[0]
        for name, value in metrics.items()
        if name.startswith(("open_", "repair_")) and value
    }


def test_finishes_what_is_open(box: Sandbox) -> None:
    """Both sides are linked, and nothing stays open."""
    box.let_functions_into_the_tenant()
    ada = user(box, "ada")
    metrics = run(box)
    linked = box.tenant.users[ada]["app_metadata"]

    assert metrics == {"open_sign_ups": 0, "repair_finished": 1}
    assert linked.keys() == {"stripe_customer_id"}
    assert box.stripe.retrieve(linked["stripe_customer_id"])["metadata"]["auth0_user_id"] == ada
    assert run(box) == {"open_sign_ups": 0}
    assert "@example.com" not in box.log.getvalue()


def test_open_checkouts_are_finished_too(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under `ProvisionAt=checkout` only an order opens one, and it was to get a customer."""
    monkeypatch.setenv("CUSTOMERLINK_PROVISION_AT", "checkout")
    box.let_functions_into_the_tenant()
    user(box, "ada")

    assert run(box) == {"open_sign_ups": 0, "repair_finished": 1}


def test_young_ones_and_strangers_are_left_alone(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user may be at it right now; and another tenant's are not ours to judge."""
    box.let_functions_into_the_tenant()
    user(box, "young", 1)
    box.tenant.name = "other"
    monkeypatch.setenv("CUSTOMERLINK_TENANTS", "acme,other")
    box.let_functions_into_the_tenant()
    user(box, "foreign")

    assert run(box) == {"open_sign_ups": 0}
    assert box.stripe.live_customers() == []


def test_gone_denied_and_failed(box: Sandbox) -> None:
    """Each told by its end."""
    box.let_functions_into_the_tenant()
    user(box, "gone", is_there=False)
    user(box, "taken")
    box.stripe.create({"email": "taken@example.com"})

    assert run(box) == {"open_sign_ups": 0, "repair_gone": 1, "repair_denied": 1}

    user(box, "unlucky", 20)
    box.stripe.faults.append(Fault(FaultKind.DOWN, "GET", times=99))
    assert run(box) == {"open_sign_ups": 1, "repair_failed": 1}


def test_trouble_with_the_tenant(box: Sandbox) -> None:
    """Told by its kind; the sign-up stays open for the next time."""
    box.let_functions_into_the_tenant()
    user(box, "ada")
    box.management.faults += ["GET /api/v2/users"]

    assert run(box)["repair_failed"] == 1
    assert '"reason":"Auth0RefusedError"' in box.log.getvalue()
    assert run(box)["repair_finished"] == 1


def test_trouble_with_the_ledger(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sign-up stays open for the next time."""
    box.let_functions_into_the_tenant()
    user(box, "gone", is_there=False)
    monkeypatch.setattr("customerlink.adapters.dynamodb.table.CALL_SECONDS", 99.0)

    assert run(box)["repair_failed"] == 1
    assert '"provisioning_failed"' in box.log.getvalue()


def test_no_time_left(box: Sandbox) -> None:
    """What is not begun is not lost."""
    box.let_functions_into_the_tenant()
    user(box, "ada", 20)

    assert run(box, milliseconds=10_000) == {"open_sign_ups": 1}
    assert run(box) == {"open_sign_ups": 0, "repair_finished": 1}


def test_without_a_tenants_secret_it_counts(box: Sandbox) -> None:
    """Nobody has put it in: only Auth0 knows whether a user is still there."""
    user(box, "ada", 20)

    assert run(box) == {"open_sign_ups": 1}


def test_wrong_secret(box: Sandbox) -> None:
    """Named by its field."""
    box.aws.secrets_manager.put_secret_value(SecretId=TENANT_SECRET, SecretString='{"tenant": "a"}')

    with pytest.raises(Exception, match="the secret's field domain is missing"):
        run(box)


@pytest.mark.parametrize("error", [TypeError, KeyError, RecursionError])
def test_trouble_of_one_users(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """Told by its kind; everybody else's sign-up is finished, and counted."""
    box.let_functions_into_the_tenant()
    unlucky = [user(box, name, 20) for name in ("a", "b", "c")][1]
    read = Users.get

    def get(users: Users, user_id: str) -> Profile | None:
        if user_id == unlucky:
            raise error("ada@example.com")
        return read(users, user_id)

    monkeypatch.setattr(Users, "get", get)

    assert run(box) == {"open_sign_ups": 1, "repair_finished": 2, "repair_failed": 1}
    assert f'"reason":"{error.__name__}"' in box.log.getvalue()
    assert "ada@" not in box.log.getvalue()


def owed(box: Sandbox, key: str, partition: str) -> None:
    """Let the ledger owe a user a look since a minute."""
    box.aws.dynamodb.put_item(
        TableName=TABLE,
        Item={
            "pk": {"S": key},
            "is_open": {"S": partition},
            "open_since": {"N": str(time.time() - 60)},
        },
    )


def signed_up(box: Sandbox, who: str, **profile: Any) -> str:
    """Let there be a user who has a customer, and whose address nobody has locked any more."""
    user_id = box.tenant.add_user(f"auth0|{who}", email=f"{who}@example.com", **profile)
    box.tenant.login(user_id)
    for each in box.aws.items():
        if str(each["pk"]).startswith("email#"):
            key = {"pk": {"S": str(each["pk"])}}
            box.aws.dynamodb.delete_item(TableName=TABLE, Key=key)
    return user_id


def metrics(box: Sandbox, name: str) -> list[int]:
    """Return what was published under a name."""
    lines = [json.loads(each) for each in box.log.getvalue().splitlines()]
    return [each[name][0] for each in lines if name in each and "_aws" in each]


def test_who_is_due_is_looked_at(box: Sandbox) -> None:
    """Without a queue by the repair itself; whoever is another tenant's is left alone."""
    box.let_functions_into_the_tenant()
    ada = signed_up(box, "ada", name="Ada", email_verified=True)
    box.management.users.patch(ada, {"email": "new@example.com", "email_verified": True})
    for key in (f"sync#acme#{ada}", "sync#other#auth0|bob"):
        owed(box, key, "sync")
    owed(box, "sync#acme#auth0|gone", "sync")
    run(box)
    [customer] = box.stripe.live_customers()

    # Nobody knows which address is newer, the first time.
    assert customer["email"] == "ada@example.com"
    assert (metrics(box, "sync_held"), metrics(box, "sync_nothing")) == ([1], [1])
    due = {each["pk"] for each in box.aws.items() if each.get("is_open") == "sync"}
    assert "sync#other#auth0|bob" in due


def test_with_a_queue_they_are_sent_there(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a message that leads to the user, and to nothing else."""
    session = boto3.Session("sandbox", "sandbox", "sandbox", REGION)
    sqs: Any = session.client("sqs", endpoint_url=box.aws.url)
    url = sqs.create_queue(QueueName="owed")["QueueUrl"]
    monkeypatch.setenv("CUSTOMERLINK_SYNC_QUEUE", url)
    box.let_functions_into_the_tenant()
    users = {f"auth0|{number}" for number in range(12)}
    for each in users:
        owed(box, f"sync#acme#{each}", "sync")
    run(box)
    bodies = []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [each["Body"] for each in found]
        for each in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    found_users = [read_event(each, Served(Tenant("acme"))) for each in bodies]

    assert {each[0].user.user_id for each in found_users if isinstance(each, tuple)} == users
    assert metrics(box, "sync_held") == []


@pytest.mark.parametrize(("policy", "customers"), [("report", 0), ("provision", 1)])
def test_whom_nobody_reported(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, policy: str, customers: int
) -> None:
    """Is counted, and provisioned by policy; who was reported or has not come is not."""
    monkeypatch.setenv("CUSTOMERLINK_MISSED_SIGNUPS", policy)
    box.let_functions_into_the_tenant()
    before = datetime.now(UTC) - timedelta(minutes=20)
    reported = signed_up(box, "reported")
    box.tenant.add_user("auth0|missed", email="missed@example.com", last_login=before.isoformat())
    box.tenant.add_user("auth0|imported", email="imported@example.com")
    for each in (reported, "auth0|missed", "auth0|imported", "auth0|gone"):
        owed(box, f"created#acme#{each}", "created")
    run(box)

    assert metrics(box, "missed_sign_up") == [1]
    assert len(box.stripe.live_customers()) == 1 + customers
    assert [each for each in box.aws.items() if each.get("is_open") == "created"] == []
    run(box)
    assert metrics(box, "missed_sign_up") == [1]


@pytest.mark.parametrize(("partition", "status"), [("sync", 401), ("created", 403)])
def test_tenant_that_refuses_a_look(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, partition: str, status: int
) -> None:
    """One is enough to know; all of them are due still, and the token is asked for anew."""
    box.let_functions_into_the_tenant()
    for each in ("a", "b", "c"):
        owed(box, f"{partition}#acme#auth0|{each}", partition)
    read = Users.get

    def get(_users: Users, _user_id: str) -> Profile | None:
        raise Auth0RefusedError(status)

    monkeypatch.setattr(Users, "get", get)
    run(box)
    assert metrics(box, "sync_failed") == [1]
    due = [each for each in box.aws.items() if each.get("is_open") == partition]
    assert len(due) == 3
    monkeypatch.setattr(Users, "get", read)
    run(box)

    assert metrics(box, "sync_failed") == [1]


@pytest.mark.parametrize("status", [401, 403])
def test_tenant_that_refuses(box: Sandbox, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """One is enough to know; what stays open is counted all the same."""
    box.let_functions_into_the_tenant()
    for name in ("a", "b", "c"):
        user(box, name, 20)

    def get(_users: Users, _user_id: str) -> Profile | None:
        raise Auth0RefusedError(status)

    monkeypatch.setattr(Users, "get", get)

    assert run(box) == {"open_sign_ups": 3, "repair_failed": 1}


def beats(box: Sandbox, stripe_side: Callable[[], object] = lambda: None) -> list[str]:
    """Run it once, with Stripe as somebody left it; return what it told of beats."""
    before = len(box.log.getvalue())
    stripe_side()
    run(box)
    box.stripe.faults.clear()
    lines = [json.loads(each) for each in box.log.getvalue()[before:].splitlines()]
    told = [each for each in lines if each.get("message") == "beat"]
    names = ("end", "failed_at", "failure")
    return [" ".join(each[name] for name in names if name in each) for each in told]


def test_beats(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sent where Stripe's events come, every 14 minutes at the most; a fault stops no repair."""
    box.let_functions_into_the_tenant()
    canary = {"email": canary_address(SERVICE), "metadata": {BEAT: "none yet"}}
    made = box.stripe.create(canary)["id"]
    now = time.time()
    monkeypatch.setattr("customerlink.wiring.sync.time.time", lambda: now)
    assert beats(box) == []
    with monkeypatch.context() as by_post:
        by_post.setenv("CUSTOMERLINK_SYNC_BY", "webhook")
        repair._kept.cache_clear()
        assert beats(box) == ["sent"]
    monkeypatch.setenv("CUSTOMERLINK_STRIPE_EVENT_SOURCE", "aws.partner/stripe.com/ed_1")
    repair._kept.cache_clear()

    def fails(kind: FaultKind) -> Callable[[], object]:
        return lambda: box.stripe.faults.append(Fault(kind, "GET", times=99))

    assert beats(box, fails(FaultKind.DOWN)) == ["failed stripe status_503"]
    assert beats(box, fails(FaultKind.DROP_AFTER)) == ["failed stripe no_answer"]
    assert beats(box) == ["sent"]
    first = box.stripe.retrieve(made)["metadata"][BEAT]
    assert datetime.fromisoformat(first).timestamp() == pytest.approx(now)
    now += PAUSE_SECONDS - 1
    assert beats(box) == []
    now += 1
    assert beats(box) == ["sent"]
    now += PAUSE_SECONDS
    assert beats(box, lambda: box.stripe.delete(made)) == ["no_canary"]
    with monkeypatch.context() as patch:
        patch.setattr(AfterTheSignUp, "send_beat", lambda *_: 1 / 0)
        user(box, "ada", 20, is_there=False)
        assert beats(box) == ["failed code ZeroDivisionError"]
    assert metrics(box, "repair_gone") == [1]
    assert "customerlink@" not in box.log.getvalue()
