"""What a deployment wants of changes after the sign-up: the default of each first."""

from enum import StrEnum

from customerlink.model.frozen import frozen


class EmailChanges(StrEnum):
    """Which address of Auth0's reaches Stripe, to which invoices go."""

    VERIFIED = "verified"
    ANY = "any"
    IGNORE = "ignore"


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


class Differences(StrEnum):
    """What becomes of two values of which nobody knows the earlier one."""

    REPORT = "report"
    APPLY = "apply"
    """Auth0's value is written."""


@frozen
class SyncPolicy:
    """The choices together."""

    email_changes: EmailChanges = EmailChanges.VERIFIED
    edited_customers: EditedCustomers = EditedCustomers.KEEP
    deleted_customers: DeletedCustomers = DeletedCustomers.CLEAR
    differences: Differences = Differences.REPORT
