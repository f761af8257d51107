"""The token bucket: so many requests a second, spread evenly."""

import threading
from contextlib import suppress
from itertools import product

import pytest
from tests.fakes import FakeClock

from customerlink.adapters.token_bucket import Buckets, Taken, TokenBucket
from customerlink.model.rates import A_LOOK, A_WRITE, AN_ADDRESS, Endpoint, Limits, Plan


def bucket(clock: FakeClock, per_second: float) -> TokenBucket:
    """Return a bucket on a clock that moves only when somebody sleeps."""
    return TokenBucket(per_second, clock.monotonic, clock.sleep)


def test_requests_are_spread_evenly() -> None:
    """A hundred at ten a second take ten seconds, but for the first."""
    clock = FakeClock()
    start = clock.monotonic()
    ten = bucket(clock, 10)
    for _ in range(101):
        ten.take()

    assert clock.monotonic() - start == pytest.approx(10.0)


def test_idle_time_is_saved_for_a_second_at_the_most() -> None:
    """After an hour of rest there is a burst of one second's worth, and no more."""
    clock = FakeClock()
    ten = bucket(clock, 10)
    clock.sleep(3600)
    start = clock.monotonic()
    for _ in range(31):
        ten.take()

    assert clock.monotonic() - start == pytest.approx(2.0, abs=0.001)


def test_pause() -> None:
    """Nobody goes on before it ends."""
    clock = FakeClock()
    ten = bucket(clock, 10)
    start = clock.monotonic()
    ten.pause(5)
    ten.take()

    assert clock.monotonic() - start == pytest.approx(5.0)


def test_refusal() -> None:
    """Half as fast at first, and as before a minute later."""
    clock = FakeClock()
    ten = bucket(clock, 10)
    ten.take()
    ten.slow()
    start = clock.monotonic()
    for _ in range(5):
        ten.take()
    assert clock.monotonic() - start == pytest.approx(1.0, rel=0.2)
    clock.sleep(60)
    for _ in range(10):
        ten.take()
    start = clock.monotonic()
    for _ in range(20):
        ten.take()

    assert clock.monotonic() - start == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("plan", Plan)
def test_a_bucket_for_each_limit(plan: Plan) -> None:
    """Endpoints that are limited together have one, and only those."""
    limits = Limits(plan)
    buckets = Buckets(limits, lambda each: TokenBucket(each.per_second))
    for one, other in product(Endpoint, Endpoint):
        is_same = buckets.of(one) is buckets.of(other)
        assert is_same is (limits.bucket(one) == limits.bucket(other))


def test_turns_that_were_taken_before() -> None:
    """Who has taken them waits no more, and what is refused holds everybody else back."""
    clock = FakeClock()
    ten = bucket(clock, 10)
    taken = Taken(ten).of(Endpoint.CREATE)
    start = clock.monotonic()
    for _ in range(100):
        taken.take()
    assert clock.monotonic() == start
    taken.pause(3.0)
    taken.slow()
    for _ in range(3):
        ten.take()

    assert clock.monotonic() - start == pytest.approx(3.4, rel=0.05)


def test_threads_share_the_rate() -> None:
    """Eight of them get the turns of one."""
    clock = FakeClock()
    turns: list[float] = []
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            turns.append(seconds)

    shared = TokenBucket(10, clock.monotonic, sleep)

    def take_ten() -> None:
        for _ in range(10):
            shared.take()

    threads = [threading.Thread(target=take_ten) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert max(turns) == pytest.approx(7.9)
    assert len({round(each, 6) for each in turns}) == len(turns) == 79


def ahead(clock: FakeClock) -> Buckets:
    """Return what a free tenant's buckets are at a clock: 1.6 a second at Auth0, 20 at Stripe."""
    return Buckets(
        Limits(), lambda each: TokenBucket(each.per_second, clock.monotonic, clock.sleep)
    )


@pytest.mark.parametrize("endpoints", [A_LOOK, A_WRITE, AN_ADDRESS])
def test_who_is_ahead_waits_for_nothing(endpoints: tuple[Endpoint, ...]) -> None:
    """The turns are waited for before: what is asked then is asked at once, whatever happens."""
    clock = FakeClock()
    buckets = ahead(clock)
    buckets.of(Endpoint.RETRIEVE).pause(5)
    with buckets.ahead(endpoints):
        began = clock.monotonic()
        assert began >= 1005
        for each in endpoints * 3:
            buckets.of(each).pause(7)
            buckets.of(each).take()

        assert clock.monotonic() == began


@pytest.mark.parametrize("more", [0, 1, 10])
def test_what_is_asked_beyond_is_owed(more: int) -> None:
    """Whoever comes next waits as if each had been waited for; also where something fails."""
    clock = FakeClock()
    buckets = ahead(clock)
    began = clock.monotonic()
    with suppress(ValueError), buckets.ahead(A_LOOK):
        with buckets.ahead(A_LOOK):
            for _ in range(2 + more):
                buckets.of(Endpoint.READ_USERS).take()
        raise ValueError
    buckets.of(Endpoint.READ_USERS).take()

    assert clock.monotonic() - began == pytest.approx((2 + more) / 1.6)


def test_another_thread_is_not_ahead() -> None:
    """It waits for its own turns."""
    clock = FakeClock()
    buckets = ahead(clock)
    began = clock.monotonic()
    with buckets.ahead([Endpoint.READ_USERS]):
        other = threading.Thread(target=lambda: buckets.of(Endpoint.READ_USERS).take())
        other.start()
        other.join()

    assert clock.monotonic() - began == pytest.approx(1 / 1.6)


@pytest.mark.parametrize("per_second", [1.6, 2.67, 20.0])
@pytest.mark.parametrize("seconds", [1, 60, 600])
def test_storm(per_second: float, seconds: int) -> None:
    """Two minutes after it all is as before, however long it was and whoever queues at its end."""
    clock = FakeClock()
    slow = bucket(clock, per_second)
    for _ in range(seconds):
        slow.slow()
        clock.sleep(1.0)
    queued = TokenBucket(per_second, clock.monotonic, lambda _: None)
    queued._next, queued._tempo = slow._next, slow._tempo
    for _ in range(10):
        queued.take()
    clock.sleep(120)
    waits: list[float] = []
    queued._sleep = waits.append
    for _ in range(10):
        queued.take()

    assert max(waits, default=0.0) <= 10 / per_second
