"""The budget of one invocation, by two clocks."""

import pytest
from tests.fakes import NOW, FakeClock

from customerlink.ports.deadline import LEDGER_RESERVE_SECONDS, SIGN_UP_SECONDS, Deadline


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that moves only when somebody sleeps."""
    return FakeClock()


@pytest.fixture
def deadline(clock: FakeClock) -> Deadline:
    """Return an invocation that begins now."""
    return Deadline(clock)


def test_begins_with_the_invocation(deadline: Deadline, clock: FakeClock) -> None:
    """It gets less as time goes by, and may be overdrawn."""
    left = []
    for _ in range(3):
        left.append(deadline.remaining())
        clock.sleep(3)

    assert left == [SIGN_UP_SECONDS, SIGN_UP_SECONDS - 3, SIGN_UP_SECONDS - 6]


def test_keeps_a_reserve_from_stripe(deadline: Deadline) -> None:
    """What came of a call can still be written down."""
    assert deadline.remaining_for_stripe() == SIGN_UP_SECONDS - LEDGER_RESERVE_SECONDS


def test_is_anothers_where_it_is_said(clock: FakeClock) -> None:
    """A repair takes longer than a person waits."""
    assert Deadline(clock, seconds=9.0).remaining() == 9


def test_of_a_machine_that_slept(
    deadline: Deadline, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its monotonic clock stood still, the lock's lease did not."""
    monkeypatch.setattr(clock, "monotonic", lambda: NOW)
    clock.now += 60

    assert deadline.remaining() < 0


def test_of_a_machine_that_is_set_back(
    deadline: Deadline, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its wall clock says that there is time, the other one that there is none."""
    monkeypatch.setattr(clock, "monotonic", lambda: NOW + 60)

    assert deadline.remaining() < 0
