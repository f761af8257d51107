"""A run over many rows: what one of them raises is its own outcome, and stops no other one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from customerlink.model.errors import LIMITED, NoTurnError, ServicesDownError
from customerlink.model.failure import Failure
from customerlink.model.trouble import Trouble
from customerlink.ports.deadline import Clock

GONE_FOR_GOOD_SECONDS = 60.0
"""For so long every row met an outage: the next rows must meet it as well."""


_NO_ANSWER = "Stripe, or the ledger, did not answer for a minute"


class Seen(StrEnum):
    """What a row's result says of the services behind it."""

    UP = "up"
    DOWN = "down"
    NOTHING = "nothing"
    """They were not asked."""


@dataclass(frozen=True, slots=True)
class RowFailed:
    """A row's exception, by its kind alone: its text may be personal."""

    reason: str
    may_pass: bool
    """Whether another try may mend it."""
    failure: Failure | None = field(default=None, compare=False)
    """Where it failed."""


@dataclass
class Rows:
    """One run, whose rows may be done side by side."""

    trouble_of: Callable[[Exception], Trouble]
    clock: Clock
    failure_of: Callable[[Exception], Failure | None] = lambda _: None
    _raised: "_Outage" = field(init=False)
    _told: "_Outage" = field(init=False)

    def __post_init__(self) -> None:
        """Count apart what rows raise and what they tell: each is another service's."""
        self._raised, self._told = _Outage(self.clock), _Outage(self.clock)

    def attempt[Result](
        self,
        do: Callable[[], Result],
        seen: Callable[[Result], Seen] = lambda _: Seen.UP,
        failure: Callable[[Result], Failure | None] = lambda _: None,
    ) -> Result | RowFailed:
        """Do a row; raise where the next rows must fail as well.

        That is what it raised, or `ServicesDownError` where only the results tell of an outage;
        `failure` says of a result whose it is.
        """
        try:
            done = do()
        except Exception as error:
            trouble = self.trouble_of(error)
            is_out = self._raised.lasts(Seen.DOWN if trouble is Trouble.OUTAGE else Seen.UP)
            if trouble is Trouble.LASTING or is_out:
                raise
            may_pass, where = trouble is Trouble.OUTAGE, self.failure_of(error)
            told = LIMITED if isinstance(error, NoTurnError) else type(error).__name__
            return RowFailed(told, may_pass=may_pass, failure=where)
        self._raised.lasts(Seen.UP)
        if self._told.lasts(seen(done)):
            whose = failure(done)
            said = f"For a minute every row failed at {whose}" if whose else _NO_ANSWER
            raise ServicesDownError(said, failure=whose)
        return done


class _Outage:
    """How long nothing else was met."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: float | None = None

    def lasts(self, seen: Seen) -> bool:
        """Take in what a row met; return whether that was nothing but an outage for too long."""
        if seen is Seen.UP:
            self._since = None
        if seen is not Seen.DOWN:
            return False
        now = self._clock.monotonic()
        since = self._since = now if self._since is None else self._since
        return now - since > GONE_FOR_GOOD_SECONDS
