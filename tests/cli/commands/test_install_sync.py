"""`customerlink install --sync`: switched on, interrupted and resumed, and what is in its way."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.cli.commands.test_verify import customer, linked, sides, user
from tests.cli.conftest import Cli
from tests.cli.switching import IS_ON, NAME, Shop, shop_of, told

from customerlink.adapters.auth0.errors import Auth0SilentError
from customerlink.cli import enrolling, sync_beats
from customerlink.cli.config import Config
from customerlink.cli.deployment import Deployment
from customerlink.cli.enrolling import Enrolling
from customerlink.cli.event_destination import EventDestinations
from customerlink.cli.event_stream import EventStreams
from customerlink.model.sync_memory import Memory
from customerlink.usecases.enrol import Enrolment
from sandbox.auth0.api import SCOPES
from sandbox.aws import TENANT_SECRET
from sandbox.stripe_account import Permission

__all__ = ["sides"]


@pytest.fixture
def shop(sides: Cli) -> Iterator[Shop]:
    """Return an installed deployment whose sync is off."""
    with shop_of(sides) as made:
        yield made


def test_switched_on(shop: Shop) -> None:
    """Dry, it tells each step; then all is there, an event of each came; again nothing is done."""
    dry = shop.on("--dry-run", "--json").json()
    assert (shop.streams(), shop.destinations()) == ([], [])
    result = shop.on()

    assert result.code == 0, result.err
    assert shop.end_state() == IS_ON
    assert "AWS deletes it at 20" in result.out
    assert [each["kind"] for each in dry["changes"]] == [
        "enrol the users who are there",
        "create Stripe's event destination",
        "create Auth0's event stream",
        "update the stack",
        "enable Auth0's event stream",
    ]
    shop.cli.changes()
    again = shop.on(key="")
    assert (again.code, "Nothing to do: sync is on." in again.out) == (0, True)
    made = [each for each in shop.cli.changes() if not each.startswith("POST /oauth/token")]
    assert len(made) == sum("/test" in each for each in made)
    assert shop.key not in str(shop.cli.stored())

    # What a partner, or AWS after seven days, has deleted is made anew, and the stack gets it.
    shop.box.destinations.delete(shop.destinations()[0]["id"])
    shop.box.management.event_streams.delete(shop.streams()[0]["id"])
    assert (shop.on().code, shop.end_state()) == (0, IS_ON)


INTERRUPTED: list[tuple[Any, str]] = [
    (Enrolment, "enrol"),
    (EventDestinations, "find"),
    (EventDestinations, "create"),
    (EventStreams, "create"),
    (Deployment, "change_parameters"),
    (EventStreams, "switch"),
    (EventStreams, "send_test"),
    (sync_beats, "beat"),
]
"""What each step calls, in their order."""


def breaking(call: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """Return a call whose connection drops before anything is done, or once it is done."""

    def broken(*args: Any, **named: Any) -> None:
        if after:
            call(*args, **named)
        raise Auth0SilentError("dropped")

    return broken


def test_interrupted_at_every_step(shop: Shop) -> None:
    """Before a step, and after it: each run goes on from there, and makes nothing twice."""
    linked(shop.cli, 1)
    for place, name in INTERRUPTED:
        for after in (False, True):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(place, name, breaking(getattr(place, name), after=after))
                stopped = shop.on()
            assert stopped.code == 3, (name, told(stopped))
            assert (len(shop.streams()) < 2, len(shop.destinations()) < 2) == (True, True)
        if place is Enrolment:
            shop.with_nobody_to_enrol()
    assert (shop.on().code, shop.end_state()) == (0, IS_ON)


def memory_of(shop: Shop, number: int) -> Memory:
    """Return what the ledger remembers of a user."""
    items = {str(each["pk"]): each for each in shop.box.aws.items()}
    found: Any = items.get(f"sync#acme#auth0|{number}", {})
    return Memory(customer_id=found.get("customer_id"), applied=found.get("applied", {}))


def recorded(shop: Shop) -> set[str]:
    """Return the users whom the ledger has as linked."""
    return {
        str(each["pk"]).rpartition("|")[2]
        for each in shop.box.aws.items()
        if str(each["pk"]).startswith("signup#") and each.get("state") == "linked"
    }


def some_users(shop: Shop) -> None:
    """Put in two that agree, one with two names, one with two addresses, one without a customer."""
    user(shop.cli, 1, customer(shop.cli, 1), email_verified=True)
    user(shop.cli, 2, customer(shop.cli, 2, name="Bea"), name="Bea", email_verified=True)
    user(shop.cli, 3, customer(shop.cli, 3, name="Cleo"), name="Clea", email_verified=True)
    user(shop.cli, 4, customer(shop.cli, 4, email="old@example.com"), email_verified=True)
    user(shop.cli, 5, email_verified=True)


def held(shop: Shop) -> dict[str, Any]:
    """Return what Stripe has by now of addresses and names."""
    return {
        each["metadata"]["auth0_user_id"][-1]: (each["email"], each.get("name"))
        for each in shop.box.stripe.live_customers()
        if "auth0_user_id" in each["metadata"]
    }


def test_who_is_there_is_enrolled(shop: Shop) -> None:
    """True links are recorded; what agrees counts as applied; what differs is listed, and stays."""
    some_users(shop)
    before = held(shop)
    result = shop.on()

    assert result.code == 0, result.err
    assert recorded(shop) == {"1", "2", "3", "4"}
    assert all(memory_of(shop, each).applied for each in (1, 2))
    assert held(shop) == before
    assert "auth0|3: differs: name" in result.out
    assert "auth0|4: differs: email" in result.out
    assert "enrolled: 2; 2 differ" in result.out
    assert "@" not in result.out.replace("customerlink@", "")

    # Auth0's values are written where somebody says so, also once sync is on; in live mode asked.
    stored = shop.cli.stored()
    shop.cli.store_live_key()
    refused = shop.cli("--mode", "live", "install", "--sync", "--drift", "apply")
    shop.cli.store(json.dumps(stored))
    assert ("has to be confirmed" in refused.err, held(shop)) == (True, before)
    done = shop.on("--drift", "apply", "--json").json()
    assert (done["changes"], done["rows"]) == (["enrol the users who are there"], [])
    assert held(shop)["3"] == ("user-3@example.com", "Clea")
    assert held(shop)["4"][0] == "user-4@example.com"


def test_enrolment_goes_on(shop: Shop) -> None:
    """Whom an interrupted run has enrolled is not looked at again; after a day everybody is."""
    some_users(shop)
    seen: list[str] = []
    enrol = Enrolment.enrol

    def spied(self: Enrolment, who: Any) -> Any:
        seen.append(who.user_id)
        if len(seen) == 3:
            raise Auth0SilentError("dropped")
        return enrol(self, who)

    shop.cli.patch.setattr(enrolling, "AT_ONCE", 1)
    shop.cli.patch.setattr(Enrolment, "enrol", spied)
    assert shop.on().code == 3
    failed = seen[2]
    assert shop.on().code == 0
    assert seen[4:] == [failed]

    shop.reset()
    shop.cli.patch.setattr(enrolling, "GOOD_FOR_SECONDS", -1.0)
    assert shop.on().code == 0
    assert len(seen) == 9


def interrupted(*_: object, **__: object) -> None:
    """Be where somebody presses Ctrl-C."""
    raise KeyboardInterrupt


CTRL_C: list[tuple[type, str, str]] = [
    (Enrolling, "run", "Interrupted: what was done stands"),
    (EventDestinations, "create", "Interrupted at \"create Stripe's event destination: "),
    (Deployment, "change_parameters", 'Interrupted at "update the stack'),
    (EventStreams, "send_test", 'Interrupted at "send a test event'),
]


def test_ctrl_c(shop: Shop) -> None:
    """Is heard wherever it comes: what stands is told, and the same command goes on."""
    shop.with_nobody_to_enrol()
    for owner, name, said in CTRL_C:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, name, interrupted)
            result = shop.on()
        assert (result.code, said in result.err) == (130, True), told(result)

    assert (shop.on().code, shop.end_state()) == (0, IS_ON)


def test_key_before_the_users(shop: Shop) -> None:
    """It is tried before they are looked at, which may take hours."""
    enrolled: list[object] = []
    shop.cli.patch.setattr(Enrolling, "run", enrolled.append)
    useless = shop.box.stripe.add_key(Permission.NONE, reads=("invoice",))
    for key in ("rk_test_unknown", "pk_test_1", useless):
        assert shop.on(key=key).code != 0

    assert enrolled == []


def without_scope(*scopes: str) -> Callable[[Shop], object]:
    """Take scopes from the operator's application."""

    def change(shop: Shop) -> None:
        left = tuple(each for each in SCOPES if each not in scopes)
        client_id, secret = shop.box.management.add_client(left)
        shop.cli.patch.setenv("AUTH0_CLIENT_ID", client_id)
        shop.cli.patch.setenv("AUTH0_CLIENT_SECRET", secret)

    return change


