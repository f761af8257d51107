"""The operator's view of Stripe's customers: the real SDK against the stand-in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import stripe
from tests.fakes import FakeClock

from customerlink.adapters.stripe.directory import StripeDirectory
from customerlink.adapters.stripe.listing import line
from customerlink.adapters.stripe.rate_limits import PAUSE_SECONDS
from customerlink.adapters.token_bucket import Buckets, TokenBucket
from customerlink.model.errors import NoTurnError
from customerlink.model.listed_customer import Absence
from customerlink.model.rates import Bucket, Endpoint, Limits
from customerlink.model.user import CustomerId
from customerlink.model.values import ODD
from sandbox.serving import Server
from sandbox.stripe_account import Fault, FaultKind, Permission, StripeAccount
from sandbox.stripe_server import stripe_app


@dataclass
class Stripe:
    """An account, and the directory of its customers."""

    account: StripeAccount
    directory: StripeDirectory
    clock: FakeClock

    def make(self, **params: Any) -> CustomerId:
        """Create a customer."""
        return CustomerId(self.account.create({"email": "ada@example.com", **params})["id"])


@pytest.fixture
def stripe_side() -> Iterator[Stripe]:
    """Serve an empty account."""
    account, clock = StripeAccount(), FakeClock()
    with Server(stripe_app(account)) as server:
        client = stripe.StripeClient(
            account.add_key(),
            base_addresses={"api": server.url},
            http_client=stripe.RequestsClient(),
            max_network_retries=0,
        )
        bucket = TokenBucket(1000, clock.monotonic, clock.sleep)
        yield Stripe(account, StripeDirectory(client.v1.customers, bucket), clock)


def test_retrieved(stripe_side: Stripe) -> None:
    """With the ids as the metadata has them."""
    names = {"auth0_user_id": "auth0|1", "auth0_tenant": "acme", "superseded_by": "cus_2"}
    made = stripe_side.make(metadata={**names, "auth0_registration_id": "a1"}, description="x")
    found = stripe_side.directory.retrieve(made)

    assert not isinstance(found, Absence)
    assert (found.id, found.email, found.description) == (made, "ada@example.com", "x")
    assert (found.auth0_user_id, found.auth0_tenant) == ("auth0|1", "acme")
    assert (found.registration_id, found.superseded_by) == ("a1", "cus_2")
    assert found.created > 0


def test_absent(stripe_side: Stripe) -> None:
    """Deleted, unknown, or of the other mode: each is told apart."""
    gone = stripe_side.make()
    stripe_side.directory.delete(gone)
    stripe_side.account.other_mode.add("cus_live")
    found = [
        stripe_side.directory.retrieve(CustomerId(each)) for each in (gone, "cus_0", "cus_live")
    ]

    assert found == [Absence.DELETED, Absence.UNKNOWN, Absence.OTHER_MODE]


def test_with_address(stripe_side: Stripe) -> None:
    """All pages of them, and letter case counts."""
    made = {stripe_side.make() for _ in range(120)}
    stripe_side.make(email="Ada@example.com")

    found = stripe_side.directory.with_address("ada@example.com")

    assert {each.id for each in found} == made
    assert len(found) == 120


@pytest.mark.parametrize(
    ("change", "is_used"),
    [
        ({}, False),
        ({"balance": -500}, True),
        ({"next_invoice_sequence": 2}, True),
        ({"default_source": "card_1"}, True),
        ({"invoice_settings": {"default_payment_method": "pm_1"}}, True),
        ({"invoice_settings": {"default_payment_method": None}}, False),
    ],
)
def test_use(stripe_side: Stripe, change: dict[str, Any], *, is_used: bool) -> None:
    """Money was, or is to be, involved."""
    made = stripe_side.make()
    stripe_side.account._customers[made] |= change
    found = stripe_side.directory.retrieve(made)

    assert not isinstance(found, Absence)
    assert found.is_used is is_used


def test_trouble_is_waited_out(stripe_side: Stripe) -> None:
    """429 and 5xx; what does not end is raised."""
    made = stripe_side.make()
    stripe_side.account.faults += [
        Fault(FaultKind.RATE_LIMIT, "GET", 2),
        Fault(FaultKind.DOWN, "GET", 2),
    ]
    assert not isinstance(stripe_side.directory.retrieve(made), Absence)

    stripe_side.account.faults.append(Fault(FaultKind.DOWN, "GET", 99))
    with pytest.raises(stripe.APIError):
        stripe_side.directory.retrieve(made)


LOST = [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.ERROR_AFTER, FaultKind.DOWN]


@pytest.mark.parametrize("kind", LOST)
def test_deletion_without_an_answer(stripe_side: Stripe, kind: FaultKind) -> None:
    """It is not asked for again; the next one's 404 says that it is gone, which was the aim."""
    made = stripe_side.make()
    stripe_side.account.faults.append(Fault(kind, "DELETE"))
    assert not stripe_side.directory.delete(made)

    assert stripe_side.directory.delete(made)
    assert stripe_side.directory.retrieve(made) is Absence.DELETED


