"""Questions to Stripe and to the endpoint that change nothing, but for one that says so."""

import email.utils
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

import urllib3

from customerlink.adapters.stripe.listing import PAGE, listed
from customerlink.adapters.stripe.sdk import stripe
from customerlink.adapters.stripe.usage import StripeUsage
from customerlink.cli.config import Mode
from customerlink.cli.errors import CliError, Exit
from customerlink.model.errors import ConfigurationError
from customerlink.model.keys import StripeKey
from customerlink.model.listed_customer import ListedCustomer
from customerlink.model.signature import SigningSecret
from customerlink.ports.rate import Rates
from customerlink.usecases.self_test import SelfTest, has_passed
from customerlink.wiring.operator import stripe_client

# The API answers after 9 s at the latest (template.yaml), and that answer is worth reading.
TIME_OUT_SECONDS = 15.0

_PROBE = "customerlink doctor --probe-write"
_PROBES = "probe-write@customerlink.invalid"
"""The address of what is made to probe: nobody can have it, and Stripe lists by it at once."""


class StripeProbe:
    """What a key may do, asked of Stripe by its own SDK."""

    def __init__(self, key: str, api_base: str, mode: Mode) -> None:
        """Take a key that fits a profile's mode; a `CliError` says what does not."""
        self.key = checked(key, mode)
        self.key.check(api_base, unrestricted_allowed=True)
        self._api = stripe_client(self.key, api_base, seconds=TIME_OUT_SECONDS, retries=1).v1

    @property
    def customers(self) -> stripe.CustomerService:
        """Return the SDK's customers service."""
        return self._api.customers

    def usage(self, rates: Rates) -> StripeUsage:
        """Return what customers were used for, as far as the key may see it."""
        return StripeUsage(self._api, rates)

    def list_customers(self) -> None:
        """List one customer; raise what Stripe answers."""
        self._api.customers.list({"limit": 1})

    def is_known(self) -> bool:
        """Return whether Stripe takes the key, whatever it may do."""
        try:
            self.list_customers()
        except stripe.AuthenticationError:
            return False
        except stripe.PermissionError:
            return True
        return True

    def newest(self) -> list[ListedCustomer]:
        """Return the newest customers, a page of them."""
        return [listed(each) for each in self._api.customers.list({"limit": PAGE}).data]

    def may_read_charges(self) -> bool:
        """Return whether the key may see payments, which ours should not."""
        try:
            self._api.charges.list({"limit": 1})
        except stripe.PermissionError:
            # Nothing else that Stripe may raise says what the key may do.
            return False
        return True

    def create_and_delete(self) -> int:
        """Create a customer in test mode, and delete it; return how many an earlier one had left.

        What this one leaves, killed or without an answer, the next one finds by the address.
        """
        if self.key.live:
            text = "A write is probed in test mode only."
            raise CliError(text, "Leave out --probe-write.", Exit.USAGE)
        left = self._delete_probes()
        try:
            self._delete(self._api.customers.create({"email": _PROBES, "description": _PROBE}).id)
        except BaseException:
            # The answer may be lost, or somebody presses Ctrl-C.
            with suppress(stripe.StripeError):
                self._delete_probes()
            raise
        return left

    def _delete_probes(self) -> int:
        """Delete all that were made to probe, and are there; return how many."""
        found = self._api.customers.list({"email": _PROBES, "limit": PAGE}).data
        probes = [each.id for each in found if listed(each).description == _PROBE]
        for each in probes:
            self._delete(each)
        return len(probes)

    def _delete(self, customer_id: str) -> None:
        try:
            self._api.customers.delete(customer_id)
        except stripe.InvalidRequestError as error:
            # Somebody else probes too, and was quicker.
            if error.http_status != HTTPStatus.NOT_FOUND:
                raise


def checked(text: str, mode: Mode) -> StripeKey:
    """Read a Stripe key that a person gave; never says what it is."""
    try:
        key = StripeKey(text)
    except ConfigurationError as error:
        fix = "Stripe's dashboard, Developers > API keys: a restricted key starts with rk_."
        raise CliError(f"Not this key: {error}.", fix, Exit.USAGE) from None
    if key.live != (mode is Mode.LIVE):
        found = "live" if key.live else "test"
        text = f"The Stripe key is for {found} mode, this profile for {mode} mode."
        raise CliError(text, "--mode, or another --profile", Exit.USAGE)
    return key


@dataclass(frozen=True, slots=True)
class SelfTestResult:
    """How the endpoint answered."""

    passed: bool
    status: int
    reason: str
    milliseconds: float
    skew: float | None
    """Seconds by which the endpoint's clock is ahead of ours, to about a second."""


def self_test(
    url: str, signing_secret: str, clock: Callable[[], float] = time.time
) -> SelfTestResult:
    """Send the endpoint a signed request that changes nothing."""
    test = SelfTest.signed(SigningSecret.parse(signing_secret), clock())
    start = time.monotonic()
    answer = urllib3.request(
        "POST",
        url,
        body=test.body,
        headers=dict(test.headers),
        timeout=TIME_OUT_SECONDS,
        # The first answer is what is tested. By a redirect, a signed request would go elsewhere.
        retries=False,
        redirect=False,
    )
    milliseconds = (time.monotonic() - start) * 1000
    body = _document(answer.data)
    reason = body.get("reason") or body.get("error") or "no JSON"
    skew = _skew(answer.headers.get("date"), clock())
    passed = has_passed(answer.status, body)
    return SelfTestResult(passed, answer.status, str(reason), milliseconds, skew)


def door_status(url: str) -> int:
    """Return what an address answers to somebody whom it does not know; 0 for nothing at all."""
    try:
        answer = urllib3.request(
            "POST", url, body=b"{}", timeout=TIME_OUT_SECONDS, retries=False, redirect=False
        )
    except urllib3.exceptions.HTTPError:
        return 0
    return answer.status


def _skew(date: str | None, now: float) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(date or "").timestamp() - now
    except ValueError:
        return None


def _document(data: bytes) -> dict[str, object]:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
