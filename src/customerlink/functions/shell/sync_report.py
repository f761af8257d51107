"""What is told of the looks at users: a line each, and counts for all of them together."""

from collections import Counter
from collections.abc import Iterable

from customerlink.adapters.trouble import failure_of
from customerlink.functions.shell.telemetry import Metric, logger, report_bug, report_counts
from customerlink.model.events import EventKind, Passed
from customerlink.model.failure import fields_of
from customerlink.model.log_names import LogNames
from customerlink.model.message_fields import Unreadable
from customerlink.model.sync import SyncReason
from customerlink.model.user import User
from customerlink.usecases.follow_events import Report
from customerlink.usecases.missed_sign_ups import Newcomer
from customerlink.usecases.synced import Synced

_METRICS = {
    Passed.TEST: Metric.SYNC_TEST,
    Passed.BEAT: Metric.SYNC_BEAT,
    Passed.OTHER_SOURCE: Metric.SYNC_FOREIGN,
    Passed.OTHER_TENANT: Metric.SYNC_FOREIGN,
    Passed.OTHER_ACCOUNT: Metric.SYNC_FOREIGN,
    Passed.OTHER_MODE: Metric.SYNC_FOREIGN,
}
"""What is counted by itself; the rest is what every shop has a lot of."""

_MISSED = (Newcomer.MISSED, Newcomer.PROVISIONED)


class SyncReport(Report):
    """Of one invocation."""

    def __init__(self, names: LogNames, request_id: str) -> None:
        """Take what users are called in logs."""
        self._names, self._request_id = names, request_id
        self._counts: Counter[str] = Counter()

    def passed(self, why: Passed) -> None:
        """Count an event that leads to nobody; log one that should not have come."""
        metric = _METRICS.get(why, Metric.SYNC_PASSED)
        if why in _METRICS:
            logger.info("sync_passed", extra={"request_id": self._request_id, "reason": why.value})
        self._counts[metric] += 1

    def unreadable(self, why: Unreadable) -> None:
        """Log and count a message that is no event."""
        extra = {"request_id": self._request_id, "detail": str(why)}
        logger.warning("sync_unreadable", extra=extra)
        self._counts[Metric.SYNC_UNREADABLE] += 1

    def looked(self, user: User, kinds: Iterable[EventKind], synced: Synced) -> None:
        """Log and count what a look at a user led to: the fields by their names alone."""
        decision = synced.decision
        logger.info(
            "sync",
            extra={
                **self._who(user, kinds),
                "outcome": synced.outcome.value,
                "reason": synced.reason,
                "act": decision.act.value if decision else None,
                "fields": {**decision.verdicts} if decision else {},
                **fields_of(synced.failure),
            },
        )
        failed = Metric.SYNC_FAILED if synced.failure else None
        self._counts[failed or Metric(f"sync_{synced.outcome}")] += 1
        self._counts[Metric.DELETIONS_HELD] += synced.reason is SyncReason.TOO_MANY_DELETIONS

    def failed(self, user: User, kinds: Iterable[EventKind], error: Exception) -> None:
        """Log and count trouble by its kind: its text may quote anything."""
        where = failure_of(error).fields()
        extra = {**self._who(user, kinds), "exception": type(error).__name__, **where}
        logger.warning("sync_failed", extra=extra)
        self._counts[Metric.SYNC_FAILED] += 1

    def bug(self, error: Exception) -> None:
        """Log a bug by its kind and place, and let it be alarmed."""
        report_bug(error, self._request_id)

    def parked(self, user: User) -> None:
        """Log and count whom the ledger owes a look."""
        logger.info("sync_parked", extra=self._who(user, ()))
        self._counts[Metric.SYNC_PARKED] += 1

    def newcomer(self, user: User, found: Newcomer) -> None:
        """Log and count whose first login nobody reported."""
        if found in _MISSED:
            logger.warning("missed_sign_up", extra={**self._who(user, ()), "end": found.value})
            self._counts[Metric.MISSED_SIGN_UP] += 1

    def flush(self) -> None:
        """Publish what was counted."""
        report_counts(self._counts)
        self._counts.clear()

    def _who(self, user: User, kinds: Iterable[EventKind]) -> dict[str, object]:
        return {
            "request_id": self._request_id,
            "tenant": user.tenant,
            "user_id": self._names.name(user.user_id),
            "events": sorted({each.value for each in kinds}),
        }
