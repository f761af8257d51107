"""What can go wrong in a way that the code expects but a caller cannot decide on."""


class CustomerLinkError(Exception):
    """Root of this package's exceptions; never raised itself.

    No message of a subclass carries personal data, a key or a text of Stripe's: messages name
    fields and settings, never their values.
    """


class ConfigurationError(CustomerLinkError):
    """The deployment is set up wrongly; the message names the settings to mend."""


class SecretUnavailableError(CustomerLinkError):
    """The secret could not be had, and no copy is young enough to go on with."""


class KeyRejectedError(CustomerLinkError):
    """Stripe does not take the key, or the key may not do what was asked of it."""


class ServicesDownError(CustomerLinkError):
    """One row after another met an outage, of which each told as its result."""


class LedgerUnavailableError(CustomerLinkError):
    """The ledger did not answer in time, so nothing is known of what it holds."""


class TenantUnavailableError(CustomerLinkError):
    """Auth0 did not answer, or refused: nothing is known of what the tenant has."""
