"""The function behind the queue, in this process: EventBridge, SQS and the ledger are moto's."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from itertools import batched
from typing import Any

import boto3
import pytest
from tests.e2e.test_artifact import MESSAGES
from tests.translation import ROOT, TEMPLATE
from tests.waiting import nobody_waits

from customerlink.functions import sync
from customerlink.functions.shell.telemetry import Metric
from customerlink.model.errors import KeyRejectedError
from customerlink.usecases.follow_events import DEAD_AT, PARKED_AT
from customerlink.wiring.sync import AfterTheSignUp
from sandbox.aws import REGION, TABLE, TENANT_SECRET
from sandbox.events import (
    AUTH0_SOURCE,
    STRIPE_SOURCE,
    Document,
    auth0_event,
    changed,
    delivered,
    stripe_event,
)
from sandbox.gateway import Context
from sandbox.sandbox import Sandbox, sandbox
from sandbox.stripe_account import Fault, FaultKind

NUMBERS = itertools.count(1)


def client(box: Sandbox, service: str) -> Any:
    """Return a client of the sandbox's AWS."""
    session = boto3.Session("sandbox", "sandbox", "sandbox", REGION)
    return session.client(service, endpoint_url=box.aws.url)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Sandbox, str, str]]:
    """Return a sandbox with the queue and the dead letters."""
    with sandbox() as box:
        sqs = client(box, "sqs")
        urls = [sqs.create_queue(QueueName=each)["QueueUrl"] for each in ("queue", "dead")]
        box.let_functions_into_the_tenant()
        yield box, urls[0], urls[1]


