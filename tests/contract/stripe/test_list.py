"""Listing customers: https://docs.stripe.com/api/customers/list."""

import pytest
import stripe
from tests.contract.stripe.conftest import Asked

from sandbox.stripe_account import StripeAccount


def test_email_is_matched_exactly_and_by_letter_case(asked: Asked, email: str) -> None:
    """`email`: "A case-sensitive filter on the list based on the customer's email field"."""
    lower, upper = asked.create(email=email), asked.create(email=email.upper())
    asked.create(email=f"x{email}")

    assert asked.listed(email=email) == [lower.id]
    assert asked.listed(email=email.upper()) == [upper.id]
    assert asked.listed(email=email.title()) == []


@pytest.mark.differs(
    "localstripe",
    "looks for empty addresses",
    settled_by="https://docs.stripe.com/api/customers/list",
)
def test_empty_email_is_no_filter(asked: Asked, email: str) -> None:
    """An empty string unsets a parameter (https://docs.stripe.com/api, form encoding)."""
    customer = asked.create(email=email)
    newest = asked.customers.list({"email": "", "limit": 100}).data

    assert customer.id in [each.id for each in newest]


@pytest.mark.differs(
    "stripe-stateful-mock",
    "deletes no customers",
    settled_by="https://docs.stripe.com/api/customers/delete",
)
def test_deleted_customers_are_not_listed(asked: Asked, email: str) -> None:
    """Deleting: https://docs.stripe.com/api/customers/delete."""
    customer = asked.create(email=email)
    asked.customers.delete(customer.id)

    assert asked.listed(email=email) == []


@pytest.mark.differs(
    "localstripe", "lists the oldest first", settled_by="https://docs.stripe.com/api/customers/list"
)
def test_newest_first_and_paging(asked: Asked, email: str) -> None:
    """`starting_after`, `has_more`: https://docs.stripe.com/api/pagination."""
    ids = [asked.create(email=email).id, asked.create_later(email=email).id]
    ids.append(asked.create_later(email=email).id)
    first = asked.customers.list({"email": email, "limit": 2})
    second = asked.customers.list({"email": email, "limit": 2, "starting_after": ids[1]})

    assert [each.id for each in first.data] == [ids[2], ids[1]]
    assert first.has_more is True
    assert [each.id for each in second.data] == [ids[0]]
    assert second.has_more is False


@pytest.mark.differs(
    "localstripe",
    "names no parameter, and has no lower bound",
    settled_by="https://docs.stripe.com/api/pagination",
)
@pytest.mark.differs(
    "stripe-stateful-mock", "has no bounds", settled_by="https://docs.stripe.com/api/pagination"
)
@pytest.mark.parametrize("limit", [0, 101])
def test_limit_is_between_1_and_100(asked: Asked, limit: int) -> None:
    """`limit`: "can range between 1 and 100" (https://docs.stripe.com/api/pagination)."""
    with pytest.raises(stripe.InvalidRequestError) as raised:
        asked.customers.list({"limit": limit})

    assert (raised.value.http_status, raised.value.param) == (400, "limit")


@pytest.mark.differs(
    "localstripe",
    "has no error codes",
    settled_by="https://docs.stripe.com/error-codes#parameter-unknown",
)
@pytest.mark.differs(
    "stripe-stateful-mock",
    "ignores it",
    settled_by="https://docs.stripe.com/error-codes#parameter-unknown",
)
def test_unknown_parameter(asked: Asked) -> None:
    """`parameter_unknown`: https://docs.stripe.com/error-codes."""
    with pytest.raises(stripe.InvalidRequestError) as raised:
        asked.customers.list({"mail": "x"})

    assert (raised.value.code, raised.value.param) == ("parameter_unknown", "mail")


@pytest.mark.differs(
    "stripe-stateful-mock",
    "gives the URL of refunds",
    settled_by="https://docs.stripe.com/api/pagination",
)
def test_over_plain_http(asked: Asked, email: str) -> None:
    """The list object: https://docs.stripe.com/api/pagination."""
    customer = asked.create(email=email)
    answer = asked.http("GET", "/v1/customers", email=email)
    body = answer.json()

    assert answer.status == 200
    assert (body["object"], body["has_more"], body["url"]) == ("list", False, "/v1/customers")
    assert [each["id"] for each in body["data"]] == [customer.id]


def test_customers_on_a_test_clock_are_listed_for_it_alone(
    asked: Asked, account: StripeAccount, email: str
) -> None:
    """`test_clock`: without it, "the response will not include customers with test clocks".

    They are retrieved like others (https://docs.stripe.com/api/customers/list,
    https://docs.stripe.com/billing/testing/test-clocks).
    """
    clocked = str(account.create({"email": email, "test_clock": "clock_1"})["id"])

    assert asked.listed(email=email) == []
    assert asked.listed(email=email, test_clock="clock_1") == [clocked]
    assert asked.listed(email=email, test_clock="clock_2") == []
    assert asked.customers.retrieve(clocked).test_clock == "clock_1"
