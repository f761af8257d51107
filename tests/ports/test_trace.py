"""What an invocation did, step by step."""

import pytest
from tests.fakes import FakeClock

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
