"""Rows one by one: what one of them raises, and when that ends the run."""

import pytest
from tests.fakes import FakeClock

from customerlink.model.errors import ServicesDownError
from customerlink.model.failure import FailedAt, Failure, How
from customerlink.model.trouble import Trouble
from customerlink.usecases.rows import GONE_FOR_GOOD_SECONDS, RowFailed, Rows, Seen


def raising(error: Exception) -> int:
    """Raise it."""
    raise error


def rows(trouble: Trouble, clock: FakeClock | None = None) -> Rows:
    """Return a run in which whatever is raised is such trouble."""
    return Rows(lambda _: trouble, clock or FakeClock())


def test_done() -> None:
    """What it gave."""
    assert rows(Trouble.LASTING).attempt(lambda: 7) == 7


@pytest.mark.parametrize("error", [TypeError("ada@example.com"), KeyError("ada"), Exception()])
def test_trouble_of_the_row(error: Exception) -> None:
    """It is told by its kind, however many have it: its text may be personal."""
    run = rows(Trouble.OF_THE_ROW)
    failed = {run.attempt(lambda: raising(error)) for _ in range(100)}

    assert failed == {RowFailed(type(error).__name__, may_pass=False)}


def test_lasting() -> None:
    """The next rows must fail as well."""
    with pytest.raises(TypeError):
        rows(Trouble.LASTING).attempt(lambda: raising(TypeError()))


def test_keyboard() -> None:
    """Ctrl-C is nobody's trouble."""
    with pytest.raises(KeyboardInterrupt):
        rows(Trouble.OF_THE_ROW).attempt(lambda: raising(KeyboardInterrupt()))  # type: ignore[arg-type]


class TestOutage:
    """It may pass, and ends the run where it does not."""

    def setup_method(self) -> None:
        """Start a run."""
        self.clock = FakeClock()
        self.trouble = Trouble.OUTAGE
        self.run = Rows(lambda _: self.trouble, self.clock)

    def fail(self, seconds: float = 0.0) -> object:
        """Let a row fail, some seconds later."""
        self.clock.sleep(seconds)
        return self.run.attempt(lambda: raising(ConnectionResetError()))

    def test_that_passes(self) -> None:
        """Another try may mend it."""
        failed = RowFailed("ConnectionResetError", may_pass=True)

        assert self.fail() == self.fail(GONE_FOR_GOOD_SECONDS) == failed

    def test_for_good(self) -> None:
        """Nothing else was met for too long."""
        self.fail()
        with pytest.raises(ConnectionResetError):
            self.fail(GONE_FOR_GOOD_SECONDS + 1)

    def test_row_that_went_well(self) -> None:
        """The outage is counted anew."""
        self.fail()
        self.run.attempt(lambda: 7)
        self.fail(GONE_FOR_GOOD_SECONDS + 1)
        self.fail(1)

    def test_row_with_trouble_of_its_own(self) -> None:
        """It got through to whoever refused it."""
        self.fail()
        self.trouble = Trouble.OF_THE_ROW
        self.fail()
        self.trouble = Trouble.OUTAGE
        self.fail(GONE_FOR_GOOD_SECONDS + 1)


class TestOutageThatIsTold:
    """A row that fails without raising anything ends the run as well, where nothing else is met."""

    def setup_method(self) -> None:
        """Start a run."""
        self.clock = FakeClock()
        self.run = Rows(lambda _: Trouble.OUTAGE, self.clock)

    def tell(self, seen: Seen, seconds: float = 0.0) -> object:
        """Do a row whose result says so, some seconds later."""
        self.clock.sleep(seconds)
        return self.run.attempt(lambda: seen, lambda told: told)

    def test_that_passes(self) -> None:
        """What the rows told is given on."""
        assert self.tell(Seen.DOWN) == self.tell(Seen.DOWN, GONE_FOR_GOOD_SECONDS) == Seen.DOWN

    @pytest.mark.parametrize("between", [[], [Seen.DOWN] * 5, [Seen.NOTHING] * 5])
    def test_for_good(self, between: list[Seen]) -> None:
        """Whoever asks nobody is no sign of life."""
        for each in [Seen.DOWN, *between]:
            self.tell(each, 1)
        with pytest.raises(ServicesDownError):
            self.tell(Seen.DOWN, GONE_FOR_GOOD_SECONDS + 1)

    @pytest.mark.parametrize("at", [FailedAt.STRIPE, FailedAt.LEDGER, FailedAt.EARLIER_TRY])
    def test_whose_it_is(self, at: FailedAt) -> None:
        """The result says so."""
        failure = Failure(at, How.NO_ANSWER)
        self.tell(Seen.DOWN)
        self.clock.sleep(GONE_FOR_GOOD_SECONDS + 1)
        with pytest.raises(ServicesDownError, match=str(failure)) as raised:
            self.run.attempt(lambda: Seen.DOWN, lambda told: told, lambda _: failure)

        assert raised.value.failure == failure

    def test_that_ended(self) -> None:
        """It is counted anew."""
        self.tell(Seen.DOWN)
        self.tell(Seen.UP)
        self.tell(Seen.DOWN, GONE_FOR_GOOD_SECONDS + 1)
        self.tell(Seen.DOWN, 1)

    def test_beside_what_is_raised(self) -> None:
        """A tenant that answers says nothing of Stripe, nor one that does not."""
        self.tell(Seen.DOWN)
        self.run.attempt(lambda: raising(ConnectionResetError()))
        with pytest.raises(ServicesDownError):
            self.tell(Seen.DOWN, GONE_FOR_GOOD_SECONDS + 1)
