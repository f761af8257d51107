"""Customers with their fields: the real SDK over real HTTP against the stand-in."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.adapters.stripe.served import NEW, Stripe
from tests.fakes import ADA, Counted

from customerlink.adapters.connections import Connections
from customerlink.adapters.stripe.rate_limits import PAUSE_SECONDS
from customerlink.adapters.stripe.synced_customers import SyncedStripeCustomers
from customerlink.adapters.token_bucket import Unlimited
from customerlink.model.beats import BEAT
from customerlink.model.customer import FORMER, Customer, naming
from customerlink.model.customer_values import LiveCustomer
from customerlink.model.errors import NoTurnError
from customerlink.model.keys import StripeKey
from customerlink.model.listed_customer import Absence
from customerlink.model.usage import Subscriptions
from customerlink.model.user import CustomerId
from customerlink.ports.customers import (
    Done,
    NotSent,
    RateLimited,
    Refused,
    Unauthorised,
    Unknown,
)
from customerlink.ports.rate import Rates
from customerlink.ports.run import Run
from sandbox.stripe_account import FaultKind, Permission

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


def customers(
    served: Stripe, reading: StripeKey | None = None, rates: Rates | None = None
) -> SyncedStripeCustomers:
    """Return the adapter as a new invocation has it."""
    run, paced = Run(time, "owner"), rates or Unlimited()
    where = Connections(), served.server.url, served.key
    return SyncedStripeCustomers(*where, lambda _: None, run, rates=paced, reading_key=reading)


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


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.DOWN])
@pytest.mark.parametrize(
    "write",
    [
        lambda each, adas: each.update(adas, {"name": "Countess"}),
        lambda each, adas: each.unlink(adas, ADA.user_id),
        lambda each, adas: each.adopt(adas, ADA),
        lambda each, adas: each.supersede(adas, CustomerId("cus_2")),
        lambda each, adas: each.set_email(adas, "new@example.com"),
    ],
)
def test_in_one_try(
    served: Stripe, adas: CustomerId, write: Callable[..., object], kind: FaultKind
) -> None:
    """A lost write could land after a second one was answered, and over what came next."""
    served.fault(kind, "POST")

    assert write(customers(served), adas) == Unknown()
    asked = [each for each in served.account.requests if each.startswith("POST")]
    assert len(asked) == 1


class NoMore(Unlimited):
    """Rates that have a number of turns."""

    def __init__(self, turns: int) -> None:
        """Start with so many."""
        self.turns = turns

    def take(self) -> None:
        """Give one, or none."""
        self.turns -= 1
        if self.turns < 0:
            raise NoTurnError


class TestWithoutTurns:
    """Nobody waits for long: a person's log-in may wait for what is leased meanwhile."""

    @pytest.mark.parametrize("times", [4, 30, 300])
    def test_storm(self, served: Stripe, adas: CustomerId, times: int) -> None:
        """What Stripe refuses is tried four times, in a second or so, and not for eight."""
        served.fault(FaultKind.RATE_LIMIT, "GET", times=times)
        before = len(served.account.requests)

        assert isinstance(customers(served).look(adas), RateLimited)
        assert len(served.account.requests) - before == 4
        served.account.faults.clear()

    @pytest.mark.parametrize(
        "call",
        [
            lambda each, adas: each.look(adas),
            lambda each, _: each.list_by_email("ada@example.com"),
            lambda each, adas: each.update(adas, {"name": "Countess"}),
        ],
    )
    def test_nothing_is_sent(
        self, served: Stripe, adas: CustomerId, call: Callable[..., object]
    ) -> None:
        """And that is said: whatever is leased for it can be let go."""
        assert call(customers(served, rates=NoMore(0)), adas) == NotSent()
        assert [each for each in served.account.requests if adas in each] == []

    @pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.DOWN])
    def test_after_one_that_was_lost(self, served: Stripe, kind: FaultKind) -> None:
        """It may have been carried out, whatever became of the next try."""
        served.fault(kind, "POST")

        assert customers(served, rates=NoMore(1)).create(NEW, "key") == Unknown()


class TestBeat:
    """The one key of the canary's."""

    def test_others_stay(self, served: Stripe) -> None:
        """Nothing else is touched."""
        made = served.account.create({**FULL, "metadata": {BEAT: "none yet", "plan": "free"}})
        assert isinstance(customers(served).beat(CustomerId(made["id"]), "now"), Done)

        metadata = {BEAT: "now", "plan": "free"}
        assert served.account.retrieve(made["id"]) == {**made, "metadata": metadata}

    def test_of_one_that_is_gone(self, served: Stripe, adas: CustomerId) -> None:
        """Refused, by its id."""
        served.account.delete(adas)

        assert customers(served).beat(adas, "now") == Refused("id")


