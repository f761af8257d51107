"""The token bucket: so many requests a second, spread evenly."""

import threading
from itertools import product

import pytest
from tests.fakes import FakeClock

from customerlink.adapters.token_bucket import Buckets, Taken, TokenBucket
from customerlink.model.rates import Endpoint, Limits, Plan


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
