"""`install --sync --by webhook`, doctor and `uninstall --sync` where both sides post."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.cli.commands.test_doctor_sync import looked, no_stream, stream
from tests.cli.commands.test_install_sync import breaking, without_scope
from tests.cli.commands.test_uninstall_sync import off
from tests.cli.commands.test_verify import sides
from tests.cli.conftest import Cli, Result
from tests.cli.switching import NAME, Shop, shop_of, told

from customerlink.cli import sync_beats
from customerlink.cli.config import Config
from customerlink.cli.deployment import Deployment
from customerlink.cli.event_destination import EventDestinations
from customerlink.cli.event_stream import EventStreams
from customerlink.functions import events
from customerlink.model.webhook_secret import WebhookSecret
from customerlink.wiring.webhooks import Webhooks
from sandbox.aws import EVENTS_SECRET
from sandbox.events import auth0_event, stripe_event
from sandbox.gateway import in_process
from sandbox.posts import Posts
from sandbox.sandbox import started

__all__ = ["sides"]

WEBHOOK = ("--by", "webhook")


@pytest.fixture
def shop(sides: Cli) -> Iterator[Shop]:
    """Return an installed deployment whose sync is off, and whose routes are open once it is on."""
    with shop_of(sides) as made:
        made.with_nobody_to_enrol()
        before = made.box.gateway.events
        yield made
        made.box.gateway.events = before
        client = made.box.aws.secrets_manager
        client.delete_secret(SecretId=EVENTS_SECRET, ForceDeleteWithoutRecovery=True)
        client.create_secret(Name=EVENTS_SECRET)


def open_routes(shop: Shop) -> None:
    """Let the function be there, as the stack makes it."""
    queue = str(Deployment(Config()).outputs.queue)
    environment = shop.box.environment() | {"CUSTOMERLINK_SYNC_QUEUE": queue}
    respond = partial(events.respond, started(Webhooks, environment))
    shop.box.gateway.events = in_process(respond)


def known(shop: Shop) -> WebhookSecret:
    """Return by what both sides are known."""
    stored = shop.box.aws.secrets_manager.get_secret_value(SecretId=EVENTS_SECRET)
    return WebhookSecret.parse(stored["SecretString"])


def taken(shop: Shop) -> tuple[int, int]:
    """Let both sides post an event each; return how many were posted, and how many refused."""
    streams, destinations = shop.box.management.event_streams, shop.box.destinations
    posts = Posts("acme", streams=streams, destinations=destinations)
    posts.put(auth0_event("user.deleted", {"user_id": "auth0|1"}))
    posts.put(stripe_event("customer.deleted", {"id": "cus_1"}))
    posts.take()
    return posts.passed, posts.refused


def state(shop: Shop) -> tuple[Any, ...]:
    """Return all that the switch leaves, but for what is random."""
    [made], [destination] = shop.streams(), shop.destinations()
    parameters, secret = shop.parameters(), known(shop)
    return (
        (made["name"], made["status"], made["destination"]["type"], len(made["subscriptions"])),
        (destination["name"], destination["status"], destination["type"]),
        (destination["event_payload"], sorted(destination["enabled_events"])),
        (parameters["SyncBy"], parameters["Auth0EventSource"], parameters["StripeEventSource"]),
        (len(secret.auth0_tokens), len(secret.stripe_secrets)),
        secret.destination == destination["id"],
    )


IS_ON = (
    (NAME, "enabled", "webhook", 3),
    (NAME, "enabled", "webhook_endpoint"),
    ("snapshot", ["customer.deleted", "customer.updated"]),
    ("webhook", "", ""),
    (1, 1),
    True,
)


def test_switched_on_and_off(shop: Shop) -> None:
    """Dry, it tells each step; then both sides post and are known; off, nothing is left of it."""
    dry = shop.on(*WEBHOOK, "--dry-run", "--json").json()
    assert (shop.streams(), shop.destinations()) == ([], [])
    result = shop.on(*WEBHOOK)
    open_routes(shop)

    assert (result.code, state(shop)) == (0, IS_ON), told(result)
    assert taken(shop) == (2, 0)
    assert [each["kind"] for each in dry["changes"]] == [
        "enrol the users who are there",
        "update the stack",
        "create Stripe's event destination",
        "store a token for Auth0's events",
        "create Auth0's event stream",
        "enable Auth0's event stream",
    ]
    secret, said = known(shop), told(result)
    assert [each for each in (*secret.auth0_tokens, *secret.stripe_secrets) if each in said] == []
    # As the stack is deployed, unless told another way, which is another installation.
    again = shop.on(key="")
    assert (again.code, "Nothing to do: sync is on." in again.out) == (0, True), told(again)
    assert (known(shop), state(shop)) == (secret, IS_ON)
    other = shop.on("--by", "eventbridge")
    assert (other.code, "Sync is on by webhook." in other.err) == (4, True)

    checks = looked()
    assert {each["verdict"] for each in checks.values()} == {"good"}, checks
    assert "turns strangers away" in checks["sync: Stripe"]["meaning"]

    dry = off(shop, "--dry-run", "--json").json()
    assert [each["kind"] for each in dry["changes"]] == [
        "disable Auth0's event stream",
        "close the stack's routes for events",
        "delete Stripe's event destination",
        "delete Auth0's event stream",
        "delete the customer that was changed for beats",
    ]
    assert off(shop).code == 0
    assert (shop.streams(), shop.destinations()) == ([], [])
    assert shop.parameters()["SyncBy"] == "eventbridge"
    assert "Nothing to do: sync is off." in off(shop).out


STEPS: list[tuple[Any, str]] = [
    (Deployment, "change_parameters"),
    (EventDestinations, "find"),
    (EventDestinations, "create_webhook"),
    (Deployment, "write_webhooks"),
    (EventStreams, "create_webhook"),
    (EventStreams, "switch"),
    (EventStreams, "send_test"),
    (sync_beats, "beat"),
]
BACK: list[tuple[Any, str]] = [
    (Deployment, "change_parameters"),
    (EventDestinations, "find"),
    (EventDestinations, "delete"),
    (EventStreams, "delete"),
]


def test_interrupted_at_every_step(shop: Shop) -> None:
    """On and off: each run goes on from there, makes nothing twice, and both sides are known."""
    for place, name in STEPS:
        for after in (False, True):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(place, name, breaking(getattr(place, name), after=after))
                stopped = shop.on(*WEBHOOK)
            assert stopped.code == 3, (name, told(stopped))
            assert (len(shop.streams()) < 2, len(shop.destinations()) < 2) == (True, True)
    assert (shop.on().code, state(shop)) == (0, IS_ON)
    open_routes(shop)
    assert taken(shop) == (2, 0)
    for place, name in BACK:
        for after in (False, True):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(place, name, breaking(getattr(place, name), after=after))
                stopped = off(shop)
            assert stopped.code == 3, (name, after, told(stopped))
    assert off(shop).code == 0
    assert (shop.streams(), shop.destinations()) == ([], [])


def test_what_others_make(shop: Shop) -> None:
    """By hand in Stripe's dashboard, or by another tool: the values are told, and then taken."""
    asked = shop.on(*WEBHOOK, key="")
    url = f"{shop.box.url.replace('/post-login', '')}/events/stripe"
    assert (asked.code, url in asked.out, "snapshot" in asked.out) == (1, True, True), told(asked)
    assert "give its signing secret" in asked.err
    by_hand = "whsec_" + "h" * 32
    assert shop.on(key=by_hand).code == 0
    assert (known(shop).stripe_secrets, shop.destinations()) == ((by_hand,), [])

    shop.reset()
    Path("customerlink.toml").write_text('actions = "declared"\n')
    shop.cli.changes()
    first = shop.on(*WEBHOOK)
    assert (first.code, "no event stream that is disabled" in first.err) == (1, True), told(first)
    assert f"webhook_endpoint: {url.replace('stripe', 'auth0')}" in first.out
    [token] = known(shop).auth0_tokens
    assert token not in told(first)
    kinds = [{"event_type": f"user.{each}"} for each in ("created", "updated", "deleted")]
    bearer = {"method": "bearer", "token": token}
    to = {"webhook_endpoint": url.replace("stripe", "auth0"), "webhook_authorization": bearer}
    body = {"name": NAME, "destination": {"type": "webhook", "configuration": to}}
    streams = shop.box.management.event_streams
    streams.create(body | {"subscriptions": kinds, "status": "enabled"})
    assert shop.on().code == 0
    assert [each for each in shop.cli.changes() if "PATCH" in each] == []