def test_deletion_that_meets_the_rate_limit(stripe_side: Stripe) -> None:
    """Nothing is on its way, and everybody asks less."""
    made, began = stripe_side.make(), stripe_side.clock.monotonic()
    stripe_side.account.faults.append(Fault(FaultKind.RATE_LIMIT, "DELETE"))
    with pytest.raises(NoTurnError) as refused:
        stripe_side.directory.delete(made)

    assert refused.value.endpoint is Endpoint.CHANGE
    assert stripe_side.directory.delete(made)
    assert stripe_side.clock.monotonic() - began >= PAUSE_SECONDS


def test_nobody_waits_who_has_taken_turns_before(stripe_side: Stripe) -> None:
    """A look that meets the limit is not tried again: something may be leased meanwhile."""
    made, clock = stripe_side.make(), stripe_side.clock

    def bucket(found: Bucket) -> TokenBucket:
        return TokenBucket(found.per_second, clock.monotonic, clock.sleep)

    buckets = Buckets(Limits(), bucket)
    directory = StripeDirectory(stripe_side.directory.service, buckets)
    stripe_side.account.faults.append(Fault(FaultKind.RATE_LIMIT, "GET"))
    with buckets.ahead([Endpoint.RETRIEVE]):
        began = clock.monotonic()
        with pytest.raises(NoTurnError) as refused:
            directory.retrieve(made)
        assert clock.monotonic() == began

    assert refused.value.endpoint is Endpoint.RETRIEVE
    assert not isinstance(stripe_side.directory.retrieve(made), Absence)


def test_deletion_that_is_refused(stripe_side: Stripe) -> None:
    """By a key that may only read: it is raised."""
    stripe_side.account._keys = dict.fromkeys(stripe_side.account._keys, Permission.READ)

    with pytest.raises(stripe.PermissionError):
        stripe_side.directory.delete(stripe_side.make())


def test_deleted_by_somebody_else(stripe_side: Stripe) -> None:
    """It is gone all the same."""
    made = stripe_side.make()
    stripe_side.account.delete(made)
    stripe_side.directory.delete(made)

    assert stripe_side.directory.retrieve(made) is Absence.DELETED


ODD_METADATA = [
    {"auth0_user_id": "auth0|\ud83d"},
    {"auth0_user_id": "auth0|\0"},
    {"auth0_tenant": "\ud83d", "auth0_registration_id": "\0", "superseded_by": "\ud83d"},
]


@pytest.mark.parametrize("metadata", ODD_METADATA)
def test_metadata_that_are_no_text(stripe_side: Stripe, metadata: dict[str, str]) -> None:
    """They name somebody, who is nobody's user; a line of the listing can be read."""
    made = stripe_side.make()
    stripe_side.account._customers[made]["metadata"] = metadata
    found = stripe_side.directory.retrieve(made)

    assert not isinstance(found, Absence)
    ids = found.auth0_user_id, found.auth0_tenant, found.registration_id, found.superseded_by
    assert {*ids} == {None, ODD}
    assert "\\u" not in line(found)


@pytest.mark.parametrize("metadata", [None, {}])
@pytest.mark.parametrize("email", [None, "half \ud83d", "a\0@x.io"])
def test_customer_without_anything(
    stripe_side: Stripe, email: str | None, metadata: dict[str, str] | None
) -> None:
    """Nobody's, and without an address that anybody could have."""
    made = stripe_side.make()
    stripe_side.account._customers[made] |= {"email": email, "metadata": metadata}
    found = stripe_side.directory.retrieve(made)

    assert not isinstance(found, Absence)
    assert (found.email, found.auth0_user_id, found.auth0_tenant) == (None, None, None)
