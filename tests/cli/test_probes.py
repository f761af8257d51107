"""Questions to Stripe and to the endpoint, over small stand-ins."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import stripe
from werkzeug.wrappers import Request, Response

from customerlink.cli.config import Mode
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.probes import SelfTestResult, StripeProbe, _skew, checked, self_test
from customerlink.model.errors import ConfigurationError
from customerlink.model.keys import STRIPE_API_BASE
from customerlink.model.signature import SigningSecret, is_signed
from sandbox.patience import PATIENCE_SECONDS
from sandbox.sandbox import SIGNING_SECRET
from sandbox.serving import Server
from sandbox.stripe_account import Fault, FaultKind, Permission, StripeAccount
from sandbox.stripe_server import stripe_app

LIVE = "_".join(("rk", "live", "0" * 24))


@pytest.fixture(scope="module")
def account() -> Iterator[tuple[StripeAccount, str]]:
    """Serve an account for a file's tests; return it with its address."""
    made = StripeAccount()
    with Server(stripe_app(made)) as server:
        yield made, server.url


def probe(account: tuple[StripeAccount, str], *permission: Permission) -> StripeProbe:
    """Return the probe of a key of the account's."""
    return StripeProbe(account[0].add_key(*permission), account[1], Mode.TEST)


class TestKey:
    """What a person gave as a key."""

    @pytest.mark.parametrize(("key", "mode"), [("rk_test_0", Mode.TEST), (LIVE, Mode.LIVE)])
    def test_that_fits(self, key: str, mode: Mode) -> None:
        """Of the profile's mode."""
        assert checked(key, mode).value == key

    @pytest.mark.parametrize(
        ("key", "mode", "said"),
        [
            ("", Mode.TEST, "not a secret key of Stripe's"),
            ("pk_test_1", Mode.TEST, "not a secret key of Stripe's"),
            ("sk_org_test_1", Mode.TEST, "an organization's key"),
            ("sk_org_live_1", Mode.LIVE, "an organization's key"),
            ("rk_test_0", Mode.LIVE, "for test mode, this profile for live mode"),
            (LIVE, Mode.TEST, "for live mode, this profile for test mode"),
        ],
    )
    def test_that_does_not_fit(self, key: str, mode: Mode, said: str) -> None:
        """A sentence without the key."""
        with pytest.raises(CliError, match=said) as raised:
            checked(key, mode)

        assert raised.value.code == Exit.USAGE
        assert not key or key not in raised.value.message + raised.value.fix

    def test_live_one_goes_to_stripe_alone(self) -> None:
        """Whatever address is set."""
        with pytest.raises(ConfigurationError, match="is not Stripe's"):
            StripeProbe(LIVE, "http://127.0.0.1:9", Mode.LIVE)


KILLED = """
import os, signal, sys
import stripe
from customerlink.cli.config import Mode
from customerlink.cli.probes import StripeProbe
key, url, call = sys.argv[1:]
ask = getattr(stripe.CustomerService, call)

def killed(*given):
    if call == "create":
        ask(*given)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(stripe.CustomerService, call, killed)
StripeProbe(key, url, Mode.TEST).create_and_delete()
"""
"""Dies by itself, once Stripe has made the customer."""


