"""Stripe's customers with their fields, for reconciliations: the sign-up knows nothing of it."""

from collections.abc import Callable
from typing import Any

from customerlink.adapters.connections import Connections
from customerlink.adapters.stripe.customers import (
    PAGE,
    TRIES,
    StripeCustomers,
    expected,
    is_gone,
    read_customer,
    without_key_spent,
)
from customerlink.adapters.stripe.rate_limits import at_its_turn
from customerlink.adapters.stripe.sdk import stripe
from customerlink.model.beats import BEAT
from customerlink.model.customer import Customer, unnaming
from customerlink.model.customer_values import LiveCustomer, Values, params_of
from customerlink.model.errors import NoTurnError
from customerlink.model.failure import How
from customerlink.model.keys import StripeKey
from customerlink.model.listed_customer import Absence
from customerlink.model.rates import Endpoint
from customerlink.model.secret import KeyRefresh
from customerlink.model.usage import Subscriptions
from customerlink.model.user import CustomerId, is_customer_id
from customerlink.ports.canaries import Canaries
from customerlink.ports.customers import Done, Failure, NotSent, Refused, Spent
from customerlink.ports.rate import Rates
from customerlink.ports.run import Run
from customerlink.ports.synced_customers import SyncedCustomers

_OVER = frozenset({"canceled", "incomplete_expired"})
"""The states of a subscription that no deletion cancels
(https://docs.stripe.com/api/subscriptions/object)."""


_ENDPOINTS = {
    "stripe_list": Endpoint.LIST,
    "stripe_create": Endpoint.CREATE,
    "stripe_retrieve": Endpoint.RETRIEVE,
    "stripe_look": Endpoint.RETRIEVE,
}
"""By the steps of a trace; all others change something, or are as rare."""


class PacedStripeCustomers(StripeCustomers):
    """The sign-up's customers for who does not wait; each request waits for its turn."""

    def __init__(  # noqa: PLR0913 (what the sign-up's have, and the rates)
        self,
        connections: Connections,
        api_base: str,
        key: StripeKey,
        refresh: KeyRefresh,
        run: Run,
        *,
        rates: Rates,
    ) -> None:
        """Take what a sign-up's customers take, and the rates, which others may share."""
        super().__init__(connections, api_base, key, refresh, run)
        self._rates = rates

    def _call[Result](
        self, step: str, request: Callable[[], Done[Result]], tries: int = TRIES
    ) -> Done[Result] | Spent | Failure:
        endpoint = _ENDPOINTS.get(step, Endpoint.CHANGE)
        return super()._call(step, at_its_turn(self._rates, endpoint, request), tries)

    def _once[Result](self, request: Callable[[], Done[Result]]) -> Done[Result] | Spent | Failure:
        try:
            return super()._once(request)
        except NoTurnError:
            self._how = self._how or How.OUT_OF_TIME
            return NotSent()

    def _is_worth_another_try(self, outcome: object, number: int, tries: int, pause: float) -> bool:
        # A person's log-in may wait for the lease under which it is asked, and not for long.
        return number < tries and super()._is_worth_another_try(outcome, number, tries, pause)


class SyncedStripeCustomers(PacedStripeCustomers, SyncedCustomers, Canaries):
    """The port over Stripe's API, for one invocation; each request waits for its turn."""

    # A lost one could land after a second one was answered: over later values, or over a customer
    # that is somebody else's by then.
    update_tries = 1

    def __init__(  # noqa: PLR0913 (what the sign-up's have, and the rates)
        self,
        connections: Connections,
        api_base: str,
        key: StripeKey,
        refresh: KeyRefresh,
        run: Run,
        *,
        rates: Rates,
        reading_key: StripeKey | None = None,
    ) -> None:
        """Take what those take; subscriptions may be read by a key of their own."""
        super().__init__(connections, api_base, key, refresh, run, rates=rates)
        self._reading = self._client_with(reading_key) if reading_key else None

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

    def beat(self, customer_id: CustomerId, at: str) -> Done[Customer] | Failure:
        """Set the canary's key; others stay (docs.stripe.com/api/metadata)."""
        return self._updated(customer_id, {"metadata": {BEAT: at}})

    def subscriptions(self, customer_id: CustomerId) -> Done[Subscriptions] | Failure:
        """List what has not ended; a page that is full counts as one that has not."""
        reading = self._reading or self._client

        def listed() -> Done[Subscriptions]:
            try:
                page = reading.v1.subscriptions.list({"customer": customer_id, "limit": PAGE})
            except (stripe.PermissionError, stripe.AuthenticationError):
                # Of this key the sign-ups need not know.
                return Done(Subscriptions.HIDDEN)
            self._note(expected(page, "list"))
            is_live = page.has_more or any(each.status not in _OVER for each in page.data)
            return Done(Subscriptions.LIVE if is_live else Subscriptions.NONE)

        return without_key_spent(self._call("stripe_subscriptions", listed))

    def unlink(self, customer_id: CustomerId, former: str | None) -> Done[Customer] | Failure:
        """Take our metadata keys out; others stay (docs.stripe.com/api/metadata)."""
        return self._updated(customer_id, {"metadata": unnaming(former)})

    def delete(self, customer_id: CustomerId) -> Done[bool] | Failure:
        """Delete by id; one that is gone is no error (https://docs.stripe.com/api/customers/delete).

        Its subscriptions are canceled at once.
        """
        # It becomes part of the path: with a slash it would delete something else.
        if not is_customer_id(customer_id):
            return Refused("id")

        def deleted() -> Done[bool]:
            found = self._client.v1.customers.delete(customer_id)
            self._note(expected(found, "customer", customer_id))
            return Done(is_gone(found))

        outcome = without_key_spent(self._call("stripe_delete", deleted))
        return Done(result=False) if outcome == Refused("id") else outcome


def _looked_at(found: "stripe.Customer") -> LiveCustomer | Absence:
    if is_gone(found):
        return Absence.DELETED
    fields: dict[str, Any] = found.to_dict()
    return LiveCustomer.of(read_customer(found), fields)
