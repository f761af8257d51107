"""One invocation's budget of time, and the trace of what it did."""

import pytest
from tests.fakes import NOW, FakeClock

from customerlink.ports.run import LEDGER_RESERVE_SECONDS, SIGN_UP_SECONDS, Run


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that moves only when somebody sleeps."""
    return FakeClock()


@pytest.fixture
def run(clock: FakeClock) -> Run:
    """Return an invocation that begins now."""
    return Run(clock, "owner")


class TestBudget:
    """The seconds that are left."""

    def test_begins_with_the_invocation(self, run: Run, clock: FakeClock) -> None:
        """It gets less as time goes by, and may be overdrawn."""
        left = []
        for _ in range(3):
            left.append(run.remaining())
            clock.sleep(3)

        assert left == [SIGN_UP_SECONDS, SIGN_UP_SECONDS - 3, SIGN_UP_SECONDS - 6]

    def test_keeps_a_reserve_from_stripe(self, run: Run) -> None:
        """What came of a call can still be written down."""
        assert run.remaining_for_stripe() == SIGN_UP_SECONDS - LEDGER_RESERVE_SECONDS

    def test_is_anothers_where_it_is_said(self, clock: FakeClock) -> None:
        """A repair takes longer than a person waits."""
        assert Run(clock, "owner", seconds=9.0).remaining() == 9

    def test_of_a_machine_that_slept(
        self, run: Run, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its monotonic clock stood still, the lock's lease did not."""
        monkeypatch.setattr(clock, "monotonic", lambda: NOW)
        clock.now += 60

        assert run.remaining() < 0

    def test_of_a_machine_that_is_set_back(
        self, run: Run, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its wall clock says that there is time, the other one that there is none."""
        monkeypatch.setattr(clock, "monotonic", lambda: NOW + 60)

        assert run.remaining() < 0


class TestSteps:
    """The time that each step takes."""

    def test_in_milliseconds(self, run: Run, clock: FakeClock) -> None:
        """A step that is taken twice is added up, one within another counts for both."""
        with run.step("stripe_list"):
            clock.sleep(0.25)
        with run.step("stripe_list"):
            clock.sleep(0.5)
            with run.step("wait"):
                clock.sleep(0.125)

        assert run.steps == {"stripe_list": 875, "wait": 125}

    def test_that_fails(self, run: Run, clock: FakeClock) -> None:
        """What failed took its time too, and goes on failing."""

        def fail() -> None:
            with run.step("open"):
                clock.sleep(1)
                raise LookupError

        with pytest.raises(LookupError):
            fail()

        assert run.steps == {"open": 1000}
