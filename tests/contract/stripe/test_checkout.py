"""Checkout sessions: https://docs.stripe.com/api/checkout/sessions."""

from typing import Any

import pytest
import stripe
import urllib3
from tests.contract.stripe.conftest import Asked

from sandbox.stripe_account import Permission, StripeAccount
from sandbox.stripe_checkout import RESOURCE

SHOP = "https://shop.example"
LINE = {
    "price_data": {"currency": "eur", "unit_amount": 1150, "product_data": {"name": "Coffee"}},
    "quantity": 2,
}
CUP = {
    "price_data": {"currency": "eur", "unit_amount": 1800, "product_data": {"name": "Cup"}},
    "quantity": 1,
}
GOOD = {"mode": "payment", "line_items": [LINE], "success_url": f"{SHOP}/thanks"}


def sessions(asked: Asked, key: str) -> Any:
    """Return the SDK's service for a key."""
    client = stripe.StripeClient(
        key, base_addresses={"api": asked.base}, http_client=stripe.UrllibClient()
    )
    return client.v1.checkout.sessions


@pytest.fixture
def ours(asked: Asked, account: StripeAccount) -> Any:
    """Return the service for a key that may do nothing else."""
    return sessions(asked, account.add_key(Permission.NONE, reads=[RESOURCE]))


def test_session(asked: Asked, ours: Any, email: str) -> None:
    """Of a customer, open and unpaid, with the sum of its lines and a page to pay at."""
    customer = asked.create(email=email).id
    made = ours.create(GOOD | {"customer": customer, "line_items": [LINE, CUP]})
    found = ours.retrieve(made.id)

    assert made.id.startswith("cs_test_")
    assert (found.customer, found.mode, found.currency) == (customer, "payment", "eur")
    assert (found.amount_total, found.status, found.payment_status) == (4100, "open", "unpaid")
    assert found.success_url == f"{SHOP}/thanks"
    assert found.url == made.url


def test_paid(asked: Asked, ours: Any, email: str) -> None:
    """Then it is complete, the browser is back in the shop, and there is nothing to pay.

    https://docs.stripe.com/payments/checkout/how-checkout-works
    """
    made = ours.create(GOOD | {"customer": asked.create(email=email).id})
    shown = urllib3.request("GET", made.url)
    paid = urllib3.request("POST", made.url, redirect=False)
    found = ours.retrieve(made.id)

    assert "Pay 23.00 EUR" in shown.data.decode()
    assert (paid.status, paid.headers["location"]) == (303, f"{SHOP}/thanks")
    assert (found.status, found.payment_status, found.url) == ("complete", "paid", None)
    assert urllib3.request("POST", made.url, redirect=False).status == 404


def test_no_such_customer(asked: Asked, ours: Any, email: str) -> None:
    """One that is not there, or was deleted, gets none: `resource_missing`.

    https://docs.stripe.com/error-codes#resource-missing
    """
    gone = asked.create(email=email).id
    asked.customers.delete(gone)
    for customer in (gone, "cus_none", "x"):
        with pytest.raises(stripe.InvalidRequestError) as raised:
            ours.create(GOOD | {"customer": customer})

        assert (raised.value.http_status, raised.value.param) == (400, "customer")
        assert raised.value.code == "resource_missing"


BAD: list[tuple[dict[str, object], str]] = [
    ({"success_url": ""}, "success_url"),
    ({"success_url": "shop.example"}, "success_url"),
    ({"success_url": "https://shop.example/\n"}, "success_url"),
    ({"cancel_url": "javascript:alert(1)"}, "cancel_url"),
    ({"line_items": []}, "line_items"),
    ({"line_items": [LINE | {"quantity": "two"}]}, "line_items[0][quantity]"),
    ({"line_items": [LINE, CUP | {"quantity": -1}]}, "line_items[1][quantity]"),
    ({"line_items": [{"quantity": 1}]}, "line_items[0][price_data][unit_amount]"),
    (
        {"line_items": [{"quantity": 1, "price_data": {"unit_amount": 1, "currency": "eur"}}]},
        "line_items[0][price_data][product_data][name]",
    ),
    ({"customer": "cus_1", "customer_email": "ada@example.com"}, "customer"),
    ({"customer": {"id": "cus_1"}}, "customer"),
    ({"unknown": "x"}, "unknown"),
]


@pytest.mark.parametrize(("change", "param"), BAD, ids=str)
def test_bad_parameters(ours: Any, change: dict[str, object], param: str) -> None:
    """Refused by the parameter's name."""
    with pytest.raises(stripe.InvalidRequestError) as raised:
        ours.create(GOOD | change)

    assert (raised.value.http_status, raised.value.param) == (400, param)


@pytest.mark.parametrize("permission", [*Permission])
def test_permission(asked: Asked, account: StripeAccount, permission: Permission) -> None:
    """A key for customers alone may not: `more_permissions_required`."""
    with pytest.raises(stripe.PermissionError) as raised:
        sessions(asked, account.add_key(permission)).create(GOOD)

    assert "checkout_session_write" in str(raised.value)


def test_no_such_session(ours: Any) -> None:
    """404."""
    with pytest.raises(stripe.InvalidRequestError) as raised:
        ours.retrieve("cs_test_none")

    assert (raised.value.http_status, raised.value.code) == (404, "resource_missing")
