"""Beats: a canary that answers, one that is gone, and a Stripe that does not answer."""

from dataclasses import dataclass, field

import pytest

from customerlink.model.beats import BEAT, canary_address
from customerlink.model.customer import Customer
from customerlink.model.user import CustomerId
from customerlink.ports.canaries import Canaries
from customerlink.ports.customers import (
    Done,
    Failure,
    NotSent,
    RateLimited,
    Refused,
    Unauthorised,
    Unknown,
)
from customerlink.usecases.send_beat import BeatEnd, send_beat

ADDRESS, AT = canary_address("Shop"), "2026-11-26T16:00:00+00:00"


def customer(number: int, *metadata: str) -> Customer:
    """Return a customer with the canary's address."""
    return Customer(
        id=CustomerId(f"cus_{number}"),
        auth0_user_id=None,
        auth0_tenant=None,
        created=0,
        email=ADDRESS,
        metadata_keys=frozenset(metadata),
    )


CANARY, STRANGER = customer(1, BEAT), customer(2, "plan")


@dataclass
class Listed(Canaries):
    """Customers, and how the change of one ends."""

    listed: Done[tuple[Customer, ...]] | Failure = field(default_factory=lambda: Done((CANARY,)))
    changed: Failure | None = None
    made: list[tuple[str, str]] = field(default_factory=list)

    def list_by_email(self, email: str) -> Done[tuple[Customer, ...]] | Failure:
        """List those of the one address."""
        assert email == "customerlink@shop.invalid"
        return self.listed

    def beat(self, customer_id: CustomerId, at: str) -> Done[Customer] | Failure:
        """Change it, or fail."""
        self.made.append((customer_id, at))
        return self.changed or Done(CANARY)


@pytest.mark.parametrize(
    ("canaries", "end", "changes"),
    [
        (Listed(), "sent", ["cus_1"]),
        (Listed(Done((STRANGER, CANARY))), "sent", ["cus_1"]),
        (Listed(Done((CANARY, customer(3, BEAT)))), "sent", ["cus_1"]),
        (Listed(Done(())), "no_canary", []),
        (Listed(Done((STRANGER,))), "no_canary", []),
        (Listed(changed=Refused("id")), "no_canary", ["cus_1"]),
        (Listed(changed=Refused("metadata")), "failed", ["cus_1"]),
        (Listed(changed=Unauthorised()), "failed", ["cus_1"]),
        (Listed(changed=Unknown()), "failed", ["cus_1"]),
        (Listed(changed=RateLimited()), "failed", ["cus_1"]),
        (Listed(changed=NotSent()), "failed", ["cus_1"]),
        (Listed(Unauthorised()), "failed", []),
        (Listed(Refused("email")), "failed", []),
        (Listed(Unknown()), "failed", []),
        (Listed(RateLimited()), "failed", []),
        (Listed(NotSent()), "failed", []),
    ],
)
def test_ends(canaries: Listed, end: str, changes: list[str]) -> None:
    """One canary is changed, no stranger is, and whatever Stripe answers raises nothing."""
    assert send_beat(canaries, ADDRESS, AT) is BeatEnd(end)
    assert canaries.made == [(each, AT) for each in changes]
