"""Enrolling: the ledger comes to know the links that were there before sync was switched on.

A true link is recorded, and what both sides agree on is remembered as applied. Where they differ
nobody knows which is newer: it is told, and stays, unless somebody says that Auth0's counts.
"""

from dataclasses import dataclass
from enum import StrEnum

from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.frozen import frozen
from customerlink.model.sync import QUIET, Decision, SyncAct, SyncReason
from customerlink.model.sync_policy import Differences
from customerlink.model.user import User
from customerlink.usecases.look import UnansweredError
from customerlink.usecases.sync import Sync
from customerlink.usecases.synced import NO_ANSWER, NO_LEDGER, Synced, SyncOutcome


class EnrolStatus(StrEnum):
    """What became of a user."""

    ENROLLED = "enrolled"
    APPLIED = "applied"
    """Likewise, and Auth0's values were written where Stripe had others."""
    DIFFERS = "differs"
    """Both sides have other values, and nothing was written."""
    LEFT = "left"
    """There is no true link to enrol."""
    FOLLOWS = "follows"
    """Accounts were linked: with the next event their customers follow, which writes to them."""
    AGAIN = "again"
    """Another try may do it."""


@frozen
class Enrolled:
    """How one user's enrolment ended, and why so."""

    status: EnrolStatus
    why: str = ""


_ENDED = {
    SyncOutcome.DONE: EnrolStatus.APPLIED,
    SyncOutcome.NOTHING: EnrolStatus.ENROLLED,
    SyncOutcome.AGAIN: EnrolStatus.AGAIN,
}


@dataclass(frozen=True)
class Enrolment:
    """Enrols one user at a time."""

    sync: Sync

    def enrol(self, user: User) -> Enrolled:
        """Look at a user, and enrol them where the link is true."""
        try:
            decision = self.sync.plan(user)
        except UnansweredError:
            return Enrolled(EnrolStatus.AGAIN, NO_ANSWER)
        except LedgerUnavailableError:
            return Enrolled(EnrolStatus.AGAIN, NO_LEDGER)
        told = self._told(decision)
        return self._ended(self.sync.reconcile(user)) if told is None else told

    def _told(self, decision: Decision) -> Enrolled | None:
        """Say what is only told; None for what is enrolled."""
        if decision.act is SyncAct.WAIT:
            return Enrolled(EnrolStatus.AGAIN, decision.reason)
        if decision.act is SyncAct.FOLLOW:
            return Enrolled(EnrolStatus.FOLLOWS)
        if decision.act is not SyncAct.COMPARE:
            return Enrolled(EnrolStatus.LEFT, decision.reason)
        # What was applied before sync was switched off, and has changed since, is a difference too.
        if decision.writes and not self._may_write:
            return Enrolled(EnrolStatus.DIFFERS, ", ".join(decision.writes))
        return None

    @property
    def _may_write(self) -> bool:
        return self.sync.rules.policy.differences is Differences.APPLY

    @staticmethod
    def _ended(synced: Synced) -> Enrolled:
        if synced.outcome in _ENDED:
            return Enrolled(_ENDED[synced.outcome], synced.why or "")
        if synced.reason is SyncReason.DIFFERS and synced.decision and synced.why is None:
            verdicts = synced.decision.verdicts.items()
            differing = (name for name, verdict in verdicts if verdict not in QUIET)
            return Enrolled(EnrolStatus.DIFFERS, ", ".join(differing))
        return Enrolled(EnrolStatus.LEFT, synced.why or str(synced.reason))
