"""The service's clock, by which leases are judged: a laptop's may be off by minutes.

Functions need none: AWS keeps their clocks. Whoever takes another's lease for ended, since his own
clock is ahead, may lock an address while somebody's create is still under way.
"""

import time
from email.utils import parsedate_to_datetime

from customerlink.ports.deadline import Clock

RESOLUTION_SECONDS = 1.0
"""Of the header `Date` (RFC 9110, section 5.6.7), which gives the second that has begun."""

LONGEST_CALL_SECONDS = 2.0
"""An answer that took longer contradicts the machine's clock, or says nothing of it."""


class ServerClock(Clock):
    """The machine's clock, corrected by what the service's answers say: by each anew.

    So a clock that is set while a backfill runs for days is noticed at the next call.
    """

    def __init__(self) -> None:
        """Begin with the machine's own."""
        self.behind = 0.0

    def observe(self, date: str | None, sent: float, received: float) -> None:
        """Take an answer's `Date` header, and when the machine sent and received it."""
        if date is None:
            return
        there = parsedate_to_datetime(date).timestamp()
        if not sent - RESOLUTION_SECONDS < there <= received:
            # From middle to middle: the least that can be off, wherever in them it was.
            self.behind = there + RESOLUTION_SECONDS / 2 - (sent + received) / 2
        elif received - sent <= LONGEST_CALL_SECONDS:
            self.behind = 0.0

    def time(self) -> float:
        """Return the service's wall clock in unix seconds."""
        return time.time() + self.behind

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float, /) -> None:
        """Wait."""
        time.sleep(seconds)
