"""The token bucket: so many requests a second, spread evenly."""

import threading

import pytest
from tests.fakes import FakeClock

from customerlink.adapters.token_bucket import TokenBucket


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
