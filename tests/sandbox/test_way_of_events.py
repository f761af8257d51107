"""By which way both sides tell of their changes: the deployment's policy alone decides."""

import os
from unittest.mock import patch

import pytest

from customerlink.cli.config import load
from customerlink.cli.deployment import Deployment
from customerlink.model.sync_policy import SyncBy
from sandbox.deployment import ChoiceError, deployment_of
from sandbox.following import following
from sandbox.posts import Posts
from sandbox.sandbox import Sandbox


@pytest.mark.parametrize(
    ("policy", "by"),
    [
        ("", SyncBy.EVENTBRIDGE),
        ("SyncBy=eventbridge", SyncBy.EVENTBRIDGE),
        ("SyncBy=webhook", SyncBy.WEBHOOK),
    ],
)
def test_the_policy_decides(box: Sandbox, policy: str, by: SyncBy) -> None:
    """Both sides, the stack and the functions have the same."""
    box.let_functions_into_the_tenant()
    box.deploy(deployment_of(policy))
    with following(box) as told, patch.dict(os.environ, box.tools_environment()):
        assert isinstance(told.buses, Posts) == (by is SyncBy.WEBHOOK)
        assert Deployment(load(None, None, {})).sync_by is by
        user = box.tenant.add_user(email=f"ada-by-{by}{len(policy)}@example.com", name="Ada")
        box.tenant.login(user)
        box.tenant.users.patch(user, {"name": "Countess"})
        told.run()
        customer = box.tenant.users[user]["app_metadata"]["stripe_customer_id"]
        assert box.stripe.retrieve(customer)["name"] == "Countess"
    box.deploy(deployment_of(""))


def test_another_way() -> None:
    """It is told which there are."""
    with pytest.raises(ChoiceError, match="SyncBy in POLICY is one of eventbridge, webhook"):
        deployment_of("SyncBy=carrier-pigeon")
