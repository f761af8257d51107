"""Stripe's customers as who sends a beat sees them."""

from typing import Protocol

from customerlink.model.customer import Customer
from customerlink.model.user import CustomerId
from customerlink.ports.customers import Done, Failure


class Canaries(Protocol):
    """The port, for one invocation: no method raises or outlasts it."""

    def list_by_email(self, email: str) -> Done[tuple[Customer, ...]] | Failure:
        """List all live customers with exactly this address."""
        ...

    def beat(self, customer_id: CustomerId, at: str) -> Done[Customer] | Failure:
        """Write the time of a beat into the canary; nothing else is touched."""
        ...
