"""Stripe's customers as a reconciliation sees them: with their fields, and why one is not there."""

from typing import Protocol

from customerlink.model.customer import Customer
from customerlink.model.customer_values import LiveCustomer, Values
from customerlink.model.listed_customer import Absence
from customerlink.model.usage import Subscriptions
from customerlink.model.user import CustomerId
from customerlink.ports.customers import Customers, Done, Failure


class SyncedCustomers(Customers, Protocol):
    """The port, for one invocation: no method raises or outlasts it."""

    def look(self, customer_id: CustomerId) -> Done[LiveCustomer | Absence] | Failure:
        """Retrieve a customer, or say why there is none."""
        ...

    def update(self, customer_id: CustomerId, values: Values) -> Done[Customer] | Failure:
        """Write some fields; an address only for who holds the lock on it."""
        ...

    def subscriptions(self, customer_id: CustomerId) -> Done[Subscriptions] | Failure:
        """Return whether a customer has a subscription that is not over."""
        ...

    def unlink(self, customer_id: CustomerId, former: str | None) -> Done[Customer] | Failure:
        """Let a customer name nobody, and note whose it was; nothing else is touched."""
        ...

    def delete(self, customer_id: CustomerId) -> Done[bool] | Failure:
        """Delete a customer, for good; False where there is none by now."""
        ...