def without_tokens(shop: Shop) -> None:
    """Let somebody have put in a secret without anything."""
    client = shop.box.aws.secrets_manager
    client.put_secret_value(SecretId=EVENTS_SECRET, SecretString="{}")


def without_a_value(shop: Shop) -> None:
    """Let nobody have put in any, as where the switching on ended in between."""
    client = shop.box.aws.secrets_manager
    client.delete_secret(SecretId=EVENTS_SECRET, ForceDeleteWithoutRecovery=True)
    client.create_secret(Name=EVENTS_SECRET)


def elsewhere(shop: Shop) -> None:
    """Let the stream post to somebody else."""
    bearer = {"method": "bearer", "token": "x"}
    to = {"webhook_endpoint": "https://other.example", "webhook_authorization": bearer}
    stream(destination={"type": "webhook", "configuration": to})(shop)


def answers(status: int) -> Callable[[Shop], object]:
    """Let the route answer everybody so."""
    answer = {"statusCode": status, "headers": {"content-type": "text/plain"}, "body": ""}
    return lambda shop: shop.cli.patch.setattr(shop.box.gateway, "events", lambda _: answer)


WRONG: list[tuple[Callable[[Shop], object], str, str]] = [
    (no_stream, "sync: stream", "has no event stream"),
    (elsewhere, "sync: stream", "another address than the stack's"),
    (stream(status="disabled"), "sync: stream", "It is disabled"),
    (stream(subscriptions=[]), "sync: stream", "does not tell of user.created"),
    (without_tokens, "sync: Auth0", "does not know Auth0 by anything"),
    (without_tokens, "sync: Stripe", "does not know Stripe by anything"),
    (without_a_value, "sync: Auth0", "its secret has no value for it"),
    (without_a_value, "sync: Stripe", "its secret has no value for it"),
    (answers(404), "sync: Auth0", "answers 404 to a stranger"),
    (answers(500), "sync: Stripe", "answers 500 to a stranger"),
    (answers(200), "sync: Stripe", "answers 200 to a stranger"),
]