class TestSubscriptions:
    """What a deletion would cancel."""

    @pytest.mark.parametrize(
        ("states", "expected"),
        [
            ((), Subscriptions.NONE),
            (("canceled", "incomplete_expired"), Subscriptions.NONE),
            (("active",), Subscriptions.LIVE),
            (("canceled", "past_due"), Subscriptions.LIVE),
            (("incomplete", "trialing"), Subscriptions.LIVE),
            (("incomplete_expired",) * 101, Subscriptions.LIVE),
        ],
    )
    def test_states(
        self, served: Stripe, adas: CustomerId, states: tuple[str, ...], expected: Subscriptions
    ) -> None:
        """Only what is over counts not; nobody turns pages for it."""
        for each in states:
            served.account.use(adas, "subscription", each)
        reading = StripeKey(served.account.add_key(Permission.NONE, reads=["subscription"]))

        assert customers(served, reading).subscriptions(adas) == Done(expected)

    @pytest.mark.parametrize("is_own", [True, False])
    def test_hidden(self, served: Stripe, adas: CustomerId, *, is_own: bool) -> None:
        """A key that may not read them is told nothing, and goes on being good for customers."""
        reading = StripeKey(served.account.add_key(Permission.READ)) if is_own else None
        now = customers(served, reading)

        assert now.subscriptions(adas) == Done(Subscriptions.HIDDEN)
        assert isinstance(now.look(adas), Done)

    def test_no_answer(self, served: Stripe, adas: CustomerId) -> None:
        """Never taken for "there is none"."""
        reading = StripeKey(served.account.add_key(reads=["subscription"]))
        served.fault(FaultKind.ERROR_BEFORE, "GET", times=9)

        assert customers(served, reading).subscriptions(adas) == Unknown()


class TestParting:
    """A customer that is nobody's any more, or gone."""

    @pytest.mark.parametrize(
        "metadata",
        [
            {**naming(ADA), "plan": "free"},
            {**naming(ADA), "auth0_registration_id": "f" * 32, "superseded_by": "cus_2"},
            {f"key{number}": "x" for number in range(48)} | naming(ADA),
        ],
    )
    def test_unlink(self, served: Stripe, metadata: dict[str, str]) -> None:
        """Our keys go, the shop's stay; so does a note of whose it was."""
        made = CustomerId(served.account.create({**FULL, "metadata": metadata})["id"])
        before = served.account.retrieve(made)
        unlinked = customers(served).unlink(made, ADA.user_id)

        ours = {"auth0_user_id", "auth0_tenant", "auth0_registration_id", "superseded_by"}
        kept = {key: value for key, value in metadata.items() if key not in ours}
        expected = {**before, "metadata": {**kept, FORMER: ADA.user_id}}
        assert served.account.retrieve(made) == expected
        assert isinstance(unlinked, Done)
        assert unlinked.result.is_nobodys(ADA.tenant)
        customers(served).unlink(made, None)
        assert served.account.retrieve(made)["metadata"] == kept

    def test_delete(self, served: Stripe, adas: CustomerId) -> None:
        """Once; what is gone, or was never there, is told."""
        assert customers(served).delete(adas) == Done(result=True)

        assert customers(served).delete(adas) == Done(result=False)
        assert customers(served).look(adas) == Done(Absence.DELETED)

    @pytest.mark.parametrize("customer_id", ["", "..", "a/b", "cus_1?x"])
    def test_odd_id(self, served: Stripe, customer_id: str) -> None:
        """It would be another path: nothing is asked."""
        assert customers(served).delete(CustomerId(customer_id)) == Refused("id")
        assert served.account.requests == []

    @pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER, FaultKind.ERROR_AFTER])
    def test_lost_answer(self, served: Stripe, adas: CustomerId, kind: FaultKind) -> None:
        """A second try that finds none says what became of the first."""
        served.fault(kind, "DELETE")

        assert customers(served).delete(adas) in (Done(result=False), Unknown())
        assert customers(served).look(adas) == Done(Absence.DELETED)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"balance": 0}, False),
        ({"balance": 0, "invoice_credit_balance": {}}, False),
        ({"balance": 0, "invoice_credit_balance": {"eur": 0}}, False),
        ({"balance": -500}, True),
        ({"balance": 1}, True),
        ({"balance": 0, "invoice_credit_balance": {"eur": 0, "usd": 5}}, True),
        ({"balance": None}, True),
        ({}, True),
    ],
)
def test_balance(fields: dict[str, object], *, expected: bool) -> None:
    """In whatever direction and currency; what is not told counts as one."""
    assert LiveCustomer.of(Customer(CustomerId("cus_1")), fields).has_balance is expected


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
        assert isinstance(call(customers(served, rates=pace), adas), Done)

        assert (pace.turns, pace.pauses) == (1, [])

    def test_rate_limit(self, served: Stripe, adas: CustomerId) -> None:
        """Everybody waits, and the repetition has a turn of its own."""
        pace = Counted()
        served.fault(FaultKind.RATE_LIMIT, "GET")
        assert isinstance(customers(served, rates=pace).look(adas), Done)

        assert (pace.turns, pace.pauses, pace.slowed) == (2, [PAUSE_SECONDS], 1)
