"""A run over many rows: what one of them raises is its own outcome, and stops no other one."""

from collections.abc import Callable
from dataclasses import dataclass, field

from customerlink.model.trouble import Trouble
from customerlink.ports.deadline import Clock

GONE_FOR_GOOD_SECONDS = 60.0
"""For so long every row met an outage: the next rows must meet it as well."""


@dataclass(frozen=True, slots=True)
class RowFailed:
    """A row's exception, by its kind alone: its text may be personal."""

    reason: str
    may_pass: bool
    """Whether another try may mend it."""


@dataclass
class Rows:
    """One run, whose rows may be done side by side."""

    trouble_of: Callable[[Exception], Trouble]
    clock: Clock
    _out_since: float | None = field(default=None, init=False)

    def attempt[Result](self, do: Callable[[], Result]) -> Result | RowFailed:
        """Do a row; raise what it raised where the next rows must fail as well."""
        try:
            done = do()
        except Exception as error:
            trouble = self.trouble_of(error)
            if trouble is Trouble.LASTING or self._is_out(trouble):
                raise
            return RowFailed(type(error).__name__, may_pass=trouble is Trouble.OUTAGE)
        self._out_since = None
        return done

    def _is_out(self, trouble: Trouble) -> bool:
        """Return whether there was nothing but outages for too long."""
        if trouble is not Trouble.OUTAGE:
            self._out_since = None
            return False
        now = self.clock.monotonic()
        since = self._out_since = now if self._out_since is None else self._out_since
        return now - since > GONE_FOR_GOOD_SECONDS
