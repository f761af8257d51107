"""What a deployment wants of changes after the sign-up: the default of each first."""

from enum import StrEnum

from customerlink.model.frozen import frozen


class EmailChanges(StrEnum):
    """Which address of Auth0's reaches Stripe, to which invoices go."""

    VERIFIED = "verified"
    ANY = "any"
    IGNORE = "ignore"

    @property
    def compared(self) -> "EmailChanges":
        """Return which one is compared with Stripe's: one that may not be written yet as well."""
        return EmailChanges.ANY if self is EmailChanges.VERIFIED else self


class EditedCustomers(StrEnum):
    """What becomes of a field that somebody changed in Stripe."""

    KEEP = "keep"
    """It stays until that field changes in Auth0."""
    RESTORE = "restore"
    """Auth0's value is written again."""
    REPORT = "report"
    """It stays, and is told each time."""


class DeletedCustomers(StrEnum):
    """What becomes of a link whose customer was deleted in Stripe."""

    CLEAR = "clear"
    """The id leaves the profile, and the next login makes another customer."""
    RECREATE = "recreate"
    """Another customer is made at once."""
    REPORT = "report"


class DeletedUsers(StrEnum):
    """What becomes of the customer of a user who was deleted in Auth0."""

    KEEP = "keep"
    UNLINK = "unlink"
    """It stays, and names nobody any more."""
    DELETE = "delete"
    """It is deleted after a grace, unless it is the shop's own, or something is still open."""


class Differences(StrEnum):
    """What becomes of two values of which nobody knows the earlier one."""

    REPORT = "report"
    APPLY = "apply"
    """Auth0's value is written."""


UNLINK_SECONDS = 3600.0
"""So long an unlinking waits at least: linking accounts deletes a user too, and the search that
finds the account in its primary lags."""

_DAY_SECONDS = 24 * 3600.0


@frozen
class SyncPolicy:
    """The choices together."""

    email_changes: EmailChanges = EmailChanges.VERIFIED
    edited_customers: EditedCustomers = EditedCustomers.KEEP
    deleted_customers: DeletedCustomers = DeletedCustomers.CLEAR
    differences: Differences = Differences.REPORT
    deleted_users: DeletedUsers = DeletedUsers.KEEP
    deleted_users_days: int = 30
    """The grace of a deletion."""
    deletions_per_day: int = 50
    """Of more that are due in a day none is carried out before somebody approves them."""

    @property
    def grace_seconds(self) -> float:
        """Return how long after a user was found to be gone something is done."""
        days = self.deleted_users_days * _DAY_SECONDS
        return days if self.deleted_users is DeletedUsers.DELETE else UNLINK_SECONDS


class MissedSignUps(StrEnum):
    """What a user gets whose first login nobody reported."""

    REPORT = "report"
    PROVISION = "provision"
    """A customer, as the backfill makes one."""


class SyncBy(StrEnum):
    """By which way both sides' events come."""

    EVENTBRIDGE = "eventbridge"
    WEBHOOK = "webhook"
    """By two routes of the deployment's own, for who has no partner event sources."""
