"""`customerlink doctor` where sync is on: the way of an event, and what can be wrong with it."""

import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from tests.cli.commands.test_doctor import diagnosis
from tests.cli.commands.test_verify import sides
from tests.cli.conftest import Cli
from tests.cli.switching import Shop, shop_of

from customerlink.cli.config import Config, Mode
from customerlink.cli.deployment import Deployment
from customerlink.cli.doctor_sync import SyncLooks
from customerlink.cli.tenant import Tenant
from sandbox.auth0.api import SCOPES
from sandbox.aws import TABLE, forget_metrics

__all__ = ["sides"]


@pytest.fixture
def on(sides: Cli) -> Iterator[Shop]:
    """Return a deployment whose sync is on."""
    with shop_of(sides) as made:
        made.with_nobody_to_enrol()
        assert made.on().code == 0
        yield made


def looked(mode: Mode = Mode.TEST) -> dict[str, dict[str, str]]:
    """Return doctor's checks of sync by their names; all its others are made elsewhere."""
    domain, *client = (os.environ[f"AUTH0_{each}"] for each in ("DOMAIN", "CLIENT_ID"))
    secret = os.environ["AUTH0_CLIENT_SECRET"]
    config = Config(mode=mode, domain=domain, client_id=client[0], client_secret=secret)
    looks = SyncLooks(config, Deployment(config), Tenant(config))
    return {each.name: each.as_json() for each in looks.sync()}


def stream(**changes: Any) -> Callable[[Shop], object]:
    """Change the tenant's stream."""
    return lambda shop: shop.box.management.event_streams._streams[shop.streams()[0]["id"]].update(
        changes
    )


def no_stream(shop: Shop) -> None:
    """Delete it."""
    shop.box.management.event_streams.delete(shop.streams()[0]["id"])


def other_region(shop: Shop) -> None:
    """Let it be for another region."""
    settings = {"aws_account_id": "123456789012", "aws_region": "eu-west-1"}
    stream(destination={"type": "eventbridge", "configuration": settings})(shop)


def other_source(shop: Shop) -> None:
    """Let somebody have made another stream of the name."""
    settings = shop.streams()[0]["destination"]["configuration"]
    other = settings | {"aws_partner_event_source": "aws.partner/auth0.com/other/auth0.events"}
    stream(destination={"type": "eventbridge", "configuration": other})(shop)


def without_read(shop: Shop) -> None:
    """Take the scope from the operator's application."""
    left = tuple(each for each in SCOPES if each != "read:event_streams")
    client_id, secret = shop.box.management.add_client(left)
    shop.cli.patch.setenv("AUTH0_CLIENT_ID", client_id)
    shop.cli.patch.setenv("AUTH0_CLIENT_SECRET", secret)


def withdrawn(side: str) -> Callable[[Shop], object]:
    """Let a partner delete its source."""
    return lambda shop: shop.box.aws.event_sources.withdraw(shop.parameters()[side])


def half(side: str) -> Callable[[Shop], object]:
    """Let the stack have the other side's source alone."""

    def change(shop: Shop) -> None:
        other = {each: shop.parameters()[each] for each in SIDES if each != side}
        shop.box.aws.create_stack(shop.box.url, other)

    return change


def unknown(shop: Shop) -> None:
    """Let AWS have no source of the name."""
    shop.cli.patch.setattr(shop.box.aws.event_sources, "state", lambda _: None)


SIDES = ("Auth0EventSource", "StripeEventSource")


def disabled(rule: str) -> Callable[[Shop], object]:
    """Let somebody have disabled a rule."""
    return lambda shop: shop.box.aws.event_sources.disabled_rules.add(rule)


def dead(count: int) -> Callable[[Shop], object]:
    """Let so many messages be dead."""

    def change(_: Shop) -> None:
        sqs: Any = boto3.client("sqs")
        [queue] = sqs.list_queues(QueueNamePrefix="customer-link-SyncDeadLetters")["QueueUrls"]
        for _each in range(count):
            sqs.send_message(QueueUrl=queue, MessageBody="?")

    return change


