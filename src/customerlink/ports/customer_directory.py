"""Stripe's customers as an operator looks at them: with time, and over all of them."""

from collections.abc import Sequence
from typing import Protocol

from customerlink.model.listed_customer import Absence, ListedCustomer
from customerlink.model.user import CustomerId

DELETION_SECONDS = 8.0
"""After so long at the most a deletion is given up on."""


class CustomerDirectory(Protocol):
    """The customers of an account; trouble that does not pass by itself is raised."""

    def with_address(self, email: str) -> Sequence[ListedCustomer]:
        """List all live customers with exactly this address, letter case included."""
        ...

    def retrieve(self, customer_id: CustomerId) -> ListedCustomer | Absence:
        """Retrieve a customer, or say why there is none."""
        ...

    def delete(self, customer_id: CustomerId) -> bool:
        """Delete a customer, for good, in one try; False if nobody knows what became of it.

        Raise `NoTurnError` where that is refused for a rate limit.
        """
        ...
