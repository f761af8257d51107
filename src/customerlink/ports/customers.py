"""Stripe customers as the pipeline sees them: the port, and what can come of a call."""

from typing import Protocol

from customerlink.model.customer import Customer, NewCustomer
from customerlink.model.frozen import frozen
from customerlink.model.user import CustomerId, User


@frozen
class Done[Result]:
    """The call was carried out; `replayed` when Stripe repeated a saved answer."""

    result: Result
    replayed: bool = False


@frozen
class Refused:
    """Stripe refused a parameter; nothing was changed."""

    param: str | None

    @property
    def blames_the_value(self) -> bool:
        """Return whether it is what was to be written that Stripe does not take.

        Without a parameter it is the account that is in trouble; with the id, the customer is gone.
        """
        return self.param not in (None, "id")


@frozen
class Unauthorised:
    """Stripe does not take the key, or the key lacks the permission; nothing was changed."""


@frozen
class RateLimited:
    """Too many requests until the budget ran out; nothing was changed."""


@frozen
class NotSent:
    """The request never reached Stripe: no connection, or no time left; nothing was changed."""


@frozen
class Unknown:
    """The answer was lost, or Stripe failed: the effect may or may not be there."""


@frozen
class KeySpent:
    """The idempotency key stands for a request that ended: it creates no more."""


@frozen
class KeyMismatch:
    """The key stands for a request with other parameters, which may still be under way.

    The parameters are frozen with the key, so only another release's record can lead here.
    """


NOTHING_CHANGED = (Refused, Unauthorised, RateLimited, NotSent)
"""The outcomes that say so, of a call of which no try was lost."""

type Spent = KeySpent | KeyMismatch
type Failure = Refused | Unauthorised | RateLimited | NotSent | Unknown


class Customers(Protocol):
    """The port to Stripe's customers, for one invocation: no method raises or outlasts it."""

    def list_by_email(self, email: str) -> Done[tuple[Customer, ...]] | Failure:
        """List all live customers with exactly this address, letter case included."""
        ...

    def retrieve(self, customer_id: CustomerId) -> Done[Customer | None] | Failure:
        """Retrieve a customer; None when it does not exist or was deleted."""
        ...

    def is_deleted(self, customer_id: CustomerId) -> Done[bool] | Failure:
        """Return whether Stripe says that a customer was deleted.

        Of one that it does not know, as with another account's key, it says no such thing.
        """
        ...

    def adopt(self, customer_id: CustomerId, user: User) -> Done[Customer] | Failure:
        """Let a customer name this user; only for who has claimed it in the ledger."""
        ...

    def set_email(self, customer_id: CustomerId, email: str) -> Done[Customer] | Failure:
        """Give a customer another address; only for who holds the lock on that address."""
        ...

    def supersede(self, customer_id: CustomerId, by: CustomerId) -> Done[Customer] | Failure:
        """Note in a customer's metadata which one its user has instead, after linking accounts."""
        ...

    def create(self, new: NewCustomer, idempotency_key: str) -> Done[Customer] | Spent | Failure:
        """Create a customer under the key."""
        ...
