"""The machine's clock, corrected by what the service's answers say."""

from email.utils import formatdate
from types import SimpleNamespace

import pytest

from customerlink.adapters.aws import server_clock
from customerlink.adapters.aws.server_clock import (
    LONGEST_CALL_SECONDS,
    RESOLUTION_SECONDS,
    ServerClock,
)
from customerlink.model.sign_up_record import SKEW_SECONDS

HERE = 1_795_000_000.25
"""What the machine's clock shows, a quarter into a second."""


def dated(moment: float) -> str:
    """Return the header `Date` of an answer that is given at a moment."""
    return formatdate(int(moment), usegmt=True)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return the machine's clock, which a test may set."""
    clock = SimpleNamespace(now=HERE)
    monkeypatch.setattr(server_clock, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


@pytest.mark.parametrize("ahead", [-86_400.0, -300.0, 300.0, 86_400.0])
@pytest.mark.parametrize("seconds", [0.0, 0.4, LONGEST_CALL_SECONDS])
def test_machine_that_is_off(machine: SimpleNamespace, ahead: float, seconds: float) -> None:
    """It is right to half of the header's resolution, and half of what the call took."""
    clock = ServerClock()
    for share in (0.0, 0.5, 1.0):
        clock.observe(dated(HERE + share * seconds - ahead), HERE, HERE + seconds)
        off = clock.time() - (machine.now - ahead)

        assert abs(off) <= RESOLUTION_SECONDS / 2 + seconds / 2 + 0.001


@pytest.mark.parametrize("ahead", [-0.2, 0.0, 0.2])
def test_machine_within_a_second(ahead: float) -> None:
    """A header of whole seconds proves no difference: the machine goes on by its own."""
    clock = ServerClock()
    clock.observe(dated(HERE - ahead), HERE, HERE + 0.05)

    assert clock.time() == HERE


def test_machine_that_is_a_little_off(machine: SimpleNamespace) -> None:
    """By no more than the ledger allows for, whatever part of a second the answer shows."""
    seconds = 0.05
    for hundredths in range(-500, 500):
        for part in range(10):
            sent, ahead = HERE + part / 10, hundredths / 100
            machine.now = sent
            clock = ServerClock()
            clock.observe(dated(sent - ahead), sent, sent + seconds)

            assert abs(clock.time() - (sent - ahead)) <= SKEW_SECONDS + seconds


def test_answers_that_say_too_little() -> None:
    """Slow ones that fit, and those without a date, change nothing that is known."""
    clock = ServerClock()
    for known in (0.0, pytest.approx(-300, abs=1)):
        clock.observe(dated(HERE + 1), HERE, HERE + LONGEST_CALL_SECONDS + 0.01)
        clock.observe(None, HERE, HERE)
        assert clock.behind == known
        clock.observe(dated(HERE - 300), HERE, HERE + 0.05)


def test_slow_answer_that_contradicts() -> None:
    """It is believed as far as it goes: a laptop minutes off must not wait."""
    clock, seconds = ServerClock(), 24.0
    clock.observe(dated(HERE - 300), HERE, HERE + seconds)

    assert clock.behind == pytest.approx(-300, abs=1 + seconds)


def test_machine_that_is_set_later(machine: SimpleNamespace) -> None:
    """The next answer says so: right again, or wrong for the first time."""
    clock, there = ServerClock(), HERE - 300
    clock.observe(dated(there), HERE, HERE)
    assert clock.time() == pytest.approx(there, abs=RESOLUTION_SECONDS)
    machine.now = there
    clock.observe(dated(there), there, there)
    assert clock.time() == there
    machine.now = there + 300
    clock.observe(dated(there), HERE, HERE)
    assert clock.time() == pytest.approx(there, abs=RESOLUTION_SECONDS)
