"""What the tests of the log-in share."""

import time

import pytest
from tests.sandbox.auth0.browser import Browser, World


@pytest.fixture(scope="module")
def made() -> World:
    """Make a tenant for a file's tests: its signing key takes a while."""
    return World()


@pytest.fixture
def world(made: World) -> World:
    """Return the tenant without users, and with Actions that ask for nothing."""
    made.now = time.time()
    made.tenant.users.clear()
    made.tenant.registers = False
    made.host.asks = lambda _handler, _event: {}
    made.host.events.clear()
    return made


@pytest.fixture
def browser(world: World) -> Browser:
    """Return a browser of somebody's own."""
    return world.browser()
