"""What became of a user whom somebody looked at after the sign-up."""

from dataclasses import dataclass
from enum import StrEnum

from customerlink.model.failure import Failure
from customerlink.model.sync import Decision, SyncReason
from customerlink.model.sync_memory import Memory
from customerlink.usecases.change_address import PASSES, is_taken

BUSY = "the user is being looked at: again in two minutes"
NO_ANSWER = "Stripe did not answer as it should: again in two minutes"
CHANGED_SINCE = "it has changed since it was looked at: again"
NO_LEDGER = "the ledger did not answer: again in two minutes"
NO_TURN = "others have all turns for now: again in a few minutes"
PASSING = PASSES | {BUSY, NO_ANSWER, NO_TURN, CHANGED_SINCE}
"""Why something was not done, where another try may mend it by itself."""


class SyncOutcome(StrEnum):
    """How a reconciliation ended."""

    DONE = "done"
    """Something was written."""
    NOTHING = "nothing"
    HELD = "held"
    """It is for a person to look at."""
    AGAIN = "again"
    """Another try may mend it by itself."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of a user."""

    outcome: SyncOutcome
    decision: Decision | None = None
    """None where another invocation was at it."""
    why: str | None = None
    failure: Failure | None = None
    """Whose trouble it was, where a service did not let it be looked at."""

    @property
    def reason(self) -> SyncReason | None:
        """Return why it ended so, in one word."""
        if is_taken(self.why):
            return SyncReason.EMAIL_TAKEN
        return self.decision.reason if self.decision else None

    def left(self, memory: Memory, now: float) -> Memory:
        """Return what is remembered, with when the user is to be looked at again, if at all."""
        if self.outcome is SyncOutcome.AGAIN:
            return memory.put_off(now)
        is_held = self.outcome is SyncOutcome.HELD
        return memory.held_for(str(self.reason), now) if is_held else memory.at_rest()
