"""What an invocation did, step by step."""

import pytest
from tests.fakes import FakeClock

from customerlink.model.failure import FailedAt, Failure, How
from customerlink.ports.trace import Trace


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that moves only when somebody sleeps."""
    return FakeClock()


@pytest.fixture
def trace(clock: FakeClock) -> Trace:
    """Return an empty one."""
    return Trace(clock)


class TestSteps:
    """The time that each step takes."""

    def test_in_milliseconds(self, trace: Trace, clock: FakeClock) -> None:
        """A step that is taken twice is added up, one within another counts for both."""
        with trace.step("stripe_list"):
            clock.sleep(0.25)
        with trace.step("stripe_list"):
            clock.sleep(0.5)
            with trace.step("wait"):
                clock.sleep(0.125)

        assert trace.steps == {"stripe_list": 875, "wait": 125}

    def test_that_fails(self, trace: Trace, clock: FakeClock) -> None:
        """What failed took its time too, and goes on failing."""

        def fail() -> None:
            with trace.step("open"):
                clock.sleep(1)
                raise LookupError

        with pytest.raises(LookupError):
            fail()

        assert trace.steps == {"open": 1000}


class TestFailure:
    """Where it failed."""

    def test_first_one_counts(self, trace: Trace) -> None:
        """What fails after it may be what comes of it."""
        trace.fail(FailedAt.STRIPE, How.NO_ANSWER)
        trace.fail(FailedAt.LEDGER, How.OUT_OF_TIME)

        assert trace.failure == Failure(FailedAt.STRIPE, How.NO_ANSWER)

    def test_aside(self, trace: Trace) -> None:
        """What all goes on without is none."""
        with trace.aside():
            trace.fail(FailedAt.LEDGER, How.NO_ANSWER)

        assert trace.failure is None

    @pytest.mark.parametrize(
        ("spent", "at"),
        [
            ({}, FailedAt.START),
            ({"start": 3.0, "secret": 1.0, "open": 0.5}, FailedAt.START),
            ({"start": 0.1, "secret": 2.0}, FailedAt.SECRET),
            ({"open": 0.1, "stripe_list": 0.9, "stripe_create": 0.9, "link": 1.0}, FailedAt.STRIPE),
            ({"open": 0.7, "lock_email": 0.7, "stripe_list": 1.0}, FailedAt.LEDGER),
            ({"open": 0.2, "wait": 3.0}, FailedAt.EARLIER_TRY),
        ],
    )
    def test_out_of_time(
        self, trace: Trace, clock: FakeClock, spent: dict[str, float], at: FailedAt
    ) -> None:
        """It failed at whose steps took most of the time, whoever was to be asked next."""
        for name, seconds in spent.items():
            with trace.step(name):
                clock.sleep(seconds)
        trace.run_out()

        assert trace.failure == Failure(at, How.OUT_OF_TIME)
