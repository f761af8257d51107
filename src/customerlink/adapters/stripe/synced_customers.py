"""Stripe's customers with their fields, for reconciliations: the sign-up knows nothing of it."""

from collections.abc import Callable
from typing import Any

from customerlink.adapters.connections import Connections
from customerlink.adapters.stripe.customers import StripeCustomers, is_gone, read_customer
from customerlink.adapters.stripe.sdk import stripe
from customerlink.model.customer import Customer
from customerlink.model.customer_values import LiveCustomer, Values, params_of, values_in
from customerlink.model.keys import StripeKey
from customerlink.model.listed_customer import Absence
from customerlink.model.secret import KeyRefresh
from customerlink.model.user import CustomerId, is_customer_id
from customerlink.ports.customers import Done, Failure, RateLimited, Refused, Spent
from customerlink.ports.rate import RateLimiter
from customerlink.ports.run import Run
from customerlink.ports.synced_customers import SyncedCustomers

PAUSE_SECONDS = 1.0
"""So long nobody of those who share the pace goes on, once Stripe says that it is too much."""


class SyncedStripeCustomers(StripeCustomers, SyncedCustomers):
    """The port over Stripe's API, for one invocation; each request waits for its turn."""

    def __init__(  # noqa: PLR0913 (what the sign-up's have, and the pace)
        self,
        connections: Connections,
        api_base: str,
        key: StripeKey,
        refresh: KeyRefresh,
        run: Run,
        *,
        pace: RateLimiter,
    ) -> None:
        """Take what a sign-up's customers take, and the pace, which others may share."""
        super().__init__(connections, api_base, key, refresh, run)
        self._pace = pace

    def look(self, customer_id: CustomerId) -> Done[LiveCustomer | Absence] | Failure:
        """Retrieve by id: a deleted customer is answered with `deleted: true`, and 404 is none.

        Another account's key, or another mode's, is told 404 of every customer that there is.
        """
        if not is_customer_id(customer_id):
            return Done(Absence.UNKNOWN)
        found = self._read("stripe_look", customer_id, _looked_at)
        return Done(Absence.UNKNOWN) if found == Refused("id") else found

    def update(self, customer_id: CustomerId, values: Values) -> Done[Customer] | Failure:
        """Update the fields together; others stay."""
        return self._updated(customer_id, params_of(values))

    def _once[Result](self, request: Callable[[], Done[Result]]) -> Done[Result] | Spent | Failure:
        self._pace.take()
        outcome = super()._once(request)
        if isinstance(outcome, RateLimited):
            self._pace.pause(PAUSE_SECONDS)
        return outcome


def _looked_at(found: stripe.Customer) -> LiveCustomer | Absence:
    if is_gone(found):
        return Absence.DELETED
    fields: dict[str, Any] = found.to_dict()
    return LiveCustomer(read_customer(found), values_in(fields))