def owed(count: int) -> Callable[[Shop], object]:
    """Let the ledger owe so many a look."""

    def change(shop: Shop) -> None:
        for each in range(count):
            item = {"pk": {"S": f"sync#acme#auth0|{each}"}, "is_open": {"S": "sync"}}
            due = {"open_since": {"N": str(time.time() + 86_400)}}
            shop.box.aws.dynamodb.put_item(TableName=TABLE, Item=item | due)

    return change


WRONG: list[tuple[Callable[[Shop], object], str, str, str]] = [
    (stream(status="disabled"), "sync: stream", "bad", "It is disabled"),
    (no_stream, "sync: stream", "bad", "has no event stream customerlink/customer-link"),
    (other_region, "sync: stream", "bad", "is for account 123456789012, eu-west-1"),
    (other_source, "sync: stream", "bad", "listens to another source"),
    (stream(subscriptions=[]), "sync: stream", "bad", "tell of user.created and user.deleted"),
    (without_read, "sync: stream", "warning", "it lacks read:event_streams"),
    (withdrawn("Auth0EventSource"), "sync: Auth0", "bad", "Auth0 has deleted its source"),
    (withdrawn("StripeEventSource"), "sync: Stripe", "bad", "Stripe has deleted its source"),
    (half("Auth0EventSource"), "sync: Auth0", "bad", "no source of Auth0's events"),
    (half("StripeEventSource"), "sync: Stripe", "bad", "no source of Stripe's events"),
    (unknown, "sync: Stripe", "bad", "There is no source aws.partner/stripe"),
    (disabled("UsersChangedRule"), "sync: Auth0", "bad", "Disabled: UsersChangedRule."),
    (disabled("CustomersChangedRule"), "sync: Stripe", "bad", "Disabled: CustomersChangedRule."),
    (dead(2), "sync: dead letters", "bad", "2 events could not be read"),
    (owed(1), "sync: held", "warning", "looked at again: auth0|0."),
    (owed(5), "sync: held", "warning", "auth0|0 and auth0|1 and auth0|2, and 2 more."),
]


def test_what_is_wrong_is_found(on: Shop) -> None:
    """One thing after the other, each with its way out; in order, nothing but ✓; off, one line."""
    parameters = {each: on.parameters()[each] for each in SIDES}
    kept, streams = on.cli.patch, on.box.management.event_streams
    sources, whole = on.box.aws.event_sources, streams.get(on.streams()[0]["id"])
    offered = dict(sources.offered)
    checks = looked()
    assert checks == {name: each for name, each in diagnosis(on.cli).items() if "sync" in name}
    assert list(checks) == [
        *("sync: stream", "sync: Auth0", "sync: Stripe", "sync: dead letters"),
        *("sync: Auth0 came", "sync: Stripe came", "sync: held"),
    ]
    assert {each["verdict"] for each in checks.values()} == {"good"}
    # An hour is all that is known: one of them alone would look like a time.
    assert re.search(r":00 and \d\d:00 UTC", checks["sync: Stripe came"]["meaning"])
    for spoil, name, verdict, said in WRONG:
        with pytest.MonkeyPatch.context() as on.cli.patch:
            spoil(on)
            found = looked()[name]
        assert (found["verdict"], said in found["meaning"]) == (verdict, True), found
        assert found["fix"]
        on.cli.patch = kept
        streams._streams = {whole["id"]: {**whole}}
        sources.disabled_rules.clear()
        sources.offered.update(offered)
        on.box.aws.create_stack(on.box.url, parameters)
        for item in on.box.aws.items():
            on.box.aws.dynamodb.delete_item(TableName=TABLE, Key={"pk": {"S": item["pk"]}})

    # Events of test data are none for a live profile.
    found = looked(Mode.LIVE)["sync: Stripe"]
    assert (found["verdict"], "of test data" in found["meaning"]) == ("bad", True)
    # That nothing has come proves nothing: somebody has to send one.
    forget_metrics()
    checks = looked()
    for each in ("sync: Auth0 came", "sync: Stripe came"):
        fix = "customerlink install --sync sends one."
        assert (checks[each]["verdict"], checks[each]["fix"]) == ("warning", fix)
    # Where it is off, nothing is asked.
    assert on.cli("uninstall", "--sync", stdin=on.key).code == 0
    sources.denied |= {"DescribeEventSource", "ListRules"}
    assert {name: each["verdict"] for name, each in looked().items()} == {"sync": "good"}
