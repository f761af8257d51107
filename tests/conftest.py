"""What every test shares: the sandbox."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.session
import pytest
from botocore.loaders import create_loader
from hypothesis import HealthCheck, settings

from sandbox.sandbox import Sandbox, sandbox

# Machines are shared and noisy: how long an example takes says nothing about it.
settings.register_profile(
    "untimed",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("untimed")

# Each session would parse AWS's descriptions of its services anew, 50 ms for a client.
botocore.session.create_loader = cache(create_loader)

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let no run of the command line keep its state at home: another process's may be there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """Run one sandbox for a file's tests: there is one at a time in a process."""
    with sandbox() as box:
        yield box


@pytest.fixture
def box(running: Sandbox) -> Iterator[Sandbox]:
    """Return the sandbox without the faults that an earlier test may have left."""
    yield running
    running.stripe.faults.clear()
    running.stripe.latency = 0.0
    running.tenant.loses_metadata = False