def without_tenant_secret(shop: Shop) -> None:
    """Let no function speak to Auth0."""
    client = shop.box.aws.secrets_manager
    client.delete_secret(SecretId=TENANT_SECRET, ForceDeleteWithoutRecovery=True)
    client.create_secret(Name=TENANT_SECRET)


def full(shop: Shop) -> None:
    """Let the tenant's plan have no stream."""
    shop.cli.patch.setattr(shop.box.management.event_streams, "limit", 0)


def elsewhere(region: str, account: str = "123456789012") -> Callable[[Shop], object]:
    """Let there be a stream of the name for another place."""
    settings = {"aws_account_id": account, "aws_region": region}
    body = {"name": NAME, "destination": {"type": "eventbridge", "configuration": settings}}
    return lambda shop: shop.box.management.event_streams.create(body)


def two_sources(shop: Shop) -> None:
    """Let two destinations wait, and give no key."""
    shop.key = ""
    for each in ("ed_test_1", "ed_test_2"):
        shop.box.aws.event_sources.offer(f"aws.partner/stripe.com/{each}")


def key_that_may(*reads: str) -> Callable[[Shop], object]:
    """Let the key be one that may do something else."""
    return lambda shop: setattr(shop, "key", shop.box.stripe.add_key(Permission.NONE, reads=reads))


