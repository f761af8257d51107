"""What either side posts: let through as the template's rules would, and in their envelope."""

import json
from typing import Any

import pytest

from customerlink.model.events import OF_AUTH0, Passed, Served, read_event
from customerlink.model.user import Tenant
from customerlink.model.webhooks import Posted, Sender
from sandbox.buses import rules
from sandbox.events import AUTH0_SOURCE, STRIPE_SOURCE, auth0_event, envelope, stripe_event

ADA: dict[str, Any] = {"user_id": "auth0|1", "email": "ada@example.com"}
CUSTOMER: dict[str, Any] = {"id": "cus_1", "metadata": {"auth0_user_id": "auth0|1"}}


def updated(before: Any) -> dict[str, Any]:
    """Return what Stripe tells of a customer that had something else."""
    return stripe_event("customer.updated", CUSTOMER, before)


TABLE = [
    *(auth0_event(f"user.{kind}", ADA) for kind in ("created", "updated", "deleted")),
    auth0_event("user.updated", ADA, {**ADA, "email": "old@example.com"}),
    auth0_event("user.updated", ADA, is_test=True),
    auth0_event("organization.created", {"id": "org_1"}),
    auth0_event("user.blocked", ADA),
    auth0_event("customer.deleted", ADA),
    envelope(AUTH0_SOURCE, "unknown", {}),
    envelope(AUTH0_SOURCE, "unknown", {"type": None}),
    *(stripe_event(f"customer.{kind}", CUSTOMER) for kind in ("created", "updated", "deleted")),
    stripe_event("customer.subscription.deleted", {"id": "sub_1"}),
    stripe_event("invoice.updated", {"id": "in_1"}, {"email": "old@example.com"}),
    stripe_event("customer.deleted", CUSTOMER, {"email": "old@example.com"}),
    stripe_event("user.deleted", ADA),
    envelope(STRIPE_SOURCE, "unknown", {"type": ["customer.deleted", "customer.updated"][:0]}),
    *(updated({name: "before"}) for name in ("email", "name", "phone")),
    *(updated({name: None}) for name in ("email", "name", "phone")),
    updated({"preferred_locales": ["de"]}),
    *(updated({name: "before"}) for name in ("address", "balance", "description", "tax_exempt")),
    updated({}),
    updated({"metadata": {"auth0_user_id": "auth0|2"}}),
    updated({"metadata": {"auth0_user_id": None}}),
    updated({"metadata": {"auth0_tenant": "acme"}}),
    updated({"metadata": {"auth0_sync_beat": "2026-11-18"}}),
    updated({"metadata": {"plan": "gold"}}),
    updated({"metadata": {}}),
    updated({"balance": 1, "email": "old@example.com"}),
    envelope(STRIPE_SOURCE, "customer.updated", {"type": "customer.updated"}),
    envelope(STRIPE_SOURCE, "customer.updated", {"type": "customer.updated", "data": None}),
    envelope(STRIPE_SOURCE, "customer.updated", {"type": "customer.updated", "data": ["email"]}),
    envelope(
        STRIPE_SOURCE,
        "customer.updated",
        {"type": "customer.updated", "data": {"previous_attributes": "email"}},
    ),
    updated({"metadata": "auth0_user_id"}),
]
"""What EventBridge is given of both sides, in its envelope."""


def sender(event: dict[str, Any]) -> Sender:
    """Return whose event it is."""
    return Sender.AUTH0 if event["source"] == AUTH0_SOURCE else Sender.STRIPE


@pytest.mark.parametrize("event", TABLE, ids=lambda each: json.dumps(each["detail"])[-60:])
def test_let_through_as_by_the_rules(event: Any) -> None:
    """What a rule of the template's takes, and nothing else: the pattern and the code agree."""
    is_taken = any(each.matches_event(event) for each in rules())

    assert Posted(sender(event), event["detail"]).is_followed is is_taken


def test_the_table_has_both() -> None:
    """Of either side there are some that are let through, and some that are not."""
    told = {(sender(each), Posted(sender(each), each["detail"]).is_followed) for each in TABLE}

    assert len(told) == 4


@pytest.mark.parametrize("event", TABLE, ids=lambda each: json.dumps(each["detail"])[-60:])
def test_read_as_by_the_rules(event: Any) -> None:
    """Who reads the queue finds the same in either envelope, where it is let through."""
    posted, served = Posted(sender(event), event["detail"]), Served(Tenant("acme"))
    if posted.is_followed:
        by_post = read_event(posted.message, served)
        assert by_post == read_event(json.dumps(event), served)


@pytest.mark.parametrize("kind", OF_AUTH0)
@pytest.mark.parametrize(
    "long", ["x" * 1_100_000, {f"k{each}": each for each in range(90_000)}, ["\xe9" * 9] * 20_000]
)
def test_a_profile_that_is_too_long(kind: str, long: object) -> None:
    """Its user is looked at all the same, whatever was applied last; nothing else is lost."""
    for before in (None, ADA):
        event = auth0_event(kind, ADA | {"user_metadata": long}, before)
        message = Posted(Sender.AUTH0, event["detail"]).message
        assert len(message) < 1000

        found = read_event(message, Served(Tenant("acme")))
        assert isinstance(found, tuple)
        assert [(each.user.user_id, each.kind, each.shown) for each in found] == [
            (ADA["user_id"], kind, None)
        ]


@pytest.mark.parametrize("more", [{"is_test": True}, {"tenant": "other"}])
def test_whose_too_long_a_profile_is(more: dict[str, Any]) -> None:
    """It is told without it: Auth0's own, or another tenant's."""
    event = auth0_event("user.updated", ADA | {"name": "x" * 1_100_000}, **more)

    found = read_event(Posted(Sender.AUTH0, event["detail"]).message, Served(Tenant("acme")))
    assert found in (Passed.TEST, Passed.OTHER_TENANT)


@pytest.mark.parametrize(
    ("who", "kind"),
    [
        (Sender.AUTH0, "customer.deleted"),
        (Sender.AUTH0, "customer.updated"),
        (Sender.AUTH0, "due"),
        (Sender.STRIPE, "user.deleted"),
        (Sender.STRIPE, "user.updated"),
        (Sender.STRIPE, "due"),
    ],
)
def test_neither_speaks_for_the_other(who: Sender, kind: str) -> None:
    """Nor for the ledger: whoever has the one side's secret tells nothing of the other's."""
    event = {"type": kind, "data": {"previous_attributes": {"email": "old@example.com"}}}

    assert not Posted(who, event).is_followed


@pytest.mark.parametrize("odd", [None, 7, [], {}, {"type": "user.deleted"}, "", True])
def test_odd_types(odd: object) -> None:
    """What is no kind is dropped, and raises nothing."""
    assert not any(Posted(each, {"type": odd}).is_followed for each in Sender)
