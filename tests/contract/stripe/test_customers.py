"""Creating, retrieving, updating: https://docs.stripe.com/api/customers."""

import typing

import pytest
import stripe
from tests.contract.stripe.conftest import Asked


@pytest.mark.differs(
    "stripe-stateful-mock",
    "drops the name",
    settled_by="https://docs.stripe.com/api/customers/create",
)
def test_what_is_given_is_kept(asked: Asked, email: str) -> None:
    """The address keeps its letter case (https://docs.stripe.com/api/customers/create)."""
    customer = asked.create(
        email=email.upper(),
        name="Ada Lovelace",
        description="A test",
        metadata={"auth0_user_id": "auth0|1"},
    )

    assert (customer.email, customer.livemode) == (email.upper(), False)
    assert (customer.name, customer.description) == ("Ada Lovelace", "A test")
    assert customer.metadata.to_dict() == {"auth0_user_id": "auth0|1"}


def test_two_may_have_one_address(asked: Asked, email: str) -> None:
    """Nothing in the API keeps an address unique; that is the whole trouble."""
    assert asked.create(email=email).id != asked.create(email=email).id


@pytest.mark.differs(
    "localstripe", "takes any text", settled_by="https://docs.stripe.com/error-codes#email-invalid"
)
@pytest.mark.differs(
    "stripe-stateful-mock",
    "takes any text",
    settled_by="https://docs.stripe.com/error-codes#email-invalid",
)
@pytest.mark.parametrize(
    "address",
    [
        *("no address", "ada@", "@example.com", "a b@example.com"),
        *("otameshi@com", "temp@http://localhost:3000", "ada@example.com:25", "ada@.com"),
    ],
)
def test_invalid_address(asked: Asked, address: str) -> None:
    """`email_invalid`: https://docs.stripe.com/error-codes#email-invalid."""
    with pytest.raises(stripe.InvalidRequestError) as raised:
        asked.create(email=address)

    assert (raised.value.http_status, raised.value.code) == (400, "email_invalid")
    assert raised.value.param == "email"


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
        asked.create(mail="x")

    assert (raised.value.http_status, raised.value.code) == (400, "parameter_unknown")


@pytest.mark.differs("localstripe", "has no limits", settled_by="https://docs.stripe.com/metadata")
@pytest.mark.differs(
    "stripe-stateful-mock", "has no limits", settled_by="https://docs.stripe.com/metadata"
)
@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"email": "a" * 510 + "@example.com"}, "email"),
        ({"name": "a" * 257}, "name"),
        ({"description": "a" * 5001}, "description"),
        ({"phone": "1" * 21}, "phone"),
        ({"metadata": {"k" * 41: "v"}}, "metadata"),
        ({"metadata": {"k": "v" * 501}}, "metadata[k]"),
        ({"metadata": {f"k{number}": "v" for number in range(51)}}, "metadata"),
    ],
)
def test_limits(asked: Asked, params: dict[str, typing.Any], param: str) -> None:
    """`email` 512, `name` 256, `description` 5000, `phone` 20 (Stripe's OpenAPI description).

    https://docs.stripe.com/metadata: 50 keys of 40 characters, values of 500.
    """
    with pytest.raises(stripe.InvalidRequestError) as raised:
        asked.create(**params)

    assert raised.value.http_status == 400
    assert str(raised.value.param).startswith(param.partition("[")[0])


def test_locales(asked: Asked, email: str) -> None:
    """`preferred_locales` is a list, in its order: https://docs.stripe.com/api/customers/create."""
    customer = asked.create(email=email, preferred_locales=["en-GB", "de"])

    assert customer.preferred_locales == ["en-GB", "de"]


@pytest.mark.differs(
    "localstripe", "answers 404", settled_by="https://docs.stripe.com/api/customers/retrieve"
)
@pytest.mark.differs(
    "stripe-stateful-mock",
    "deletes no customers",
    settled_by="https://docs.stripe.com/api/customers/delete",
)
def test_deleted_customer_is_still_answered(asked: Asked, email: str) -> None:
    """`deleted: true`, with 200: https://docs.stripe.com/api/customers/retrieve."""
    customer = asked.create(email=email)
    asked.customers.delete(customer.id)
    answer = asked.http("GET", f"/v1/customers/{customer.id}")

    assert answer.status == 200
    assert answer.json() == {"id": customer.id, "object": "customer", "deleted": True}


@pytest.mark.differs(
    "localstripe",
    "has no error codes",
    settled_by="https://docs.stripe.com/error-codes#resource-missing",
)
def test_unknown_customer(asked: Asked) -> None:
    """`resource_missing`: https://docs.stripe.com/error-codes#resource-missing."""
    with pytest.raises(stripe.InvalidRequestError) as raised:
        asked.customers.retrieve("cus_unknown")

    assert (raised.value.http_status, raised.value.code) == (404, "resource_missing")
    assert raised.value.param == "id"


@pytest.mark.differs(
    "localstripe", "keeps the empty string", settled_by="https://docs.stripe.com/metadata"
)
@pytest.mark.differs(
    "stripe-stateful-mock", "replaces all metadata", settled_by="https://docs.stripe.com/metadata"
)
def test_metadata_is_merged_and_unset(asked: Asked, email: str) -> None:
    """By key; an empty string unsets one: https://docs.stripe.com/metadata."""
    customer = asked.create(email=email, metadata={"kept": "1", "gone": "1"})
    updated = asked.customers.update(customer.id, {"metadata": {"gone": "", "new": "2"}})

    assert updated.metadata.to_dict() == {"kept": "1", "new": "2"}


@pytest.mark.differs(
    "localstripe", "gives none", settled_by="https://docs.stripe.com/api/request_ids"
)
@pytest.mark.differs(
    "stripe-stateful-mock",
    "gives none without an idempotency key",
    settled_by="https://docs.stripe.com/api/request_ids",
)
def test_request_ids(asked: Asked, email: str) -> None:
    """In every answer, errors included: https://docs.stripe.com/api/request_ids."""
    customer = asked.create(email=email)
    with pytest.raises(stripe.InvalidRequestError) as raised:
        asked.customers.retrieve("cus_unknown")

    assert customer.last_response.request_id.startswith("req_")
    assert str(raised.value.request_id).startswith("req_")
