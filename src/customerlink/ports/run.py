"""One invocation: whose writes are its own, until when it may go on, and what it did."""

from customerlink.ports.deadline import SIGN_UP_SECONDS, Clock, Deadline
from customerlink.ports.trace import Trace


class Run:
    """What the adapters of one invocation share."""

    def __init__(self, clock: Clock, owner: str, seconds: float = SIGN_UP_SECONDS) -> None:
        """Start the budget; `owner` tells the invocation's writes from any other one's."""
        self.clock = clock
        self.owner = owner
        self.deadline = Deadline(clock, seconds)
        self.trace = Trace(clock)
