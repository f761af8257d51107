"""Snapshot events of customers: https://docs.stripe.com/api/events."""

from typing import Any

import pytest
import stripe
from tests.contract.stripe.conftest import Asked

DELETED = "https://docs.stripe.com/api/customers/delete"

METADATA: list[tuple[dict[str, str], dict[str, str | None]]] = [
    ({"b": "3"}, {"b": "2"}),
    ({"b": ""}, {"b": "2"}),
    ({"c": "1"}, {"c": None}),
    ({"a": "1", "b": "3", "c": "4"}, {"b": "2", "c": None}),
]


@pytest.mark.parametrize(
    ("change", "before"),
    [
        ({"name": "Countess"}, {"name": "Ada"}),
        ({"phone": "+44"}, {"phone": None}),
        ({"name": "", "phone": "+44"}, {"name": "Ada", "phone": None}),
        ({"preferred_locales": ["de"]}, {"preferred_locales": []}),
    ],
)
def test_what_changed(
    telling: Asked, email: str, change: dict[str, Any], before: dict[str, Any]
) -> None:
    """`previous_attributes` has that alone, as it was; `object` has all of it as it is."""
    customer = telling.create(email=email, name="Ada")
    telling.customers.update(customer.id, change)
    [event] = telling.told(customer.id, 1)

    assert event["type"] == "customer.updated"
    assert event["data"]["previous_attributes"] == before
    assert (event["data"]["object"]["id"], event["data"]["object"]["email"]) == (customer.id, email)


@pytest.mark.parametrize(("change", "before"), METADATA)
def test_metadata_that_changed(
    telling: Asked, email: str, change: dict[str, str], before: dict[str, str | None]
) -> None:
    """The keys that did, no others; one that is new was null."""
    customer = telling.create(email=email, metadata={"a": "1", "b": "2"})
    telling.customers.update(customer.id, {"metadata": change})
    [event] = telling.told(customer.id, 1)

    assert event["data"]["previous_attributes"] == {"metadata": before}


def test_a_deleted_customer(telling: Asked, email: str) -> None:
    """Comes as it was, with the metadata that a look at it does not show any more."""
    customer = telling.create(email=email, metadata={"auth0_user_id": "auth0|1"})
    telling.customers.delete(customer.id)
    [event] = telling.told(customer.id, 1)

    assert event["type"] == "customer.deleted"
    assert event["data"]["object"]["metadata"] == {"auth0_user_id": "auth0|1"}
    assert "metadata" not in telling.http("GET", f"/v1/customers/{customer.id}").json()


def test_the_mode(telling: Asked, email: str) -> None:
    """Each says whether it is of live data, and is none of a connected account's."""
    customer = telling.create(email=email)
    telling.customers.update(customer.id, {"name": "Countess"})
    [event] = telling.told(customer.id, 1)

    assert (event["livemode"], event.get("account")) == (False, None)


def test_a_deleted_customer_cannot_be_changed(telling: Asked, email: str) -> None:
    """404 `resource_missing`: DELETED above says that it is for good."""
    customer = telling.create(email=email)
    telling.customers.delete(customer.id)
    with pytest.raises(stripe.InvalidRequestError) as raised:
        telling.customers.update(customer.id, {"name": "Countess"})

    assert (raised.value.http_status, raised.value.code) == (404, "resource_missing")
