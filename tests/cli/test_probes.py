"""Questions to Stripe and to the endpoint, over small stand-ins."""

import time
from collections.abc import Iterator
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
from sandbox.sandbox import SIGNING_SECRET
from sandbox.serving import Server
from sandbox.stripe_account import Permission, StripeAccount
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
