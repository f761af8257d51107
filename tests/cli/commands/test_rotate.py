"""`customerlink rotate`: both secrets replaced while people sign up; interrupted anywhere."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from tests.calling import Reply, report
from tests.cli.conftest import ACTION, Cli
from tests.simulation.dynamodb import Client, Table

from customerlink.adapters.aws import secrets_manager
from customerlink.cli.commands import rotate
from customerlink.cli.commands.rotate import Rotation
from customerlink.cli.output import Output
from customerlink.functions.post_login import respond
from customerlink.model.actions import REGISTRATION
from customerlink.model.tickets import new_ticket_key
from sandbox.gateway import in_process
from sandbox.sandbox import Sandbox, application

NUMBERS = itertools.count()
REFRESH = 0.5
"""How often the functions here fetch the secret, in place of every five minutes."""

# moto dates versions by whole seconds, so a second run may think them a second older.
QUICK = ["--refresh-seconds", "2.0", "--last-logins-seconds", "0.3"]
PER_SECOND = 50


@pytest.fixture(autouse=True)
def quick_refresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the function fetch the secret more often."""
    monkeypatch.setattr(secrets_manager, "REFRESH_SECONDS", REFRESH)


def sign_up(cli: Cli) -> Reply:
    """Report a sign-up as the Action that is deployed now does: with its URL and its secret."""
    settings = cli.actions().secrets_of(ACTION)
    number = next(NUMBERS)
    document = {
        "version": 1,
        "tenant": {"id": "acme"},
        "user": {"user_id": f"auth0|rotate-{number}", "email": f"rotate-{number}@example.com"},
        "stats": {"logins_count": 1},
    }
    secret = settings["CUSTOMERLINK_SIGNING_SECRET"]
    return report(settings["CUSTOMERLINK_URL"], secret, document)


@contextmanager
def traffic(cli: Cli) -> Iterator[list[Reply]]:
    """Let `PER_SECOND` people sign up each second while the block runs; return the answers."""
    replies: list[Reply] = []
    ended = threading.Event()
    under_way: list[Future[Reply]] = []

    def drive(pool: ThreadPoolExecutor) -> None:
        for number in itertools.count():
            if ended.wait(max(0.0, start + number / PER_SECOND - time.monotonic())):
                return
            under_way.append(pool.submit(sign_up, cli))

    real = Output.wait

    def wait(output: Output, why: str, seconds: float) -> None:
        """Wait for the last log-ins, as long as a busy machine takes for them."""
        real(output, why, seconds)
        futures.wait([*under_way])

    cli.patch.setattr(Output, "wait", wait)
    with ThreadPoolExecutor(16) as pool:
        start = time.monotonic()
        driver = threading.Thread(target=drive, args=(pool,))
        driver.start()
        try:
            yield replies
        finally:
            ended.set()
            driver.join()
            replies += [each.result() for each in under_way]
            seconds = time.monotonic() - start
    rate = len(replies) / seconds
    print(f"  {len(replies)} sign-ups, {rate:.0f} a second")


def refused(replies: list[Reply]) -> list[Any]:
    """Return the answers that let nobody in."""
    return [each for each in replies if each.body.get("reason") != "customer_created"]


