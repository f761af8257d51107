"""Declared fields, the whole way: profile, Action or Management API, pipeline, customer."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.functions.test_shop_api import post, token

from sandbox.sandbox import Sandbox, sandbox

DECLARED = {
    "name": "user_metadata.company",
    "phone": "phone_number",
    "preferred_locales": "user_metadata.locale",
    "metadata.plan": "app_metadata.plan",
}
PROFILE: dict[str, Any] = {
    "phone_number": "+15550100",
    "user_metadata": {"company": "Analytical Engines", "locale": "en_GB"},
    "app_metadata": {"plan": "pro"},
}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """Run a deployment that declares fields, and Actions that report them."""
    with sandbox(settings={"CUSTOMERLINK_CUSTOMER_FIELDS": json.dumps(DECLARED)}) as box:
        box.let_functions_into_the_tenant()
        fields = ",".join(DECLARED.values())
        box.tenant.secrets = {**box.tenant.secrets, "CUSTOMERLINK_PROFILE_FIELDS": fields}
        yield box


def made(box: Sandbox, email: str) -> dict[str, Any]:
    """Return the fields of the customer with an address."""
    [found] = [each for each in box.stripe.live_customers() if each["email"] == email]
    given = {name: found[name] for name in ("name", "phone", "preferred_locales")}
    return {**given, "plan": found["metadata"].get("plan")}


EXPECTED = {
    "name": "Analytical Engines",
    "phone": "+15550100",
    "preferred_locales": ["en-GB"],
    "plan": "pro",
}


def test_at_sign_up(box: Sandbox) -> None:
    """By the Login flow's Action."""
    ada = box.tenant.add_user(email="ada@example.com", **PROFILE)
    box.tenant.login(ada)

    assert made(box, "ada@example.com") == EXPECTED


def test_at_registration(box: Sandbox) -> None:
    """By the registration flow's, for which there is no `app_metadata` yet."""
    profile = {name: value for name, value in PROFILE.items() if name != "app_metadata"}
    box.tenant.register(email="grace@example.com", **profile)

    assert made(box, "grace@example.com") == EXPECTED | {"plan": None}


def test_profile_that_holds_a_lot(box: Sandbox) -> None:
    """A picture in the name, say: nobody is kept out by it, and Stripe gets what it takes."""
    company = "漢" * 70_000
    profile = PROFILE | {"user_metadata": {"company": company}, "name": "x" * 70_000}
    mary = box.tenant.add_user(email="mary@example.com", **profile)

    assert box.tenant.login(mary).decision == "continue"
    assert made(box, "mary@example.com")["name"] == company[:256]


def test_at_the_checkout(box: Sandbox) -> None:
    """By the Management API."""
    alan = box.tenant.add_user(email="alan@example.com", email_verified=True, **PROFILE)
    assert post(box, "/customers/me", token(box, alan))[0] == 200

    assert made(box, "alan@example.com") == EXPECTED


def test_nothing_of_it_is_logged(box: Sandbox) -> None:
    """It is personal."""
    for each in ("Analytical", "+15550100", "@example.com"):
        assert each not in box.log.getvalue()
