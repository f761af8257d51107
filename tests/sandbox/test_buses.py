"""What the stand-ins tell of their changes, and how it arrives."""

import json
from collections import Counter
from random import Random
from typing import Any

import pytest

from customerlink.model.events import Passed, Served, read_event
from customerlink.model.user import Tenant
from sandbox.auth0.users import Users
from sandbox.buses import Buses, Delivery
from sandbox.events import Document
from sandbox.stripe_account import StripeAccount

LONG = 3 * 3600.0


class Sides:
    """Both stand-ins, and what has come of them."""

    def __init__(self, delivery: Delivery | None = None) -> None:
        """Start with a user and a customer of whom nothing is on its way."""
        self.now = 0.0
        delivery = delivery or Delivery()
        delivery.clock = lambda: self.now
        self.buses = Buses("acme", delivery)
        self.users, self.stripe = Users(), StripeAccount()
        self.ada = str(self.users.add({"email": "ada@example.com", "name": "Ada"})["user_id"])
        metadata = {"auth0_user_id": self.ada, "auth0_tenant": "acme", "shop": "1"}
        made = self.stripe.create({"email": "ada@example.com", "metadata": metadata})
        self.customer = str(made["id"])
        self.users.tell, self.stripe.tell = self.buses.user, self.buses.customer

    def told(self) -> list[tuple[str, Document]]:
        """Return the kind and the data of each event that has arrived."""
        return [(each["detail-type"], each["detail"]["data"]) for each in self.buses.take()]


def test_a_users_life() -> None:
    """Each change with what was before; linking tells of both accounts."""
    sides = Sides()
    users, ada = sides.users, sides.ada
    users.patch(ada, {"email": "new@example.com"})
    users.merge_app_metadata(ada, {"stripe_customer_id": "cus_1"})
    grace = str(users.add({"email": "grace@example.com"}, "google-oauth2|1")["user_id"])
    users.link(ada, {"provider": "google-oauth2", "user_id": "1"})
    users.delete(ada)
    users.delete(ada)
    moved, merged, created, linked, secondary, deleted = sides.told()

    assert (moved[0], merged[0], linked[0]) == ("user.updated",) * 3
    assert moved[1]["previous_object"]["email"] == "ada@example.com"
    assert moved[1]["object"]["email"] == "new@example.com"
    assert "app_metadata" not in merged[1]["previous_object"]
    assert merged[1]["object"]["app_metadata"] == {"stripe_customer_id": "cus_1"}
    assert (created[0], created[1]["object"]["user_id"]) == ("user.created", grace)
    assert [len(linked[1][each]["identities"]) for each in ("previous_object", "object")] == [1, 2]
    assert (secondary[0], secondary[1]["object"]["user_id"]) == ("user.deleted", grace)
    assert (deleted[0], deleted[1]["object"]["user_id"]) == ("user.deleted", ada)


@pytest.mark.parametrize(("tells", "kinds"), [(False, []), (True, ["user.updated"])])
def test_a_log_in(tells: bool, kinds: list[str]) -> None:  # noqa: FBT001 (a case)
    """Is told where that is asked for: nobody documents it. It leads to nothing."""
    sides = Sides()
    sides.users.tells_log_ins = tells
    sides.users.count_login(sides.ada)
    told = sides.buses.take()
    served = Served(Tenant("acme"))

    assert [each["detail-type"] for each in told] == kinds
    assert {read_event(json.dumps(each), served) for each in told} <= {Passed.IRRELEVANT}


CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"email": "new@example.com"}, {"email": "ada@example.com"}),
    ({"name": "Ada", "email": ""}, {"name": None, "email": "ada@example.com"}),
    ({"metadata": {"auth0_user_id": "", "shop": "1"}}, {"metadata": {"auth0_user_id": "_"}}),
    ({"metadata": {"auth0_sync_beat": "7"}}, {"metadata": {"auth0_sync_beat": None}}),
]


@pytest.mark.parametrize(("change", "before"), CHANGES)
def test_a_customers_change(change: dict[str, Any], before: dict[str, Any]) -> None:
    """With what changed alone, as it was: of metadata the keys that did."""
    sides = Sides()
    sides.stripe.update(sides.customer, change)
    [(kind, data)] = sides.told()
    if "auth0_user_id" in before.get("metadata", {}):
        before = {"metadata": {"auth0_user_id": sides.ada}}

    assert kind == "customer.updated"
    assert data["previous_attributes"] == before
    assert data["object"] == sides.stripe.retrieve(sides.customer)


def test_a_deleted_customer_as_it_was() -> None:
    """With its metadata, which says whose it was."""
    sides = Sides()
    sides.stripe.delete(sides.customer)
    [(kind, data)] = sides.told()

    assert (kind, data["object"]["metadata"]["auth0_user_id"]) == ("customer.deleted", sides.ada)


@pytest.mark.parametrize(
    "change", [{"description": "VIP"}, {"balance": "5"}, {"metadata": {"shop": "2"}}, {}]
)
def test_what_no_rule_lets_pass(change: dict[str, Any]) -> None:
    """Is counted, and goes nowhere; where nothing changed nothing is told."""
    sides = Sides()
    sides.stripe.update(sides.customer, change)

    assert sides.told() == []
    assert sides.buses.dropped == Counter({"customer.updated": 1} if change else {})


def test_a_new_customer_is_nobodys_business() -> None:
    """No rule lets it pass."""
    sides = Sides()
    sides.stripe.create({"email": "grace@example.com"})

    assert (sides.told(), sides.buses.dropped) == ([], Counter({"customer.created": 1}))


def test_late_twice_and_shuffled() -> None:
    """Nothing is lost: in the end each has come, once or twice, in another order."""
    way = Delivery(late_seconds=LONG, twice=0.5, is_shuffled=True, chance=Random(7))
    sides = Sides(way)
    names = [f"Ada {number}" for number in range(40)]
    for name in names:
        sides.users.patch(sides.ada, {"name": name})
    arrived = [[data["object"]["name"] for _, data in sides.told()]]
    for sides.now in (LONG / 2, LONG):
        arrived.append([data["object"]["name"] for _, data in sides.told()])
    at_once, some, rest = arrived
    all_of_them = [*some, *rest]

    assert (at_once, min(len(some), len(rest)) > 0) == ([], True)
    assert {*all_of_them} == {*names}
    assert set(Counter(all_of_them).values()) == {1, 2}
    assert all_of_them != sorted(all_of_them, key=names.index)
    assert sides.buses.take() == []
