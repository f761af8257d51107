"""docs/sync.md: its policies are the template's, and its dollars are what the arithmetic gives."""

import re

import pytest
from tests.interleaving import TENANT
from tests.test_template import RESOURCES, alarms, metrics
from tests.translation import ROOT, TEMPLATE
from tests.usecases.test_follow_events import DONE, Events, as_event
from tests.usecases.test_sync import ADA, NEW, OLD

from customerlink.model.profile import Profile
from customerlink.model.sync_policy import (
    DeletedCustomers,
    DeletedUsers,
    EditedCustomers,
    EmailChanges,
    MissedSignUps,
)
from customerlink.usecases.follow_events import DEAD_AT, PARKED_AT, REPORTED_WITHIN_SECONDS
from sandbox.events import auth0_event, stripe_event

PAGE = (ROOT / "docs" / "sync.md").read_text()
POLICIES = (EmailChanges, EditedCustomers, DeletedCustomers, DeletedUsers, MissedSignUps)


@pytest.mark.parametrize("policy", POLICIES)
def test_policies(policy: type[EmailChanges]) -> None:
    """With the template's values and the code's, the default first."""
    parameter = TEMPLATE["Parameters"][policy.__name__]
    values = ", ".join(f"`{each}`" for each in policy)

    assert parameter["AllowedValues"] == [*policy]
    assert parameter["Default"] == next(iter(policy))
    assert re.search(rf"^\| `{policy.__name__}`(, `--[a-z-]+`)? \| {values} \|", PAGE, re.MULTILINE)


def table(beginning: str) -> tuple[list[float], float]:
    """Return the dollars of the table that follows, and their sum as it says it."""
    _, _, rest = PAGE.partition(beginning)
    rows, _, _ = rest.partition("\n\n")[2].partition("\n\n")
    found = re.findall(r"^\| (?!\*).*\| ([\d.]+) \|$", rows, re.MULTILINE)
    [total] = re.findall(r"^\| \*\*each million\*\* \| \| \*\*([\d.]+)\*\* \|$", rows, re.MULTILINE)
    return [float(each) for each in found], float(total)


def cost(*parts: float) -> tuple[list[float], float]:
    """Return dollars as a table has them."""
    return [round(each + 1e-9, 2) for each in parts], round(sum(parts), 2)


def gigabytes() -> float:
    """Return the function's memory."""
    return float(RESOURCES["SyncFunction"]["Properties"]["MemorySize"]) / 1024


def test_a_million_that_nobody_follows() -> None:
    """By the batches that the template has."""
    [source] = RESOURCES["SyncFunction"]["Properties"]["Events"].values()
    batches = 1 / source["Properties"]["BatchSize"]
    lambdas = batches * 0.20, batches * 0.02 * gigabytes() * 13.33
    expected = cost(1.00, (1 + 2 * batches) * 0.40, *lambdas, batches * 0.5 * 0.50)

    assert table("a million events that nobody follows:") == expected


def counted() -> tuple[int, int, int, int]:
    """Follow an address that has changed, and its echo.

    Return writes and reads of the ledger, and requests to Stripe and to Auth0.
    """
    shop, profiles = Events(), 0
    get = shop.tenant.get

    def read(user_id: str) -> Profile | None:
        nonlocal profiles
        profiles += 1
        return get(user_id)

    shop.tenant.get = read  # type: ignore[method-assign]
    before = as_event(shop.tenant.profiles[ADA.user_id])
    shop.clock.sleep(200)
    shop.moves(email=NEW)
    shop.made.clear()
    event = auth0_event("user.updated", as_event(shop.tenant.profiles[ADA.user_id]), before)
    assert shop.deliver(event) == [DONE]
    customer = shop.stripe.account.retrieve(shop.adas)
    assert customer["email"] == NEW
    assert shop.deliver(stripe_event("customer.updated", customer, {"email": OLD})) == [DONE]
    ours = [each for each in shop.made if f"#{TENANT}#" in each]
    writes = [each for each in ours if " SET " in each]
    stripe = [each for each in shop.made if each.startswith("stripe ")]
    return len(writes), len(ours) - len(writes), len(stripe), profiles


def test_a_million_changed_addresses() -> None:
    """By the ledger's writes and reads, counted; each request waits for a turn, a write as well."""
    writes, reads, stripe, auth0 = counted()
    lambdas = 2 * 0.20, (0.5 + 0.02) * gigabytes() * 13.33
    ledgers = writes * 0.625, (stripe + auth0) * 0.625, reads * 0.125
    expected = cost(2 * 1.00, 2 * 3 * 0.40, *lambdas, *ledgers, 2 * 2 * 0.50)

    assert (writes, reads, stripe, auth0) == (6, 3, 6, 2)
    assert table("and their echoes from Stripe:") == expected


def test_a_month() -> None:
    """Its alarms' metrics, and how often the queue is asked."""
    looked_at = [metrics(alarms()[name]) for name, each in RESOURCES.items() if _is_of_events(each)]

    assert f"seven alarms on {sum(map(len, looked_at))} metrics " in PAGE
    assert len(looked_at) == 7
    beats = 4 * 24 * 365 / 12
    each = 1.00 + 3 * 0.40 + 0.20 + 0.02 * gigabytes() * 13.33 + 0.50
    assert f"{beats:,.0f} [beats](#beats) (all together {beats * each * 1e-6:.2f})" in PAGE
    assert f"{15 * 60 * 24 * 365 / 12 * 0.40e-6:.2f} for Lambda's asking the queue" in PAGE


def _is_of_events(resource: dict[str, object]) -> bool:
    is_alarm = resource["Type"] == "AWS::CloudWatch::Alarm"
    return is_alarm and resource.get("Condition") in (
        "HasEvents",
        "HasUsersEvents",
        "HasCustomersEvents",
    )


def test_times() -> None:
    """As the code and the template have them."""
    queue = RESOURCES["SyncQueue"]["Properties"]
    [target] = RESOURCES["UsersChangedRule"]["Properties"]["Targets"]

    assert (PARKED_AT, DEAD_AT, queue["RedrivePolicy"]["maxReceiveCount"]) == (3, 5, 10)
    assert (
        f"comes again after {queue['VisibilityTimeout'] / 60:.0f} minutes; the third time" in PAGE
    )
    assert "the fifth time it is a dead letter" in PAGE
    assert "delivered ten times, or waited for four days" in PAGE
    assert f"a day, {target['RetryPolicy']['MaximumRetryAttempts']} times" in PAGE
    assert f"logged in {REPORTED_WITHIN_SECONDS / 60:.0f} minutes later" in PAGE
