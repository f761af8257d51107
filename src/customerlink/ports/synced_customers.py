"""Stripe's customers as a reconciliation sees them: with their fields, and why one is not there."""

from typing import Protocol

from customerlink.model.customer import Customer
from customerlink.model.customer_values import LiveCustomer, Values
from customerlink.model.listed_customer import Absence
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