class FastLedger(Client):
    """The simulation's DynamoDB, from several threads: moto is too slow for such traffic."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__(Table())
        self._lock = threading.Lock()

    def __getattribute__(self, name: str) -> Any:
        """Let one operation in at a time."""
        found = super().__getattribute__(name)
        if name not in ("get_item", "update_item", "delete_item"):
            return found

        def locked(**request: Any) -> Any:
            with self._lock:
                return found(**request)

        return locked


@pytest.fixture
def fast(cli: Cli, box: Sandbox) -> Cli:
    """Return the command line over a function that can take so many sign-ups."""
    made = application(box.environment())()
    made.services = replace(made.services, dynamodb=FastLedger())
    box.gateway.invoke = in_process(partial(respond, lambda: made))
    return cli


def test_both_while_people_sign_up(fast: Cli, box: Sandbox) -> None:
    """Fifty a second: none fails. The old key is expired as the last line says."""
    cli = fast
    cli.install()
    old_key, old_signing = box.stripe_key, cli.stored()["action_signing_secrets"]
    new_key = box.stripe.add_key()
    with traffic(cli) as replies:
        time.sleep(0.5)
        signing = cli("rotate", "signing-secret", *QUICK)
        key = cli("rotate", "stripe-key", stdin=new_key)
        time.sleep(REFRESH + 0.5)
        box.stripe.expire_key(old_key)
        time.sleep(0.5)

    assert (signing.code, key.code) == (0, 0), signing.err + key.err
    assert "expire the old key" in key.out
    assert refused(replies) == []
    assert len(replies) > PER_SECOND * 3
    stored = cli.stored()
    assert stored["stripe_restricted_key"] == new_key
    assert len(stored["action_signing_secrets"]) == 1
    assert stored["action_signing_secrets"] != old_signing
    box.stripe._expired.discard(old_key)


STEPS = [
    "PATCH /api/v2/actions/actions",
    "POST /api/v2/actions/actions",
    "GET /api/v2/actions/actions",
]


@pytest.mark.parametrize("fault", STEPS)
def test_interrupted_at_auth0(cli: Cli, fault: str) -> None:
    """Nobody is refused in between; the second run finishes."""
    cli.install()
    old = cli.stored()["action_signing_secrets"]
    cli.box.management.faults.append(fault)
    first = cli("rotate", "signing-secret", *QUICK)
    between = sign_up(cli)
    second = cli("rotate", "signing-secret", *QUICK)
    time.sleep(REFRESH)

    assert (first.code, second.code) == (3, 0), second.err
    assert refused([between, sign_up(cli)]) == []
    assert len(cli.stored()["action_signing_secrets"]) == 1
    assert cli.stored()["action_signing_secrets"] != old


def test_every_action_gets_the_new_one(cli: Cli) -> None:
    """Those of the registration flow too; cut off between two of them, a second run finishes."""
    cli.install()
    assert cli("install", "--registration").code == 0
    names = [ACTION, *(f"{ACTION} ({each})" for each in REGISTRATION)]
    [old] = cli.stored()["action_signing_secrets"]
    [second] = cli.actions().list_page({"actionName": names[1]})["actions"]
    cli.box.management.faults.append(f"PATCH /api/v2/actions/actions/{second['id']}")
    cut_off = cli("rotate", "signing-secret", *QUICK)
    assert len(cli.stored()["action_signing_secrets"]) == 2
    finished = cli("rotate", "signing-secret", *QUICK)
    [new] = cli.stored()["action_signing_secrets"]

    assert (cut_off.code, finished.code) == (3, 0), finished.err
    assert new != old
    for name in names:
        assert cli.actions().secrets_of(name)["CUSTOMERLINK_SIGNING_SECRET"] == new


@pytest.mark.parametrize("step", range(7))
def test_interrupted_before_any_step(cli: Cli, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Ctrl-C at each step or wait that it tells of; then nobody is refused, and a run finishes."""
    cli.install()
    told = itertools.count()

    def interrupt() -> None:
        if next(told) == step:
            raise KeyboardInterrupt

    class Interrupted(Rotation):
        def run(self) -> None:
            tell, wait = self.tell, self.wait

            def tell_or_not(text: str) -> None:
                interrupt()
                tell(text)

            def wait_or_not(why: str, seconds: float) -> None:
                interrupt()
                wait(why, seconds)

            self.tell, self.wait = tell_or_not, wait_or_not
            super().run()

    monkeypatch.setattr(rotate, "Rotation", Interrupted)
    first = cli("rotate", "signing-secret", *QUICK)
    monkeypatch.setattr(rotate, "Rotation", Rotation)
    between = sign_up(cli)
    second = cli("rotate", "signing-secret", *QUICK)
    time.sleep(REFRESH)

    assert first.code != 0
    assert second.code == 0, second.err
    assert refused([between, sign_up(cli)]) == []
    assert len(cli.stored()["action_signing_secrets"]) == 1


def test_install_amid_a_rotation_keeps_the_actions_secret(cli: Cli) -> None:
    """The Action has the new one already: installing does not take it back."""
    cli.install()
    cli.box.management.faults.append("POST /api/v2/actions/actions/")
    cli("rotate", "signing-secret", *QUICK)
    assert len(cli.stored()["action_signing_secrets"]) == 2
    new = cli.stored()["action_signing_secrets"][1]
    result = cli("install")

    assert result.code == 0, result.err
    assert cli.actions().secrets_of(ACTION)["CUSTOMERLINK_SIGNING_SECRET"] == new


class TestRefused:
    """Before anything is changed."""

    @pytest.mark.parametrize(
        ("words", "stdin", "said"),
        [
            (("stripe-key",), "nonsense", "not a secret key"),
            (("stripe-key",), "rk_test_unknown", "does not know this key"),
            (("stripe-key",), "_".join(("rk", "live", "1" * 9)), "for live mode"),
        ],
    )
    def test_wrong_new_key(self, cli: Cli, words: tuple[str, ...], stdin: str, said: str) -> None:
        """The old one stays."""
        cli.install()
        before = cli.stored()
        result = cli("rotate", *words, stdin=stdin)

        assert result.code != 0
        assert said in result.err
        assert cli.stored() == before

    def test_same_key(self, cli: Cli, box: Sandbox) -> None:
        """Nothing to do."""
        cli.install()

        assert "Nothing to do" in cli("rotate", "stripe-key", stdin=box.stripe_key).out

    def test_before_an_install(self, cli: Cli) -> None:
        """There is nothing to rotate."""
        result = cli("rotate", "signing-secret", *QUICK)

        assert result.code == 1
        assert "customerlink install" in result.err

    @pytest.mark.parametrize("notes", [{}, None, {"another": {"settings": "0", "updated_at": {}}}])
    def test_installed_by_an_earlier_release(self, cli: Cli, notes: object) -> None:
        """Nobody noted which secret the Action has: an install sets it, and then it is rotated."""
        cli.install()
        cli.store(json.dumps({**cli.stored(), "installed_actions": notes}))
        before = cli.stored()["action_signing_secrets"]
        result = cli("rotate", "signing-secret", *QUICK)

        assert (result.code, "customerlink install" in result.err) == (1, True)
        assert cli.stored()["action_signing_secrets"] == before
        assert (cli("install").code, cli("rotate", "signing-secret", *QUICK).code) == (0, 0)
        assert cli.stored()["action_signing_secrets"] != before

    def test_endpoint_that_does_not_take_the_new_one(self, cli: Cli) -> None:
        """Waited too short: both stay valid, the Action keeps the old one."""
        cli.install()
        sign_up(cli)
        before = cli.actions().secrets_of(ACTION)
        cli.patch.setattr(secrets_manager, "REFRESH_SECONDS", 300.0)
        sign_up(cli)
        time.sleep(REFRESH)
        sign_up(cli)
        hasty = ["--refresh-seconds", "0", "--last-logins-seconds", "0"]
        result = cli("rotate", "signing-secret", *hasty)

        assert result.code == 1
        assert "both secrets stay valid" in result.err
        assert cli.actions().secrets_of(ACTION) == before
        assert len(cli.stored()["action_signing_secrets"]) == 2

    def test_live_mode_asks(self, cli: Cli) -> None:
        """Without a terminal it needs `--yes`."""
        cli.install()
        cli.store_live_key()
        result = cli("--mode", "live", "rotate", "signing-secret")

        assert (result.code, "--yes" in result.err) == (2, True)


