"""The shop of examples/shop in Chromium: a person signs up, buys, is denied, and links accounts."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.node import played

from sandbox.deployment import LINKING_URL
from sandbox.sandbox import Sandbox, sandbox
from sandbox.shop import open_shop

type Seen = dict[str, Any]

EMAIL = "ada@example.com"
TWO_OF_IT = "2 \N{MULTIPLICATION SIGN} Coffee"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """Run a deployment whose linking page is the shop's."""
    with sandbox(settings={"CUSTOMERLINK_LINKING_URL": LINKING_URL}) as running:
        yield running


@pytest.fixture(scope="module")
def seen(box: Sandbox) -> Seen:
    """Play the person once, by the keyboard alone."""
    with open_shop(box) as shop:
        seen: Seen = played("shop.mjs", shop, EMAIL)
    return seen


def customer(box: Sandbox) -> str:
    """Return the one customer that there is."""
    [only] = box.stripe.live_customers()
    return str(only["id"])


def test_sign_up(box: Sandbox, seen: Seen) -> None:
    """The page has the customer's id from the ID token; the cart has outlived the log-in."""
    assert seen["said"]["signedUp"].splitlines()[:2] == [EMAIL, f"Customer: {customer(box)}"]
    assert seen["said"]["cart"].startswith(TWO_OF_IT)


def test_order(box: Sandbox, seen: Seen) -> None:
    """Stripe takes the payment of that customer, at the server's price."""
    assert f"the payment of {customer(box)}." in seen["said"]["payment"]
    assert TWO_OF_IT in seen["said"]["payment"]
    assert "Pay 23.00 EUR" in seen["said"]["payment"]
    assert seen["said"]["paid"].startswith("Thank you for your order.")
    assert "It is empty." in seen["said"]["paid"]


def test_denial(seen: Seen) -> None:
    """With an address that is taken: what the Action says, line by line."""
    first, *_, reference, _buttons = filter(None, seen["said"]["denied"].splitlines())

    assert first == "Your email address is in use already."
    assert re.fullmatch(r"Reference: \w{4}-\w{4}", reference)
    assert seen["said"]["address"].endswith("/shop/callback.html")


def test_link(box: Sandbox, seen: Seen) -> None:
    """Two log-ins, one account, and its customer; the one that was denied is still by itself."""
    assert re.match(
        rf"Add the log-in by Apple \(apple\|\S+\) to the account {EMAIL}\?",
        seen["said"]["question"],
    )
    assert seen["said"]["linked"].splitlines()[:2] == [EMAIL, f"Customer: {customer(box)}"]
    providers = [
        [each["provider"] for each in user["identities"]] for user in box.tenant.users.values()
    ]
    assert sorted(providers) == [["auth0"], ["google-oauth2", "apple"]]


@pytest.mark.parametrize("name", ["shop", "payment", "denied", "link"])
def test_pages(seen: Seen, name: str) -> None:
    """Nothing is too wide, and axe-core finds nothing, on either screen, by day and by night."""
    views = seen["pages"][name]

    assert len(views) == 4
    for view in views.values():
        assert view["faults"] == []
        assert {"color-contrast", "landmark-one-main"} <= {*view["passed"]}
        assert not view["overflows"]
    assert views["desk, light"]["paper"] != views["desk, dark"]["paper"]


def test_no_complaints(seen: Seen) -> None:
    """Nothing failed unseen, and the pages' own policy forbids nothing that they need."""
    assert seen["complaints"] == []