def with_key(key: str) -> Callable[[Shop], object]:
    """Let another key be typed."""
    return lambda shop: setattr(shop, "key", key)


def of_an_earlier_release(shop: Shop) -> None:
    """Let the stack not have the parameters."""
    outputs = Deployment(Config()).outputs
    less = {name: each for name, each in outputs.parameters.items() if name != "StripeEventSource"}
    shop.cli.patch.setattr(Deployment, "outputs", replace(outputs, parameters=less))


def lapsed(shop: Shop) -> None:
    """Let AWS have deleted the source of a stream that nobody went on with."""
    settings = {"aws_account_id": "123456789012", "aws_region": "us-east-1"}
    kinds = [{"event_type": f"user.{each}"} for each in ("created", "updated", "deleted")]
    destination = {"type": "eventbridge", "configuration": settings}
    streams = shop.box.management.event_streams
    streams.create({"name": NAME, "subscriptions": kinds, "destination": destination})
    shop.box.aws.event_sources.offered.clear()


REFUSED: list[tuple[Callable[[Shop], object], int, str]] = [
    (without_scope("create:event_streams"), 4, "lacks create:event_streams."),
    (without_scope("read:event_streams", "read:users"), 4, "lacks read:event_streams, read:users"),
    (without_scope("update:event_streams"), 4, "lacks update:event_streams."),
    (lambda shop: shop.box.aws.event_sources.denied.add("DescribeEventSource"), 4, "DescribeEvent"),
    (lambda shop: shop.box.aws.event_sources.denied.add("ListEventSources"), 4, "ListEventSources"),
    (lambda shop: shop.box.aws.event_sources.denied.add("ListRules"), 4, "not call events:ListR"),
    (of_an_earlier_release, 1, "an earlier release's, without sync"),
    (without_tenant_secret, 4, "TenantSecretName has no value"),
    (lambda shop: shop.cli.store(None), 1, "Nothing is installed yet"),
    (full, 4, "its plan has none, or no more"),
    (elsewhere("eu-west-1"), 4, "is for account 123456789012, eu-west-1"),
    (elsewhere("us-east-1", "210987654321"), 4, "is for account 210987654321"),
    (elsewhere("us-east-1"), 1, "does not tell of user.created, user.deleted, user.updated"),
    (lapsed, 3, "is not there."),
    (two_sources, 1, "Several sources of Stripe's wait: "),
    (with_key(""), 1, "no event destination of Stripe's"),
    (key_that_may("invoice"), 4, "may not see event destinations"),
    (with_key("rk_test_unknown"), 4, "not know this key"),
    (with_key("pk_test_1"), 2, "not a secret key"),
    (lambda shop: shop.deaf.add("sync_test"), 1, "Not come through in 0 s: Auth0's test event."),
    (lambda shop: shop.deaf.add("sync_beat"), 1, "Not come through in 0 s: Stripe's beat."),
]


