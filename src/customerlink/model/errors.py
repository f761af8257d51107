"""What can go wrong in a way that the code expects but a caller cannot decide on."""

from typing import ClassVar

from customerlink.model.failure import FailedAt, Failure, How, told


class CustomerLinkError(Exception):
    """Root of this package's exceptions; never raised itself.

    No message of a subclass carries personal data, a key or a text of Stripe's: messages name
    fields and settings, never their values.
    """

    failed_at: ClassVar[FailedAt] = FailedAt.CODE
    """Where something failed that this is raised for."""

    def __init__(
        self, message: str = "", how: str = How.WRONG, failure: Failure | None = None
    ) -> None:
        """Take the message, and how it failed in a word; or a failure of somebody else's."""
        super().__init__(message)
        self.failure = failure or Failure(self.failed_at, how)


class ConfigurationError(CustomerLinkError):
    """The deployment is set up wrongly; the message names the settings to mend."""

    failed_at = FailedAt.SETTING


class SecretUnavailableError(CustomerLinkError):
    """The secret could not be had, and no copy is young enough to go on with."""

    failed_at = FailedAt.SECRET

    @classmethod
    def answered(cls, code: str) -> "SecretUnavailableError":
        """Return what is raised where Secrets Manager answers with an error."""
        return cls(f"Secrets Manager answered {told(code)}", told(code))


class KeyRejectedError(CustomerLinkError):
    """Stripe does not take the key, or the key may not do what was asked of it."""

    failed_at = FailedAt.STRIPE


class ServicesDownError(CustomerLinkError):
    """One row after another met an outage, of which each told as its result."""


class LedgerUnavailableError(CustomerLinkError):
    """The ledger did not answer in time, so nothing is known of what it holds."""

    failed_at = FailedAt.LEDGER

    def __init__(self, message: str = "", how: str = How.NO_ANSWER) -> None:
        """Take the message, and how it failed in a word."""
        super().__init__(message, how)


class TenantUnavailableError(CustomerLinkError):
    """Auth0 did not answer, or refused: nothing is known of what the tenant has."""

    failed_at = FailedAt.AUTH0


class NoTurnError(CustomerLinkError):
    """The rates give no turn before the time is over: nothing was asked."""
