"""What a customer was used for, as an operator asks before it is deleted."""

from typing import Protocol

from customerlink.model.usage import Usage
from customerlink.model.user import CustomerId


class CustomerUsage(Protocol):
    """The subscriptions, invoices and payment methods of an account's customers."""

    def of(self, customer_id: CustomerId) -> Usage:
        """Return what a customer has of each, and what may not be read."""
        ...
