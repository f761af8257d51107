"""How what this release puts into a tenant is called there."""

import pytest

from customerlink.cli.release import action_name, endpoint
from customerlink.model.actions import LOGIN, REGISTRATION, TRIGGERS


def test_names() -> None:
    """The Login flow's is the plain one; the others say their trigger."""
    assert action_name("Customer Link", LOGIN) == "Customer Link"
    assert [action_name("CL", each) for each in REGISTRATION] == [
        "CL (pre-user-registration)",
        "CL (post-user-registration)",
    ]


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_endpoint(trigger: str) -> None:
    """Each trigger has its own, beside the Login flow's."""
    assert endpoint("https://x.example/a/post-login", trigger) == f"https://x.example/a/{trigger}"
