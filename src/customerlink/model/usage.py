"""What a customer was used for, as far as a key may see it."""

from enum import StrEnum

from customerlink.model.frozen import frozen


class Use(StrEnum):
    """What a deletion would take along, beside what the customer itself tells."""

    SUBSCRIPTION = "subscription"
    INVOICE = "invoice"
    PAYMENT_METHOD = "payment method"


class Subscriptions(StrEnum):
    """Whether a deletion would cancel one."""

    NONE = "none"
    LIVE = "live"
    HIDDEN = "hidden"
    """The key may not read them: that counts as one."""


@frozen
class Usage:
    """What was found of a customer, and what the key may not read: that counts as found."""

    found: tuple[Use, ...] = ()
    hidden: tuple[Use, ...] = ()

    def why_kept(self) -> str | None:
        """Say what speaks against deleting the customer; None where nothing does."""
        if self.found:
            return f"the customer has: {', '.join(self.found)}"
        return f"the Stripe key may not read: {', '.join(self.hidden)}" if self.hidden else None
