"""What can go wrong in a way that the code expects but a caller cannot decide on."""

from typing import TYPE_CHECKING, ClassVar

from customerlink.model.failure import FailedAt, Failure, How, told

if TYPE_CHECKING:
    from customerlink.model.rates import Endpoint


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


LIMITED = "a rate limit stays exceeded, and what was done stands: again in a minute"


class NoTurnError(CustomerLinkError):
    """Nothing was done: the rates give no turn in time, or a service refused for its rate limit."""

    def __init__(self, endpoint: "Endpoint | None" = None) -> None:
        """Take at which endpoint a service refused; None where it was not asked."""
        at = FailedAt.STRIPE if endpoint and endpoint.is_stripes else FailedAt.AUTH0
        failure = Failure(at, How.RATE_LIMITED) if endpoint else None
        super().__init__(LIMITED, How.OUT_OF_TIME, failure)
        self.endpoint = endpoint
