"""What Auth0's headers say, and what is made of it."""

import time

import pytest
from tests.fakes import Counted, FakeClock

from customerlink.adapters.auth0 import rate_limits
from customerlink.adapters.auth0.management import Management, Users
from customerlink.adapters.auth0.rate_limits import (
    endpoint_of,
    seconds_to_reserve,
    seconds_until_reset,
)
from customerlink.model.rates import Endpoint
from customerlink.model.secret import Auth0Client
from customerlink.model.trust import Trust
from sandbox.sandbox import Sandbox


@pytest.mark.parametrize(
    ("asked", "endpoint"),
    [
        ("GET users/auth0%7Cada", Endpoint.READ_USERS),
        ("GET users?q=x", Endpoint.READ_USERS),
        ("GET users-by-email?email=x", Endpoint.READ_USERS),
        ("PATCH users/auth0%7Cada", Endpoint.WRITE_USERS),
        ("DELETE users/auth0%7Cada", Endpoint.WRITE_USERS),
        ("POST users/auth0%7Cada/identities", Endpoint.WRITE_USERS),
        ("POST jobs/users-exports", Endpoint.REST),
        ("GET connections", Endpoint.REST),
        ("GET actions/actions", Endpoint.REST),
    ],
)
def test_what_a_request_counts_towards(asked: str, endpoint: Endpoint) -> None:
    """By its method and path."""
    assert endpoint_of(*asked.split(" ", 1)) is endpoint


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> float:
    """Let time stand still: of a second a busy machine may take more than is left."""
    clock = FakeClock()
    monkeypatch.setattr(rate_limits, "time", clock)
    return clock.now


def told(limit: object, left: object, reset: float) -> dict[str, str]:
    """Return an answer's headers, in whatever letter case."""
    return {"X-RateLimit-Limit": f"{limit}", "x-ratelimit-remaining": f"{left}"} | {
        "X-RATELIMIT-RESET": f"{reset:.0f}"
    }


@pytest.mark.parametrize(
    ("limit", "left", "ahead", "seconds"),
    [
        (20, 20, 1000, 0.0),
        (20, 4, 1000, 0.0),
        # 4 are others': 18 come back in 1000 s, of which 2 are missing.
        (20, 2, 500, 500 * 2 / 18),
        (20, 0, 200, 40.0),
        (2, 0, 200, 40.0),
        (2, 1, 200, 0.0),
        (50, 0, 3600, 60.0),
        (50, 0, -5, 0.0),
        (0, 0, 200, 0.0),
        ("many", 0, 200, 0.0),
        (20, "²", 200, 0.0),
        (20, "", 200, 0.0),
        (20, -3, 200, 0.0),
        ("9" * 400, 0, 200, 0.0),
        ("9" * 400, "9" * 399, 200, 0.0),
        ("9" * 12, 0, 200, 40.0),
    ],
)
def test_reserve(now: float, limit: object, left: object, ahead: float, seconds: float) -> None:
    """Nobody asks until a fifth of the limit is there again; of odd headers nothing is made."""
    found = seconds_to_reserve(told(limit, left, now + ahead))

    assert found == pytest.approx(seconds)
    assert seconds_to_reserve({}) == 0.0


@pytest.mark.parametrize(
    ("ahead", "seconds"), [(7.0, 7.0), (-7.0, 0.5), (3600.0, 60.0), (0.0, 0.5)]
)
def test_reset(now: float, ahead: float, seconds: float) -> None:
    """Between half a second and a minute."""
    assert seconds_until_reset(told(1, 0, now + ahead)) == seconds


@pytest.mark.parametrize(
    ("after", "seconds"), [("1", 1.0), ("10", 10.0), ("3600", 60.0), ("soon", 1.0)]
)
def test_retry_after(now: float, after: str, seconds: float) -> None:
    """What says how long counts as well, whichever is later."""
    assert seconds_until_reset({"Retry-After": after}) == seconds
    both = told(1, 0, now + 20.0) | {"retry-after": after}
    assert seconds_until_reset(both) == max(seconds, 20.0)


def test_others_are_held_back(running: Sandbox) -> None:
    """By the bucket of what was asked, each request after a turn of its own."""
    rates, management = Counted(), running.management
    client = Auth0Client(running.auth0_url, *management.add_client())
    users = Users(Management(client, rates=rates), Trust())
    ada = running.tenant.add_user(email="held-back@example.com")
    # Its clock stands still, and ahead: on a busy machine the limit would be full again.
    real, ahead = management.clock, time.time() + 3600
    management.clock = lambda: ahead
    management.limit_to("essentials")
    try:
        for number in range(18):
            users.merge_app_metadata(ada, {"n": f"{number}"})
        assert users.get(ada)
    finally:
        management.clock = real
        management.limit_to("none")

    assert rates.turns == 19
    assert len(rates.pauses) == 2
    assert set(rates.asked) == {Endpoint.WRITE_USERS, Endpoint.READ_USERS}
