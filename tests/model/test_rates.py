"""The limits of both services, and the shares of them."""

from itertools import product

import pytest

from customerlink.model.rates import (
    RECOVERY_SECONDS,
    RESERVE,
    SLOWEST,
    STRIPES,
    Endpoint,
    Limits,
    Plan,
    Tempo,
)

LIVE = Limits(Plan.ESSENTIALS, is_live=True)


@pytest.mark.parametrize(
    ("plan", "reads", "writes"),
    [
        (Plan.FREE, 2.0, 2.0),
        (Plan.ESSENTIALS, 500 / 60, 200 / 60),
        (Plan.PROFESSIONAL, 500 / 60, 200 / 60),
        (Plan.ENTERPRISE, 16.0, 16.0),
    ],
)
def test_what_auth0_says_of_its_plans(plan: Plan, reads: float, writes: float) -> None:
    """Free and Enterprise limit the whole API, the others a kind of request."""
    limits = Limits(plan)
    found = [limits.bucket(each) for each in (Endpoint.READ_USERS, Endpoint.WRITE_USERS)]

    assert [each.limit for each in found] == [reads, writes]
    assert (found[0] == found[1]) is (plan in (Plan.FREE, Plan.ENTERPRISE))


def test_limit_of_its_own() -> None:
    """A private cloud's, in place of the plan's."""
    for plan in Plan:
        limits = Limits(plan, auth0_per_second=50.0)
        assert {limits.bucket(each).limit for each in Endpoint if not each.is_stripes} == {50.0}


def test_stripes_modes() -> None:
    """A sandbox has 25 a second for all endpoints, live mode for each."""
    assert len({LIVE.bucket(each) for each in STRIPES}) == len(STRIPES)
    assert len({Limits().bucket(each) for each in STRIPES}) == 1
    # And all of them may be asked at once, within live mode's 100.
    assert sum(LIVE.bucket(each).per_second for each in STRIPES) <= 100 * (1 - RESERVE)


def test_buckets_names() -> None:
    """No two limits have one name, and none but Stripe's endpoints and Auth0's have any."""
    every = [Limits(plan, is_live=live) for plan, live in product(Plan, (True, False))]
    for limits in every:
        found = {limits.bucket(each) for each in Endpoint}
        assert len({each.name for each in found}) == len(found)


@pytest.mark.parametrize(
    ("limits", "users"),
    [
        (Limits(Plan.FREE), 0.8),
        (LIVE, 200 / 60 * 0.8),
        (Limits(Plan.ENTERPRISE, is_live=True), 6.4),
        # From here on Stripe's is reached first.
        (Limits(Plan.ENTERPRISE, auth0_per_second=100.0), 10.0),
        (Limits(Plan.ENTERPRISE, is_live=True, auth0_per_second=100.0), 20.0),
        (Limits(is_live=True, stripe_per_second=100.0, auth0_per_second=500.0), 80.0),
    ],
)
def test_users_a_second(limits: Limits, users: float) -> None:
    """By whichever limit is reached first; what one user takes of one bucket counts each time."""
    assert limits.users_per_second == pytest.approx(users)


class TestTempo:
    """Halved by a refusal, and whole again within a minute."""

    @pytest.mark.parametrize(("after", "share"), [(0, 0.5), (15, 0.75), (30, 1.0), (3600, 1.0)])
    def test_recovery(self, after: float, share: float) -> None:
        """Step by step."""
        assert Tempo().slowed(1000.0).at(1000.0 + after) == pytest.approx(share)

    @pytest.mark.parametrize("apart", [1, 2, 5])
    @pytest.mark.parametrize("seconds", [60, 3600])
    def test_storm(self, apart: int, seconds: int) -> None:
        """Half of what is left of it by then, but never less than an eighth; then whole again."""
        tempo, now = Tempo(), 1000.0
        for _ in range(0, seconds, apart):
            now += apart
            tempo = tempo.slowed(now)

            assert SLOWEST <= tempo.at(now) <= 0.5
        assert tempo.at(now) < 1 / 4
        assert tempo.at(now + RECOVERY_SECONDS) == 1.0

    def test_refused_together(self) -> None:
        """Those of one moment are one refusal."""
        once = Tempo().slowed(1000.0)

        assert once.slowed(1000.5) == once.slowed(999.0) == once
