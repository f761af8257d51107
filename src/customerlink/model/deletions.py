"""How many deletions are due on a day, and whether somebody has approved that many.

What deletes users by the thousand in Auth0 (a wrong script, a tenant restored) is noticed before
the first customer is gone: each is counted for its day when its time is set.
"""

from customerlink.model.frozen import frozen

_DAY_SECONDS = 24 * 3600.0

KEPT_DAYS = 30
"""So long after it a day's count is kept: an approval is carried out within."""


def day_of(moment: float) -> int:
    """Return the day of a moment, in UTC, since 1970."""
    return int(moment // _DAY_SECONDS)


def start_of(day: int) -> float:
    """Return when a day begins."""
    return day * _DAY_SECONDS


@frozen
class DueDay:
    """What is due on a day."""

    day: int
    due: int = 0
    approved: int = 0
    """So many somebody has seen, and approved: of more, nobody knows."""

    def is_held(self, a_day: int) -> bool:
        """Return whether more are due than are carried out without a person."""
        return self.due > max(a_day, self.approved)
