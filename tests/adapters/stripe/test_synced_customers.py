"""Customers with their fields: the real SDK over real HTTP against the stand-in."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.adapters.stripe.served import NEW, Stripe
from tests.fakes import ADA, Counted

from customerlink.adapters.connections import Connections
from customerlink.adapters.stripe.synced_customers import PAUSE_SECONDS, SyncedStripeCustomers
from customerlink.adapters.token_bucket import Unlimited
from customerlink.model.customer import naming
from customerlink.model.customer_values import LiveCustomer
from customerlink.model.listed_customer import Absence
from customerlink.model.user import CustomerId
from customerlink.ports.customers import Done, NotSent, Refused, Unauthorised, Unknown
from customerlink.ports.rate import RateLimiter
from customerlink.ports.run import Run
from sandbox.stripe_account import FaultKind

FULL = {
    "email": "Ada@example.com",
    "name": "Ada",
    "phone": "+1 555",
    "preferred_locales": {"0": "de-AT"},
    "metadata": {"plan": "free", **naming(ADA)},
    "description": "a regular",
}


@pytest.fixture
def adas(served: Stripe) -> CustomerId:
    """Return a customer with every field."""
    return CustomerId(served.account.create(FULL)["id"])


def customers(served: Stripe, pace: RateLimiter | None = None) -> SyncedStripeCustomers:
    """Return the adapter as a new invocation has it."""
    run, paced = Run(time, "owner"), pace or Unlimited()
    where = Connections(), served.server.url, served.key
    return SyncedStripeCustomers(*where, lambda _: None, run, pace=paced)


class TestLook:
    """A customer as it is, or why there is none."""

    def test_every_field(self, served: Stripe, adas: CustomerId) -> None:
        """As texts, by their names; the shop's own are none of ours."""
        found = customers(served).look(adas)

        assert isinstance(found, Done)
        assert isinstance(found.result, LiveCustomer)
        assert found.result.customer.belongs_to(ADA)
        assert found.result.values == {
            "email": "Ada@example.com",
            "name": "Ada",
            "phone": "+1 555",
            "preferred_locales": "de-AT",
            "metadata.plan": "free",
            **{f"metadata.{key}": value for key, value in naming(ADA).items()},
        }

    def test_deleted(self, served: Stripe, adas: CustomerId) -> None:
        """Stripe says so."""
        served.account.delete(adas)

        assert customers(served).look(adas) == Done(Absence.DELETED)

    @pytest.mark.parametrize("customer_id", ["cus_gone", "(odd)", "", "a/b?c"])
    def test_unknown(self, served: Stripe, customer_id: str) -> None:
        """Another account's, or none at all: that is no deletion."""
        assert customers(served).look(CustomerId(customer_id)) == Done(Absence.UNKNOWN)

    @pytest.mark.parametrize(
        ("kind", "failure"),
        [(FaultKind.DROP_BEFORE, Unknown()), (FaultKind.DROP_AFTER, Unknown())],
    )
    def test_no_answer(
        self, served: Stripe, adas: CustomerId, kind: FaultKind, failure: object
    ) -> None:
        """Never taken for an absence."""
        served.account.delete(adas)
        served.fault(kind, "GET", times=9)

        assert customers(served).look(adas) in (failure, NotSent())

    def test_key_that_is_rejected(self, served: Stripe, adas: CustomerId) -> None:
        """Nor that."""
        served.account.revoke_key(served.key.value)

        assert customers(served).look(adas) == Unauthorised()


class TestUpdate:
    """Fields that are written together."""

    @pytest.mark.parametrize(
        ("values", "changed"),
        [
            ({"name": "Countess"}, {"name": "Countess"}),
            (
                {"email": "new@example.com", "phone": "+1"},
                {"email": "new@example.com", "phone": "+1"},
            ),
            ({"preferred_locales": "fr"}, {"preferred_locales": ["fr"]}),
            ({"metadata.plan": "paid"}, {"metadata": {"plan": "paid", **naming(ADA)}}),
        ],
    )
    def test_others_stay(
        self, served: Stripe, adas: CustomerId, values: dict[str, str], changed: dict[str, Any]
    ) -> None:
        """Nothing else is touched."""
        before = served.account.retrieve(adas)
        assert isinstance(customers(served).update(adas, values), Done)

        assert served.account.retrieve(adas) == {**before, **changed}

    def test_of_one_that_is_gone(self, served: Stripe, adas: CustomerId) -> None:
        """Refused, by its id."""
        served.account.delete(adas)

        assert customers(served).update(adas, {"name": "Ada"}) == Refused("id")


def test_created_and_looked_at(served: Stripe) -> None:
    """What a sign-up makes has the values that it was made with."""
    made = customers(served).create(NEW, "key")
    assert isinstance(made, Done)
    found = customers(served).look(made.result.id)

    assert isinstance(found, Done)
    assert isinstance(found.result, LiveCustomer)
    assert found.result.values["name"] == "Ada Lovelace"


class TestPace:
    """Requests wait for their turns, which all invocations share."""

    @pytest.mark.parametrize(
        "call",
        [
            lambda each, adas: each.look(adas),
            lambda each, adas: each.retrieve(adas),
            lambda each, _: each.list_by_email("ada@example.com"),
            lambda each, adas: each.update(adas, {"name": "Countess"}),
            lambda each, adas: each.adopt(adas, ADA),
        ],
    )
    def test_a_turn_each(self, served: Stripe, adas: CustomerId, call: Callable[..., Any]) -> None:
        """Whatever is asked for."""
        pace = Counted()
        assert isinstance(call(customers(served, pace), adas), Done)

        assert (pace.turns, pace.pauses) == (1, [])

    def test_rate_limit(self, served: Stripe, adas: CustomerId) -> None:
        """Everybody waits, and the repetition has a turn of its own."""
        pace = Counted()
        served.fault(FaultKind.RATE_LIMIT, "GET")
        assert isinstance(customers(served, pace).look(adas), Done)

        assert (pace.turns, pace.pauses) == (2, [PAUSE_SECONDS])
