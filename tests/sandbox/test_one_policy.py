"""What an operator chose is in one place, and a sandbox that has just begun is in order."""

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from customerlink.cli.main import run
from sandbox.deployment import deployment_of
from sandbox.following import Following, following
from sandbox.sandbox import FOREIGN_CUSTOMER, TAKEN_EMAIL, Sandbox, sandbox


@pytest.fixture(scope="module")
def told() -> Iterator[Following]:
    """Run a fresh sandbox whose sides follow each other."""
    with sandbox() as box, following(box) as made:
        box.seed()
        yield made


@pytest.fixture
def box(told: Following) -> Sandbox:
    """Return the sandbox, at the defaults."""
    told.box.deploy(deployment_of(""))
    return told.box


def verified(box: Sandbox) -> int:
    """Return how `customerlink verify` ends."""
    with patch.dict(os.environ, box.tools_environment()), pytest.raises(SystemExit) as end:
        run(["verify"])
    return int(end.value.code or 0)


def test_fresh_sandbox(box: Sandbox) -> None:
    """Both sides are in order, and stay so when somebody is denied the address that is taken."""
    fresh = verified(box)
    second = box.tenant.add_user(email=TAKEN_EMAIL, email_verified=True)
    decision = box.tenant.login(second).decision

    assert (fresh, decision, verified(box)) == (0, "deny", 0)


@pytest.mark.parametrize(
    ("policy", "follows"),
    [("EmailChanges=ignore", False), ("EmailChanges=any", True), ("", False)],
)
def test_life_after_the_sign_up(told: Following, box: Sandbox, policy: str, follows: bool) -> None:  # noqa: FBT001
    """A policy chosen while all runs is that of the function which follows events."""
    box.deploy(deployment_of(policy))
    address = f"moves-{len(box.tenant.users)}@example.com"
    user = box.tenant.add_user(email=address, email_verified=True)
    box.tenant.login(user)
    box.tenant.users.patch(user, {"email": f"new-{address}", "email_verified": False})
    told.run()
    customer = box.tenant.users[user]["app_metadata"]["stripe_customer_id"]

    assert (box.stripe.retrieve(customer)["email"] == f"new-{address}") is follows


@pytest.mark.parametrize(
    ("policy", "secret", "value"),
    [
        ("continue", "CUSTOMERLINK_ON_FAILURE", "continue"),
        ("""DenialTexts='{"en": {}}'""", "CUSTOMERLINK_DENIAL_TEXTS", '{"en": {}}'),
        ("""CustomerFields='{"phone": "x.y"}'""", "CUSTOMERLINK_PROFILE_FIELDS", "x.y"),
    ],
)
def test_the_action(box: Sandbox, policy: str, secret: str, value: str) -> None:
    """It has what it has to know, no longer than the policy is deployed."""
    box.deploy(deployment_of(policy))
    during = box.tenant.secrets.get(secret)
    box.deploy(deployment_of(""))

    assert (during, secret in box.tenant.secrets) == (value, False)


@pytest.mark.parametrize("policy", ["registration", "adopt registration", "adopt"])
def test_registration(box: Sandbox, policy: str) -> None:
    """Its Actions are bound where they were chosen, for the log-in page as for everybody."""
    box.deploy(deployment_of(policy))

    assert box.tenant.registers is ("registration" in policy)


def test_who_adopts_the_customer_that_is_there(box: Sandbox) -> None:
    """Whoever has verified its address, where that is the policy, as the sandbox says."""
    box.deploy(deployment_of("adopt"))
    google = box.tenant.add_user("google-oauth2|7", email=TAKEN_EMAIL, email_verified=True)
    login = box.tenant.login(google, "google-oauth2")

    assert login.app_metadata["stripe_customer_id"] == FOREIGN_CUSTOMER
