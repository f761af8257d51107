"""Idempotency keys: https://docs.stripe.com/api/idempotent_requests, /error-low-level."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe
from tests.contract.stripe.conftest import Asked

from sandbox.stripe_account import Fault, FaultKind, StripeAccount


@pytest.fixture
def key() -> str:
    """Return a key that was never used."""
    return uuid.uuid4().hex


@pytest.mark.differs(
    "localstripe",
    "has no idempotency",
    settled_by="https://docs.stripe.com/api/idempotent_requests",
)
def test_answer_is_replayed(asked: Asked, email: str, key: str) -> None:
    """The same status and body, and the header says so."""
    first, second = (asked.create_under(key, email=email) for _ in range(2))

    assert first.id == second.id
    assert "idempotent-replayed" not in first.last_response.headers
    assert second.last_response.headers["idempotent-replayed"] == "true"
    assert asked.listed(email=email) == [first.id]


@pytest.mark.differs(
    "localstripe",
    "has no idempotency",
    settled_by="https://docs.stripe.com/api/idempotent_requests",
)
@pytest.mark.differs(
    "stripe-stateful-mock",
    "deletes no customers",
    settled_by="https://docs.stripe.com/api/customers/delete",
)
def test_replay_tells_of_the_past(asked: Asked, email: str, key: str) -> None:
    """A customer that was deleted since is answered as it was made."""
    customer = asked.create_under(key, email=email)
    asked.customers.delete(customer.id)
    again = asked.create_under(key, email=email)

    assert again.id == customer.id
    assert asked.listed(email=email) == []


@pytest.mark.differs(
    "localstripe",
    "has no idempotency",
    settled_by="https://docs.stripe.com/api/idempotent_requests",
)
def test_other_parameters(asked: Asked, email: str, key: str) -> None:
    """400 of the type `idempotency_error`."""
    asked.create_under(key, email=email)
    with pytest.raises(stripe.IdempotencyError) as raised:
        asked.create_under(key, email=f"x{email}")

    assert raised.value.http_status == 400


@pytest.mark.differs(
    "localstripe",
    "takes any address",
    settled_by="https://docs.stripe.com/error-codes#email-invalid",
)
@pytest.mark.differs(
    "stripe-stateful-mock",
    "takes any address",
    settled_by="https://docs.stripe.com/error-codes#email-invalid",
)
def test_refused_parameters_are_not_saved(asked: Asked, email: str, key: str) -> None:
    """A request that fails validation saves nothing: the key is free."""
    with pytest.raises(stripe.InvalidRequestError):
        asked.create_under(key, email="no address")

    assert asked.create_under(key, email=email).email == email


@pytest.mark.differs(
    "localstripe",
    "has no idempotency",
    settled_by="https://docs.stripe.com/api/idempotent_requests",
)
@pytest.mark.differs(
    "stripe-stateful-mock",
    "takes keys of any length",
    settled_by="https://docs.stripe.com/api/idempotent_requests",
)
def test_255_characters(asked: Asked, email: str, key: str) -> None:
    """A key may have so many, and no more."""
    long = key.ljust(255, "x")
    with pytest.raises(stripe.StripeError) as raised:
        asked.create_under(f"{long}x", email=email)

    assert raised.value.http_status == 400
    assert asked.create_under(long, email=email).email == email


@pytest.mark.parametrize("kind", [FaultKind.ERROR_BEFORE, FaultKind.ERROR_AFTER])
def test_500_is_saved(
    asked: Asked,
    account: StripeAccount,
    email: str,
    key: str,
    kind: FaultKind,
) -> None:
    """Whether or not the effect is there: the result is indeterminate."""
    account.faults.append(Fault(kind))
    for replayed in (None, "true"):
        with pytest.raises(stripe.APIError) as raised:
            asked.create_under(key, email=email)

        assert raised.value.http_status == 500
        assert (raised.value.headers or {}).get("idempotent-replayed") == replayed
    assert len(asked.listed(email=email)) == (kind is FaultKind.ERROR_AFTER)


def test_in_flight(asked: Asked, account: StripeAccount, email: str, key: str) -> None:
    """409 `idempotency_key_in_use` while the first request still runs."""
    account.begin(key, "/v1/customers", f"email={email.replace('@', '%40')}")
    with pytest.raises(stripe.APIError) as raised:
        asked.create_under(key, email=email)
    account.abandon(key)

    assert raised.value.http_status == 409
    assert raised.value.error is not None
    assert raised.value.error.code == "idempotency_key_in_use"


@pytest.mark.differs(
    "localstripe",
    "has no idempotency",
    settled_by="https://docs.stripe.com/api/idempotent_requests",
)
def test_two_at_once_make_one(asked: Asked, email: str, key: str) -> None:
    """One is carried out; the other is replayed, or told to wait."""

    def create(_: int) -> str:
        try:
            return str(asked.create_under(key, email=email).id)
        except stripe.APIError as error:
            return {409: "in flight"}[error.http_status or 0]

    with ThreadPoolExecutor(2) as both:
        answers = set(both.map(create, range(2)))

    assert answers - {"in flight"} == set(asked.listed(email=email))
    assert len(asked.listed(email=email)) == 1


def test_forgotten_after_a_day(asked: Asked, account: StripeAccount, email: str, key: str) -> None:
    """Keys are kept for at least 24 h, and then create anew."""
    first = asked.create_under(key, email=email)
    asked.clock.offset += 23 * 3600
    second = asked.create_under(key, email=email)
    asked.clock.offset += 2 * 3600
    third = asked.create_under(key, email=email)

    assert account is asked.account
    assert first.id == second.id != third.id