def test_what_is_wrong_is_found(shop: Shop) -> None:
    """One thing after the other, each with its way out, which is taken and mends it."""
    assert shop.on(*WEBHOOK).code == 0
    open_routes(shop)
    kept, whole, secret = shop.cli.patch, shop.streams()[0], known(shop)
    for spoil, name, said in WRONG:
        with pytest.MonkeyPatch.context() as shop.cli.patch:
            spoil(shop)
            found = looked()[name]
        assert (found["verdict"], said in found["meaning"]) == ("bad", True), found
        assert found["fix"]
        shop.cli.patch = kept
        shop.box.management.event_streams._streams = {whole["id"]: {**whole}}
        shop.box.aws.secrets_manager.put_secret_value(
            SecretId=EVENTS_SECRET, SecretString=secret.text()
        )
    for spoil in (no_stream, elsewhere, without_tokens):
        spoil(shop)
        assert shop.on().code == 0
        open_routes(shop)
        assert (state(shop), taken(shop)) == (IS_ON, (2, 0)), spoil


ENDED: list[tuple[Any, str, bool, str]] = [
    (EventStreams, "give", False, "enabled"),
    (EventStreams, "give", False, "disabled"),
    (EventStreams, "give", True, "enabled"),
    (Deployment, "write_webhooks", False, "disabled"),
    (Deployment, "write_webhooks", True, "enabled"),
]


