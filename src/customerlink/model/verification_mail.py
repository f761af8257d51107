"""What a browser's page asks of the function that may have a mail sent, and what it is told."""

from enum import StrEnum

USER_ID = "user_id"
"""Whose address is to be verified."""

SESSION_SECRETS = "session_secrets"
"""Asked for while they are in the tenant's secret, where releases before had them."""

MAIL = "mail"
"""What became of the mail."""


class Mail(StrEnum):
    """What became of it."""

    SENT = "sent"
    VERIFIED = "verified"
    """There is nothing to verify any more."""
    UNTRUSTED = "untrusted"
    """No mail would help: whoever has verified it, the user's connection is not believed."""
    TOO_OFTEN = "too_often"
    GONE = "gone"
    """The tenant has no such user."""
    UNAVAILABLE = "unavailable"
    """Auth0 or the ledger did not answer as it should."""