def test_what_is_in_its_way(shop: Shop) -> None:
    """Each is told in a sentence with a way out, and never mended by guessing."""
    secret, kept, key = json.dumps(shop.cli.stored()), shop.cli.patch, shop.key
    shop.with_nobody_to_enrol()
    for hinder, code, said in REFUSED:
        with pytest.MonkeyPatch.context() as shop.cli.patch:
            hinder(shop)
            result = shop.on()
        assert (result.code, said in result.err) == (code, True), told(result)
        assert "→" in result.err
        shop.reset()
        shop.key, shop.cli.patch = key, kept
        shop.cli.store(secret)
        shop.box.let_functions_into_the_tenant()


def test_what_others_make(shop: Shop) -> None:
    """By hand in Stripe's dashboard, or by another tool: the values are told, and then found."""
    shop.with_nobody_to_enrol()
    asked = shop.on(key="")
    values = (NAME, "snapshot", "123456789012", "us-east-1")
    assert [each for each in values if each not in asked.out] == []
    assert "customer.updated, customer.deleted" in asked.out
    # With --json the document is stdout's alone, and the values are told beside it.
    told_beside = shop.on("--json", key="")
    assert NAME in told_beside.err
    assert "no event destination" in told_beside.json()["error"]

    source = "aws.partner/stripe.com/ed_test_by_hand"
    shop.box.aws.event_sources.offer(source)
    shop.box.aws.event_sources.offer("aws.partner/stripe.com/ed_test_another")
    assert shop.on(key="").code == 1
    assert shop.on("--stripe-source", source).code == 0
    assert shop.parameters()["StripeEventSource"] == source
    assert shop.destinations() == []

    # Another tool owns the tenant: it is told what to declare, and nothing of it is changed.
    shop.reset()
    Path("customerlink.toml").write_text('actions = "declared"\n')
    shop.cli.changes()
    first = shop.on()
    assert (first.code, "no event stream that is disabled" in first.err) == (1, True)
    assert [each for each in ("user.deleted", "123456789012", NAME) if each not in first.out] == []
    kinds = [{"event_type": f"user.{each}"} for each in ("created", "updated", "deleted")]
    settings = {"aws_account_id": "123456789012", "aws_region": "us-east-1"}
    destination = {"type": "eventbridge", "configuration": settings}
    streams = shop.box.management.event_streams
    body = {"name": NAME, "subscriptions": kinds, "destination": destination}
    made = streams.create(body | {"status": "disabled"})
    second = shop.on()
    assert (second.code, "no event stream that is enabled" in second.err) == (1, True)
    streams.update(made["id"], {"status": "enabled"})
    assert (shop.on().code, shop.end_state()) == (0, IS_ON)
    assert [each for each in shop.cli.changes() if "PATCH" in each] == []
