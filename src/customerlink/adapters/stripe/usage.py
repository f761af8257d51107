"""What a customer was used for, asked of Stripe by a key that may see it.

Each resource has its own permission (https://docs.stripe.com/keys/restricted-api-keys), and the
deployment's key has none of these.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from customerlink.adapters.stripe.listing import patiently
from customerlink.adapters.stripe.sdk import stripe
from customerlink.model.rates import Endpoint
from customerlink.model.usage import Usage, Use
from customerlink.model.user import CustomerId
from customerlink.ports.customer_usage import CustomerUsage
from customerlink.ports.rate import Rates

if TYPE_CHECKING:
    from stripe._v1_services import V1Services


@dataclass(frozen=True)
class StripeUsage(CustomerUsage):
    """The lists over an SDK's client that does not retry by itself."""

    v1: "V1Services"
    rates: Rates

    def of(self, customer_id: CustomerId) -> Usage:
        """Ask for one of each; of a customer that is not the key's account's, all is hidden."""
        found, hidden = [], []
        for use, is_there in self._lists(customer_id):
            try:
                found += [use] if patiently(self.rates, Endpoint.CHANGE, is_there) else []
            except (stripe.PermissionError, stripe.InvalidRequestError):
                hidden.append(use)
        return Usage(tuple(found), tuple(hidden))

    def _lists(self, customer_id: CustomerId) -> Iterator[tuple[Use, Callable[[], bool]]]:
        lists = self.v1
        # Unless asked for all, Stripe leaves out the subscriptions that have ended.
        every = {"customer": customer_id, "status": "all", "limit": 1}
        yield Use.SUBSCRIPTION, lambda: bool(lists.subscriptions.list(every).data)  # type: ignore[arg-type]  # a TypedDict over there
        yield (
            Use.INVOICE,
            lambda: bool(lists.invoices.list({"customer": customer_id, "limit": 1}).data),
        )
        yield (
            Use.PAYMENT_METHOD,
            lambda: bool(lists.customers.payment_methods.list(customer_id, {"limit": 1}).data),
        )