class TestOtherMode:
    """A key that is for the other mode than the profile."""

    @pytest.mark.parametrize("is_live", [True, False])
    def test_refused(self, cli: Cli, *, is_live: bool) -> None:
        """Neither a live profile changes a test stack, nor the other way round."""
        cli.install()
        if not is_live:
            cli.store_live_key()
        before = cli.stored()
        cli.changes()
        for words in (
            ("rotate", "signing-secret"),
            ("rotate", "ticket-key"),
            ("rotate", "ticket-key", "--leaked"),
            ("rotate", "stripe-key"),
            ("rotate", "event-secrets"),
            ("uninstall",),
            ("uninstall", "--dry-run"),
            ("uninstall", "--sync"),
            ("approve-deletions", "--apply"),
        ):
            result = cli("--mode", "live" if is_live else "test", *words, "--yes")

            assert (result.code, cli.stored(), cli.changes()) == (2, before, [])
            assert "The Stripe key is for" in result.err
            assert "--profile" in result.err

    def test_put_in_by_mistake(self, cli: Cli) -> None:
        """The stack is of the profile's mode, and its key is not: it is said, and replaced."""
        cli.install()
        cli.store_live_key()
        result = cli("rotate", "stripe-key", "--change-mode", stdin=cli.box.stripe_key)

        assert (result.code, cli.stored()["stripe_restricted_key"]) == (0, cli.box.stripe_key)


class TestTicketKey:
    """`rotate ticket-key`: no Action has it, so it is between Secrets Manager and the functions."""

    def test_rotated(self, cli: Cli) -> None:
        """The old one stays valid until its last tickets have expired."""
        cli.install()
        [old] = cli.stored()["link_ticket_keys"]
        before = cli.stored()
        result = cli("rotate", "ticket-key", "--seconds", "0.5", "--json")

        assert result.code == 0, result.err
        [new] = cli.stored()["link_ticket_keys"]
        assert new != old
        assert cli.stored() == before | {"link_ticket_keys": [new]}
        first, *_, last = result.json()["steps"]
        assert (first, last) == ("add a new key beside the old one", "drop the old key")

    def test_interrupted(self, cli: Cli) -> None:
        """A second run goes on with the key that the first one added."""
        cli.install()
        both = [*cli.stored()["link_ticket_keys"], new_ticket_key(time.time())]
        cli.store(json.dumps(cli.stored() | {"link_ticket_keys": both}))
        assert cli("rotate", "ticket-key", "--seconds", "0").code == 0

        assert cli.stored()["link_ticket_keys"] == both[1:]

    def test_leaked(self, cli: Cli) -> None:
        """All that there were are gone at once."""
        cli.install()
        old = cli.stored()["link_ticket_keys"]
        assert cli("rotate", "ticket-key", "--leaked").code == 0

        [new] = cli.stored()["link_ticket_keys"]
        assert new not in old

    @pytest.mark.parametrize("words", [(), ("--leaked",)])
    def test_before_an_install(self, cli: Cli, words: tuple[str, ...]) -> None:
        """There is nothing to rotate, and what makes one is said."""
        cli.install()
        cli.store(json.dumps(cli.stored() | {"link_ticket_keys": []}))
        result = cli("rotate", "ticket-key", *words)

        assert result.code == 1
        assert "customerlink install" in result.err


def test_no_key_in_arguments(cli: Cli) -> None:
    """There is no flag that takes one, so no shell history has one."""
    for words in (["install"], ["rotate", "stripe-key"], ["rotate", "signing-secret"], []):
        shown = cli(*words, "--help").out.lower()
        assert "--stripe-key" not in shown
        assert "--client-secret" not in shown