def test_interrupted_where_the_stream_was_there(shop: Shop) -> None:
    """With a token of before: it is told the new one, wherever the run ended that made it."""
    assert shop.on(*WEBHOOK).code == 0
    for place, name, after, status in ENDED:
        without_tokens(shop)
        shop.streams()[0]["status"] = status
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(place, name, breaking(getattr(place, name), after=after))
            assert shop.on().code == 3
        assert shop.on().code == 0
        open_routes(shop)
        assert taken(shop) == (2, 0), (name, after)


def rotated(shop: Shop, *words: str, given: str = "") -> Result:
    """Run `rotate event-secrets`, with what is typed, and without its waits."""
    hurry = ("--known-seconds", "0", "--last-posts-seconds", "0")
    return shop.cli("rotate", "event-secrets", *words, *hurry, stdin=given)


def test_rotated(shop: Shop) -> None:
    """Interrupted at any step, no event is refused, and a second run ends it."""
    nobody = rotated(shop)
    assert (nobody.code, "Nobody posts events" in nobody.err) == (1, True)
    assert shop.on(*WEBHOOK).code == 0
    open_routes(shop)
    old = known(shop)
    for place, name in ((Deployment, "write_webhooks"), (EventStreams, "give")):
        for after in (False, True):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(place, name, breaking(getattr(place, name), after=after))
                assert rotated(shop).code == 3
            # As each function would within half a minute.
            open_routes(shop)
            assert taken(shop) == (2, 0), (name, after)
    assert rotated(shop).code == 0
    new = known(shop)
    open_routes(shop)
    assert (len(new.auth0_tokens), taken(shop)) == (1, (2, 0))
    assert not set(new.auth0_tokens) & set(old.auth0_tokens)
    assert new.stripe_secrets == old.stripe_secrets

    rolled = "whsec_" + "r" * 32
    result = rotated(shop, given=rolled)
    assert (result.code, rolled in told(result)) == (0, False)
    assert known(shop).stripe_secrets == (*old.stripe_secrets, rolled)
    assert known(shop).destination == old.destination
    assert rotated(shop, given=rolled).code == 0
    assert known(shop).stripe_secrets == (*old.stripe_secrets, rolled)
    assert (rotated(shop).code, known(shop).stripe_secrets) == (0, (rolled,))
    wrong = rotated(shop, given="rk_test_1")
    assert (wrong.code, "no signing secret of Stripe's" in wrong.err) == (2, True)

    # Another tool sets the stream: a run before it, and one after.
    Path("customerlink.toml").write_text('actions = "declared"\n')
    shop.cli.changes()
    for done, count in ((False, 2), (True, 1)):
        assert rotated(shop, "--json").json()["done"] is done
        assert len(known(shop).auth0_tokens) == count
    assert [each for each in shop.cli.changes() if "PATCH" in each] == []


REFUSED: list[tuple[Callable[[Shop], object], int, str]] = [
    (without_scope("create:event_streams"), 4, "lacks create:event_streams."),
    (lambda shop: setattr(shop, "key", "rk_test_unknown"), 4, "not know this key"),
    (lambda shop: setattr(shop, "key", "pk_test_1"), 2, "not a secret key"),
    (lambda shop: setattr(shop, "key", "whsec_short"), 2, "no signing secret of Stripe's"),
    (lambda shop: shop.deaf.add("sync_test"), 1, "Auth0's test event."),
]


def test_what_is_in_its_way(shop: Shop) -> None:
    """Each is told in a sentence with a way out."""
    kept, key, secret = shop.cli.patch, shop.key, json.dumps(shop.cli.stored())
    for hinder, code, said in REFUSED:
        with pytest.MonkeyPatch.context() as shop.cli.patch:
            hinder(shop)
            result = shop.on(*WEBHOOK)
        assert (result.code, said in result.err) == (code, True), told(result)
        assert "→" in result.err
        shop.reset()
        without_tokens(shop)
        shop.key, shop.cli.patch = key, kept
        shop.cli.store(secret)
