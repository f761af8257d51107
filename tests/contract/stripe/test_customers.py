"""Creating, retrieving, updating: https://docs.stripe.com/api/customers."""

import typing

import pytest
import stripe
from tests.contract.stripe.conftest import Asked


def test_what_is_given_is_kept(asked: Asked, email: str) -> None:
    """The address keeps its letter case (https://docs.stripe.com/api/customers/create)."""
    customer = asked.create(
        email=email.upper(),
        name="Ada Lovelace",
        description="A test",
        metadata={"auth0_user_id": "auth0|1"},
    )

    assert customer.email == email.upper()
    assert (customer.name, customer.description) == ("Ada Lovelace", "A test")
    assert customer.metadata.to_dict() == {"auth0_user_id": "auth0|1"}


def test_two_may_have_one_address(asked: Asked, email: str) -> None:
    """Nothing in the API keeps an address unique; that is the whole trouble."""
    assert asked.create(email=email).id != asked.create(email=email).id


def test_object(asked: Asked, email: str) -> None:
    """Every field is of its type in the SDK (generated from Stripe's OpenAPI description)."""
    customer = asked.create(email=email).to_dict()
    plain = {
        name: [each for each in (*typing.get_args(hint), hint) if each in (str, int, bool)]
        for name, hint in stripe.Customer.__annotations__.items()
    }
    required = {"id", "object", "created", "livemode", "email", "description", "shipping"}

    assert required | {"default_source", "metadata", "name", "phone"} <= customer.keys()
    for name, kinds in plain.items():
        if kinds and customer.get(name) is not None:
            assert type(customer[name]) in kinds, name
    assert customer.keys() <= stripe.Customer.__annotations__.keys()
    assert customer["object"] == "customer"
    assert customer["id"].startswith("cus_")
    assert customer["livemode"] is False


@pytest.mark.parametrize("address", ["no address", "ada@", "@example.com", "a b@example.com"])
def test_invalid_address(asked: Asked, address: str) -> None:
    """`email_invalid`: https://docs.stripe.com/error-codes#email-invalid."""
    with pytest.raises(stripe.InvalidRequestError) as raised:
        asked.create(email=address)

    assert (raised.value.http_status, raised.value.code) == (400, "email_invalid")
    assert raised.value.param == "email"


def test_unknown_parameter(asked: Asked) -> None:
    """`parameter_unknown`: https://docs.stripe.com/error-codes."""
    with pytest.raises(stripe.InvalidRequestError) as raised:
        asked.create(mail="x")

    assert (raised.value.http_status, raised.value.code) == (400, "parameter_unknown")


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"email": "a" * 510 + "@example.com"}, "email"),
        ({"name": "a" * 257}, "name"),
        ({"metadata": {"k" * 41: "v"}}, "metadata"),
        ({"metadata": {"k": "v" * 501}}, "metadata[k]"),
        ({"metadata": {f"k{number}": "v" for number in range(51)}}, "metadata"),
    ],
)
def test_limits(asked: Asked, params: dict[str, typing.Any], param: str) -> None:
    """`email` 512 characters, `name` 256; https://docs.stripe.com/metadata: 50 keys, 40, 500."""
    with pytest.raises(stripe.InvalidRequestError) as raised:
        asked.create(**params)

    assert raised.value.http_status == 400
    assert str(raised.value.param).startswith(param.partition("[")[0])


def test_deleted_customer_is_still_answered(asked: Asked, email: str) -> None:
    """`deleted: true`, with 200: https://docs.stripe.com/api/customers/retrieve."""
    customer = asked.create(email=email)
    asked.customers.delete(customer.id)
    answer = asked.http("GET", f"/v1/customers/{customer.id}")

    assert answer.status == 200
    assert answer.json() == {"id": customer.id, "object": "customer", "deleted": True}


def test_unknown_customer(asked: Asked) -> None:
    """`resource_missing`: https://docs.stripe.com/error-codes#resource-missing."""
    with pytest.raises(stripe.InvalidRequestError) as raised:
        asked.customers.retrieve("cus_unknown")

    assert (raised.value.http_status, raised.value.code) == (404, "resource_missing")
    assert raised.value.param == "id"


def test_metadata_is_merged_and_unset(asked: Asked, email: str) -> None:
    """By key; an empty string unsets one: https://docs.stripe.com/metadata."""
    customer = asked.create(email=email, metadata={"kept": "1", "gone": "1"})
    updated = asked.customers.update(customer.id, {"metadata": {"gone": "", "new": "2"}})

    assert updated.metadata.to_dict() == {"kept": "1", "new": "2"}


def test_request_ids(asked: Asked, email: str) -> None:
    """In every answer, errors included: https://docs.stripe.com/api/request_ids."""
    customer = asked.create(email=email)
    with pytest.raises(stripe.InvalidRequestError) as raised:
        asked.customers.retrieve("cus_unknown")

    assert customer.last_response.request_id.startswith("req_")
    assert str(raised.value.request_id).startswith("req_")