class TestStripe:
    """What a key may do."""

    def test_list(self, account: tuple[StripeAccount, str]) -> None:
        """Silent where it may; otherwise what Stripe answers."""
        probe(account).list_customers()
        unknown = StripeProbe("rk_test_unknown", account[1], Mode.TEST)

        with pytest.raises(stripe.AuthenticationError):
            unknown.list_customers()

    def test_no_more_than_it_needs(self, account: tuple[StripeAccount, str]) -> None:
        """A key for customers may not see payments."""
        assert not probe(account).may_read_charges()

    def test_write(self, account: tuple[StripeAccount, str]) -> None:
        """A customer is created and deleted; a key that may only read is told by Stripe."""
        probe(account).create_and_delete()
        with pytest.raises(stripe.PermissionError):
            probe(account, Permission.READ).create_and_delete()

        assert account[0].live_customers() == []

    @pytest.mark.parametrize("call", ["create", "delete", "list"])
    @pytest.mark.parametrize("is_done", [False, True])
    def test_ctrl_c(
        self,
        account: tuple[StripeAccount, str],
        monkeypatch: pytest.MonkeyPatch,
        call: str,
        *,
        is_done: bool,
    ) -> None:
        """Whatever it is at: what was made is deleted before it ends."""
        ask = getattr(stripe.CustomerService, call)

        def pressed(service: stripe.CustomerService, *given: Any) -> None:
            monkeypatch.undo()
            if is_done:
                ask(service, *given)
            raise KeyboardInterrupt

        monkeypatch.setattr(stripe.CustomerService, call, pressed)
        with pytest.raises(KeyboardInterrupt):
            probe(account).create_and_delete()
        assert account[0].live_customers() == []
        assert probe(account).create_and_delete() == 0

    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    @pytest.mark.parametrize(
        "kind",
        [
            *(FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.DOWN),
            *(FaultKind.ERROR_BEFORE, FaultKind.ERROR_AFTER, FaultKind.RATE_LIMIT),
        ],
    )
    @pytest.mark.parametrize("lasts", [False, True])
    def test_lost_answer(
        self, account: tuple[StripeAccount, str], method: str, kind: FaultKind, *, lasts: bool
    ) -> None:
        """It is told; what was made is deleted at once, or by the next probe."""
        stripes = account[0]
        stripes.faults.append(Fault(kind, method, times=2 if method == "POST" else 1))
        if lasts:
            stripes.faults.append(Fault(kind, "DELETE", times=99))
        with suppress(stripe.StripeError):
            probe(account).create_and_delete()
        assert lasts or stripes.live_customers() == []
        left = len(stripes.live_customers())
        stripes.faults.clear()

        assert probe(account).create_and_delete() == left <= 1
        assert stripes.live_customers() == []

    @pytest.mark.parametrize("call", ["create", "delete"])
    def test_killed(self, account: tuple[StripeAccount, str], call: str) -> None:
        """With kill -9, once it is made: the next probe deletes it, and nobody else's."""
        stripes, url = account
        others = {"email": "probe-write@customerlink.invalid", "description": "a shop's"}
        kept = stripes.create(others)["id"]
        ended = subprocess.run(
            [sys.executable, "-c", KILLED, stripes.add_key(), url, call],
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert ended.returncode == -signal.SIGKILL
        assert len(stripes.live_customers()) == 2

        assert probe(account).create_and_delete() == 1
        assert [each["id"] for each in stripes.live_customers()] == [kept]
        stripes.delete(kept)

    def test_two_at_once(
        self, account: tuple[StripeAccount, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who finds the other one's customer deletes it: that is no error of theirs."""
        create = stripe.CustomerService.create

        def created(service: stripe.CustomerService, *given: Any) -> stripe.Customer:
            monkeypatch.undo()
            made = create(service, *given)
            assert probe(account).create_and_delete() == 1
            return made

        monkeypatch.setattr(stripe.CustomerService, "create", created)
        assert probe(account).create_and_delete() == 0
        assert account[0].live_customers() == []

    def test_no_write_in_live_mode(self) -> None:
        """Nothing is sent."""
        live = StripeProbe(LIVE, STRIPE_API_BASE, Mode.LIVE)
        with pytest.raises(CliError, match="test mode only") as raised:
            live.create_and_delete()

        assert raised.value.code == Exit.USAGE


class Endpoint:
    """An endpoint that gives one answer, and keeps what it was asked."""

    def __init__(self, answer: Response) -> None:
        """Take the answer."""
        self.answer = answer
        self.asked: list[Request] = []

    def __call__(self, environ: Any, start: Any) -> Any:
        """Answer."""
        request = Request(environ)
        request.get_data()
        self.asked.append(request)
        return self.answer(environ, start)


def answered(answer: Response, behind: float = 0.0) -> tuple[SelfTestResult, Endpoint]:
    """Test an endpoint that answers so, by a clock that is some seconds behind its own."""
    endpoint = Endpoint(answer)
    with Server(endpoint) as server:
        url = f"{server.url}/post-login"
        return self_test(url, SIGNING_SECRET, lambda: time.time() - behind), endpoint


class TestSelfTest:
    """A signed request that changes nothing."""

    def test_passed(self) -> None:
        """By an endpoint that knows the secret; with how long it took, and its clock."""
        result, endpoint = answered(Response('{"reason": "not_new"}'), behind=120)
        [request] = endpoint.asked
        secrets = [SigningSecret.parse(SIGNING_SECRET)]
        headers = {name.lower(): value for name, value in request.headers.items()}

        assert (result.passed, result.status, result.reason) == (True, 200, "not_new")
        assert result.milliseconds > 0
        assert result.skew == pytest.approx(120, abs=60)
        assert is_signed(secrets, headers, request.get_data(), now=time.time(), tolerance=300)

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (Response('{"error": "not_signed"}', 401), "not_signed"),
            (Response('{"reason": "customer_created"}'), "customer_created"),
            (Response("<html>", 502), "no JSON"),
            (Response('["not_new"]'), "no JSON"),
            (Response("", 302, {"location": "/elsewhere"}), "no JSON"),
        ],
    )
    def test_not_passed(self, answer: Response, reason: str) -> None:
        """Whatever else it answers; no redirect is followed."""
        result, endpoint = answered(answer)

        assert (result.passed, result.status) == (False, answer.status_code)
        assert result.reason == reason
        assert len(endpoint.asked) == 1

    @pytest.mark.parametrize("date", [None, "", "today"])
    def test_no_date(self, date: str | None) -> None:
        """Nothing is known of its clock then."""
        assert _skew(date, time.time()) is None