@pytest.fixture
def box(shared: tuple[Sandbox, str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Return it in the function's environment, with a user who has a customer."""
    box, queue, dead = shared
    more = {
        "CUSTOMERLINK_SYNC_QUEUE": queue,
        "CUSTOMERLINK_SYNC_DEAD_LETTERS": dead,
        "CUSTOMERLINK_AUTH0_EVENT_SOURCE": AUTH0_SOURCE,
        "CUSTOMERLINK_STRIPE_EVENT_SOURCE": STRIPE_SOURCE,
    }
    for name, value in (box.environment() | more).items():
        monkeypatch.setenv(name, value)
    sync._kept.cache_clear()
    number = next(NUMBERS)
    ada = box.tenant.add_user(email=f"ada{number}@example.com", email_verified=True, name="Ada")
    box.tenant.login(ada)
    # The address's lock outlives its sign-up by up to a minute.
    for each in box.aws.items():
        if str(each["pk"]).startswith("email#"):
            key = {"pk": {"S": str(each["pk"])}}
            box.aws.dynamodb.delete_item(TableName=TABLE, Key=key)
    yield box
    box.stripe.faults.clear()
    box.management.faults.clear()
    sync._kept.cache_clear()


def ada(box: Sandbox) -> str:
    """Return the user of this test."""
    return str([*box.tenant.users][-1])


def customer(box: Sandbox) -> Document:
    """Return Ada's customer."""
    metadata = box.tenant.users[ada(box)]["app_metadata"]
    return dict(box.stripe.retrieve(metadata["stripe_customer_id"]))


def moved(box: Sandbox, **changes: Any) -> Document:
    """Let Ada's profile change; return the event."""
    before = dict(box.tenant.users[ada(box)])
    box.management.users.patch(ada(box), changes)
    return auth0_event("user.updated", box.tenant.users[ada(box)], before)


def new_address() -> str:
    """Return an address that nobody has."""
    return f"new{next(NUMBERS)}@example.com"


def run(*bodies: str | Document, receives: int = 1) -> list[str]:
    """Invoke the function with messages; return which come again."""
    texts = [each if isinstance(each, str) else json.dumps(each) for each in bodies]
    context: Any = Context()
    context.get_remaining_time_in_millis = lambda: 30_000
    answer = sync.handler(delivered(texts, receives), context)
    return [str(each["itemIdentifier"]) for each in answer["batchItemFailures"]]


def taken(box: Sandbox, url: str) -> list[str]:
    """Take all messages out of a queue; return their bodies."""
    sqs, bodies = client(box, "sqs"), []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for each in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            bodies.append(each["Body"])
    return bodies


def counts(box: Sandbox, before: int = 0) -> dict[str, float]:
    """Return the metrics that were published, by name."""
    lines = [json.loads(each) for each in box.log.getvalue()[before:].splitlines()]
    metrics = [each for each in lines if "_aws" in each]
    return {
        name: sum(each[name][0] for each in metrics if name in each)
        for name in Metric
        if any(name in each for each in metrics)
    }


@pytest.mark.parametrize(("bucket", "ahead"), [("auth0", 25), ("auth0", 3600), ("stripe", 60)])
def test_turns_that_come_too_late(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, bucket: str, ahead: float
) -> None:
    """Others have them all: the event comes again, and then the ledger has it; no time is lost."""
    # Of the 30 s that the function has, 25 are too late by far, however slow the machine.
    monkeypatch.setattr(sync, "AFTER_A_TURN_SECONDS", 25.0)
    event = moved(box, name="Ada King")
    key = {"pk": {"S": f"rate#{bucket}"}}
    next_at = {"next_at": {"N": str(time.time() + ahead)}}
    box.aws.dynamodb.put_item(TableName=TABLE, Item=key | next_at)
    try:
        again, parked = run(event), run(event, receives=PARKED_AT)
    finally:
        box.aws.dynamodb.delete_item(TableName=TABLE, Key=key)

    assert (len(again), parked) == (1, [])
    assert customer(box)["name"] == "Ada"
    # Another machine: this one has taken some of those turns.
    sync._kept.cache_clear()
    assert run(event) == []
    assert customer(box)["name"] == "Ada King"


def forgotten(box: Sandbox) -> Document:
    """Let the ledger not know Ada's link, and her name be another one."""
    box.aws.dynamodb.delete_item(TableName=TABLE, Key={"pk": {"S": f"signup#acme#{ada(box)}"}})
    return moved(box, name="Ada King")


def emptied(box: Sandbox) -> Document:
    """Let Ada's customer name nobody, and her address be another one."""
    box.stripe.update(str(customer(box)["id"]), {"metadata": {"auth0_user_id": ""}})
    return moved(box, email=new_address())


@pytest.mark.parametrize(
    "happens",
    [
        lambda box: moved(box, name="Ada King"),
        lambda box: moved(box, email=new_address()),
        lambda box: moved(box, email=new_address(), name="Ada King"),
        lambda box: moved(box, app_metadata={"stripe_customer_id": None}),
        forgotten,
        emptied,
    ],
)
def test_nobody_waits_under_a_lease(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, happens: Callable[[Sandbox], Document]
) -> None:
    """A log-in is told `in_progress` while a record is leased, and waits for no rate limit."""
    event = happens(box)
    with nobody_waits(box.aws, monkeypatch, "signup#", "email#") as turns:
        assert run(event) == []

    assert {"rate#auth0", "rate#stripe"} <= {*turns}


def test_a_new_address_reaches_stripe(box: Sandbox) -> None:
    """By one event; its duplicate and its echo write nothing, and no line has the address."""
    before = len(box.log.getvalue())
    new, old = new_address(), customer(box)
    event = moved(box, email=new)
    assert run(event) == []
    echo = stripe_event("customer.updated", customer(box), changed(old, customer(box)))
    assert run(event, echo) == []

    assert customer(box)["email"] == new
    assert counts(box, before) == {"sync_done": 1, "sync_nothing": 1}
    assert "@example.com" not in box.log.getvalue()[before:]


@pytest.mark.parametrize(
    "body",
    ["not JSON: ada@example.com", '{"source": "x"}', "[" * 100_000, '["\\ud83d"]', "é" * 100_000],
)
def test_unreadable(box: Sandbox, shared: tuple[Sandbox, str, str], body: str) -> None:
    """Among the dead letters at first sight, as it was; counted, and never quoted."""
    before = len(box.log.getvalue())
    assert run(body, moved(box, name="Countess")) == []

    assert taken(box, shared[2]) == [body]
    assert counts(box, before)["sync_unreadable"] == 1
    assert customer(box)["name"] == "Countess"
    assert "ada@" not in box.log.getvalue()[before:]


def test_outages(box: Sandbox) -> None:
    """In the queue twice, then in the ledger; what comes back when it is over is followed."""
    event = moved(box, name="Countess")
    box.stripe.faults.append(Fault(FaultKind.DOWN, "GET", times=99))
    assert run(event) == ["message-0"]
    assert run(event, event, receives=PARKED_AT) == []
    box.stripe.faults.clear()

    [due] = [each for each in box.aws.items() if each.get("is_open") == "sync"]
    assert due["pk"] == f"sync#acme#{ada(box)}"


@pytest.mark.parametrize(("receives", "again"), [(1, ["message-0"]), (DEAD_AT, [])])
def test_bugs(
    box: Sandbox,
    shared: tuple[Sandbox, str, str],
    monkeypatch: pytest.MonkeyPatch,
    receives: int,
    again: list[str],
) -> None:
    """Tried again, and at the fifth time a dead letter; alarmed by kind and place each time."""
    before, event = len(box.log.getvalue()), json.dumps(moved(box, name="Countess"))

    def look(*_: object) -> None:
        raise KeyError("ada@example.com")

    monkeypatch.setattr("customerlink.usecases.look.Look.decision", look)

    assert run(event, receives=receives) == again
    assert taken(box, shared[2]) == ([] if again else [event])
    assert '"exception":"KeyError"' in box.log.getvalue()[before:]
    assert "ada@" not in box.log.getvalue()[before:]


def test_dead_letters_that_are_not_taken(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the message where it is: SQS moves it by itself in the end."""
    monkeypatch.setenv("CUSTOMERLINK_SYNC_DEAD_LETTERS", f"{box.aws.url}/0/nowhere")

    assert run("no JSON") == ["message-0"]


@pytest.mark.parametrize("value", ["{}", "no JSON", '{"tenant": "another"}'])
def test_a_wrong_secret(box: Sandbox, value: str) -> None:
    """Leaves all of them in the queue, and is alarmed without its text."""
    before = len(box.log.getvalue())
    box.aws.secrets_manager.put_secret_value(SecretId=TENANT_SECRET, SecretString=value)
    try:
        assert run(moved(box, name="Countess"), "no JSON") == ["message-0", "message-1"]
    finally:
        box.let_functions_into_the_tenant()

    assert '"internal_error":[1.0]' in box.log.getvalue()[before:]
    assert run(moved(box, name="Countess")) == []


def test_refused_credentials_are_read_anew(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the next batch: somebody may have replaced them; an outage costs no new token."""
    kept = sync._kept()
    box.stripe.faults.append(Fault(FaultKind.DOWN, "GET", times=99))
    run(moved(box, name="Countess"))
    assert sync._kept() is kept

    monkeypatch.setattr(AfterTheSignUp, "follow", _refused(kept))
    run(moved(box, name="Ada L."))
    assert sync._kept() is not kept


def _refused(kept: AfterTheSignUp) -> Any:
    """Return a `follow` whose users nobody may read."""
    follow = kept.follow

    def refused(_: AfterTheSignUp, *arguments: Any) -> Any:
        def get(_user_id: str) -> None:
            raise KeyRejectedError

        found = follow(*arguments)
        found.sync.profiles.get = get  # type: ignore[method-assign, assignment]
        return found

    return refused


@pytest.mark.parametrize("name", [each for each in MESSAGES if each != "sync-unreadable"])
@pytest.mark.usefixtures("box")
def test_events_for_local_runs(name: str) -> None:
    """Each is read here too: its user is unknown, or another tenant's, and nothing is done."""
    context: Any = Context()
    context.get_remaining_time_in_millis = lambda: 30_000
    event = json.loads((ROOT / "events" / f"{name}.json").read_text())

    assert sync.handler(event, context) == {"batchItemFailures": []}


# Through EventBridge, by the template's own patterns

RULES = {
    "UsersChangedRule": ("Auth0EventSource", AUTH0_SOURCE),
    "CustomersChangedRule": ("StripeEventSource", STRIPE_SOURCE),
}


@pytest.fixture(scope="module")
def buses(shared: tuple[Sandbox, str, str]) -> dict[str, str]:
    """Put up the rules; return the bus of each source.

    moto reads a name with slashes as an ARN, so the buses have others; the sources are as they are.
    """
    box, queue, _ = shared
    events, sqs = client(box, "events"), client(box, "sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    arn = attributes["Attributes"]["QueueArn"]
    for name, (parameter, source) in RULES.items():
        pattern = json.dumps(TEMPLATE["Resources"][name]["Properties"]["EventPattern"])
        pattern = pattern.replace(json.dumps({"Ref": parameter}), json.dumps(source))
        events.create_event_bus(Name=name)
        events.put_rule(Name=name, EventBusName=name, EventPattern=pattern)
        events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "queue", "Arn": arn}])
    return {source: name for name, (_, source) in RULES.items()}


def sent(box: Sandbox, buses: dict[str, str], queue: str, *events: Document) -> list[str]:
    """Send events through EventBridge; return what arrives in the queue."""
    entries = [
        {
            "Source": each["source"],
            "DetailType": each["detail-type"],
            "Detail": json.dumps(each["detail"]),
            "EventBusName": buses[each["source"]],
        }
        for each in events
    ]
    for some in batched(entries, 10, strict=False):
        assert client(box, "events").put_events(Entries=[*some])["FailedEntryCount"] == 0
    return taken(box, queue)


def customer_had(attributes: Document) -> Document:
    """Return that a customer has changed, with what it had before."""
    return stripe_event("customer.updated", {"id": "cus_1"}, attributes)


FOLLOWED = [
    *(auth0_event(f"user.{each}", {}) for each in ("created", "updated", "deleted")),
    stripe_event("customer.deleted", {}),
    *(customer_had({each: "a"}) for each in ("email", "name", "phone")),
    customer_had({"email": None}),
    customer_had({"preferred_locales": ["de"]}),
    *(
        customer_had({"metadata": {each: None}})
        for each in ("auth0_user_id", "auth0_tenant", "auth0_sync_beat")
    ),
]
LEFT = [
    auth0_event("organization.created", {}),
    stripe_event("customer.created", {}),
    customer_had({"metadata": {"shop": "1"}}),
    customer_had({"balance": 5, "description": "a"}),
]


def test_the_templates_rules(
    box: Sandbox, shared: tuple[Sandbox, str, str], buses: dict[str, str]
) -> None:
    """What nobody follows is dropped before anything is paid for."""
    arrived = [json.loads(each)["detail"] for each in sent(box, buses, shared[1], *FOLLOWED, *LEFT)]

    assert [each["detail"] for each in FOLLOWED if each["detail"] not in arrived] == []
    assert [each["detail"] for each in LEFT if each["detail"] in arrived] == []


def test_from_the_bus_to_the_customer(
    box: Sandbox, shared: tuple[Sandbox, str, str], buses: dict[str, str]
) -> None:
    """EventBridge, rule, queue, function: as it arrives, the body is read."""
    new = new_address()
    bodies = sent(box, buses, shared[1], moved(box, email=new))

    assert run(*bodies) == []
    assert customer(box)["email"] == new
