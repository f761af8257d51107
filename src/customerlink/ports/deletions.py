"""The port to the count of deletions: what is due on which day, and what was begun."""

from collections.abc import Collection, Sequence
from typing import Protocol

from customerlink.model.deletions import DueDay


class Deletions(Protocol):
    """One tenant's.

    Every method raises `LedgerUnavailableError` when the ledger did not answer in time.
    """

    def count(self, day: int, today: int) -> None:
        """Count one more that is due on a day; days of long ago are forgotten."""
        ...

    def due_on(self, day: int) -> DueDay:
        """Return what is due on a day: of one that is forgotten, none."""
        ...

    def begin(self, day: int, today: int, a_day: int) -> bool:
        """Count one that begins today; False if it is one too many, or its day is held."""
        ...

    def days(self) -> Sequence[DueDay]:
        """Return all days on which something is due, or was."""
        ...

    def approve(self, days: Collection[DueDay]) -> None:
        """Let as many be carried out as somebody has seen to be due on these days."""
        ...
