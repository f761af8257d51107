"""What a connection has to deliver (docs/deploy.md), by each policy that makes a difference."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.test_deploy_page import WITHOUT_ADDRESS, reason, sign_up

from sandbox.demo import LONG_AGO
from sandbox.sandbox import Sandbox, sandbox

DEPLOYMENTS = {
    "defaults": {},
    "checkout": {"CUSTOMERLINK_PROVISION_AT": "checkout"},
    "required": {"CUSTOMERLINK_VERIFIED_EMAIL": "required"},
    "adopt": {"CUSTOMERLINK_EXISTING_CUSTOMER": "adopt"},
    "provision": {"CUSTOMERLINK_EXISTING_USERS": "provision"},
}


@pytest.fixture(scope="module", params=DEPLOYMENTS)
def deployment(request: pytest.FixtureRequest) -> Iterator[tuple[str, Sandbox]]:
    """Return a deployment by each policy that the page speaks of."""
    with sandbox(settings=DEPLOYMENTS[request.param]) as box:
        yield request.param, box


@pytest.mark.parametrize(("connection", "profile"), WITHOUT_ADDRESS)
def test_who_has_no_address(
    deployment: tuple[str, Sandbox], connection: str, profile: dict[str, Any]
) -> None:
    """Is denied at each log-in, but where customers are made at the checkout."""
    policy, box = deployment
    user = box.tenant.add_user(**profile)
    decisions = [box.tenant.login(user, connection).decision for _ in range(2)]

    if policy == "checkout":
        assert decisions == ["continue", "continue"]
    else:
        assert decisions == ["deny", "deny"]
        assert reason(box) == "email_missing"


@pytest.mark.parametrize(("connection", "profile"), WITHOUT_ADDRESS)
def test_who_has_no_address_and_is_from_before(
    deployment: tuple[str, Sandbox], connection: str, profile: dict[str, Any]
) -> None:
    """Goes on, unless users from before are treated like those who sign up."""
    policy, box = deployment
    user = box.tenant.add_user(**profile, created_at=LONG_AGO, logins_count=7)
    is_denied = box.tenant.login(user, connection).decision == "deny"

    assert is_denied is (policy == "provision")


@pytest.mark.parametrize("profile", [{}, {"email_verified": False}, {"email_verified": "no"}])
def test_what_a_connection_does_not_call_verified(
    deployment: tuple[str, Sandbox], profile: dict[str, Any]
) -> None:
    """Puts the customer off where that is required, and adopts nothing."""
    policy, box = deployment
    number = len(box.tenant.users)
    address, taken = f"unverified-{number}@example.com", f"taken-{number}@example.com"
    box.stripe.create({"email": taken})
    alone = sign_up(box, "acme-saml", email=address, **profile)
    beside = sign_up(box, "acme-saml", email=taken, **profile)

    assert alone.decision == "continue"
    if policy in ("required", "checkout"):
        assert "stripe_customer_id" not in alone.app_metadata
        assert beside.decision == "continue"
    else:
        assert alone.app_metadata["stripe_customer_id"]
        assert (beside.decision, reason(box)) == ("deny", "email_in_use")
