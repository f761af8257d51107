"""Stripe's customers one by one, for who looks after them: to look, trouble is waited out.

https://docs.stripe.com/api/customers
"""

from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from customerlink.adapters.stripe.listing import PAGE, listed, patiently
from customerlink.adapters.stripe.rate_limits import at_its_turn
from customerlink.adapters.stripe.sdk import stripe
from customerlink.model.errors import NoTurnError
from customerlink.model.listed_customer import Absence, ListedCustomer
from customerlink.model.rates import Endpoint
from customerlink.model.user import CustomerId
from customerlink.ports.customer_directory import CustomerDirectory
from customerlink.ports.rate import Rates

_OF_THE_OTHER_MODE = "a similar object exists in"
"""What Stripe says of an id that its other mode knows; there is no code for it."""

_NO_PATHS = ("", ".", "..")
"""Of these the path would be the list's. Whatever else a profile has for an id is quoted."""


@dataclass(frozen=True)
class StripeDirectory(CustomerDirectory):
    """The directory over an SDK's service; to delete, by a client that does not retry by itself."""

    service: stripe.CustomerService
    rates: Rates

    def with_address(self, email: str) -> list[ListedCustomer]:
        """List by `email`, a case-sensitive filter."""
        asked = partial(self.service.list, {"email": email, "limit": PAGE})
        page = patiently(self.rates, Endpoint.LIST, asked)
        return [listed(each) for each in page.auto_paging_iter()]

    def retrieve(self, customer_id: CustomerId) -> ListedCustomer | Absence:
        """Retrieve by id; a deleted customer is answered with `deleted: true`, not with 404."""
        if customer_id in _NO_PATHS:
            return Absence.UNKNOWN
        try:
            asked = partial(self.service.retrieve, customer_id)
            found = patiently(self.rates, Endpoint.RETRIEVE, asked)
        except stripe.InvalidRequestError as error:
            is_elsewhere = _OF_THE_OTHER_MODE in str(error.user_message or error)
            return Absence.OTHER_MODE if is_elsewhere else Absence.UNKNOWN
        return Absence.DELETED if getattr(found, "deleted", False) else listed(found)

    def delete(self, customer_id: CustomerId) -> bool:
        """Delete by id; one that is gone is no error: an earlier try's answer may be lost.

        In one try: the lease that it is made under must not end before.
        """
        asked = at_its_turn(self.rates, Endpoint.CHANGE, partial(self.service.delete, customer_id))
        try:
            asked()
        except stripe.InvalidRequestError as error:
            if error.http_status != HTTPStatus.NOT_FOUND:
                raise
        except stripe.RateLimitError:
            raise NoTurnError(Endpoint.CHANGE) from None
        except (stripe.APIConnectionError, stripe.APIError):
            return False
        return True
