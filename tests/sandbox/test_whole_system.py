"""Auth0 → Action → gateway → function → ledger and Stripe, in this process, under trouble."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.sandbox import Sandbox
from sandbox.stripe_account import Fault, FaultKind

NUMBERS = itertools.count()


def email() -> str:
    """Return an address that nobody has."""
    return f"whole-{next(NUMBERS)}@example.com"


def customers(box: Sandbox, address: str) -> list[str]:
    """Return the customers with an address."""
    return [each["id"] for each in box.stripe.live_customers() if each["email"] == address]


def test_denied_stays_denied_until_the_cause_is_gone(box: Sandbox) -> None:
    """And then the user is let in, linked."""
    address = email()
    first = box.stripe.create({"email": address})
    user = box.tenant.add_user(email=address)
    decisions = [box.tenant.login(user).decision for _ in range(3)]
    box.stripe.delete(first["id"])

    assert decisions == ["deny"] * 3
    assert box.tenant.login(user).decision == "continue"
    assert box.tenant.users[user]["app_metadata"]["stripe_customer_id"] in customers(box, address)


def test_denied_stays_denied_even_if_auth0_loses_the_marker(box: Sandbox) -> None:
    """The ledger knows."""
    address = email()
    box.stripe.create({"email": address})
    user = box.tenant.add_user(email=address)
    box.tenant.loses_metadata = True

    assert [box.tenant.login(user).decision for _ in range(3)] == ["deny"] * 3


def test_link_that_auth0_lost_is_replayed(box: Sandbox) -> None:
    """One customer, and the profile gets it at the next login."""
    address = email()
    user = box.tenant.add_user(email=address)
    box.tenant.loses_metadata = True
    box.tenant.login(user)
    box.tenant.loses_metadata = False
    box.tenant.login(user)

    assert [box.tenant.users[user]["app_metadata"]["stripe_customer_id"]] == customers(box, address)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("kind", [*FaultKind])
@pytest.mark.parametrize("times", [1, 99])
def test_every_fault_heals(box: Sandbox, kind: FaultKind, method: str, times: int) -> None:
    """Whatever Stripe does at the first login, at most two more give exactly one customer."""
    address = email()
    user = box.tenant.add_user(email=address)
    box.stripe.faults.append(Fault(kind, method, times, seconds=0.2))
    box.tenant.login(user)
    box.stripe.faults.clear()
    box.tenant.login(user)
    box.tenant.login(user)

    assert [box.tenant.users[user]["app_metadata"]["stripe_customer_id"]] == customers(box, address)
    assert box.tenant.users[user]["app_metadata"].get("stripe_signup") is None


def test_address_changed_after_a_lost_answer(box: Sandbox) -> None:
    """The customer of the first address is found under it, and linked."""
    address = email()
    user = box.tenant.add_user(email=address)
    box.stripe.faults += [Fault(FaultKind.DROP_AFTER), Fault(FaultKind.DOWN, times=99)]
    denied = box.tenant.login(user).decision
    box.stripe.faults.clear()
    box.tenant.users[user]["email"] = email()
    box.tenant.login(user)

    assert denied == "deny"
    assert [box.tenant.users[user]["app_metadata"]["stripe_customer_id"]] == customers(box, address)


def test_ten_tabs(box: Sandbox) -> None:
    """One customer, whoever came first."""
    box.stripe.latency = 0.05
    address = email()
    user = box.tenant.add_user(email=address)
    with ThreadPoolExecutor(10) as tabs:
        list(tabs.map(box.tenant.login, [user] * 10))
    box.tenant.login(user)

    assert [box.tenant.users[user]["app_metadata"]["stripe_customer_id"]] == customers(box, address)


def test_ten_users_with_one_address(box: Sandbox) -> None:
    """One of them is let in; the others are denied, now and later."""
    box.stripe.latency = 0.05
    address = email()
    users = [box.tenant.add_user(email=address) for _ in range(10)]
    with ThreadPoolExecutor(10) as tabs:
        decisions = [each.decision for each in tabs.map(box.tenant.login, users)]

    assert sorted(decisions) == ["continue"] + ["deny"] * 9
    assert len(customers(box, address)) == 1
    assert [box.tenant.login(each).decision for each in users] == decisions
