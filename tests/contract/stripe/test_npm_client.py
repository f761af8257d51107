"""The stripe npm package, which people use in Actions, as a second client of the stand-in."""

import subprocess
from pathlib import Path

import pytest
from tests.contract.stripe.conftest import Asked

CLIENT = Path(__file__).with_name("npm_client.js")


@pytest.mark.differs(
    "localstripe",
    "has no idempotency",
    settled_by="https://docs.stripe.com/api/idempotent_requests",
)
@pytest.mark.differs(
    "stripe-stateful-mock",
    "deletes no customers",
    settled_by="https://docs.stripe.com/api/customers/delete",
)
def test_the_same_facts(asked: Asked, email: str) -> None:
    """https://github.com/stripe/stripe-node: what the client reads off the answers."""
    command = ["node", str(CLIENT), asked.base, asked.key, email]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 4
