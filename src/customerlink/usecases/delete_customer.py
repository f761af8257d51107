"""Delete a customer while its user's record is leased: once, and only if the lease lasts."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum

from customerlink.model.customer import NewCustomer
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.frozen import frozen
from customerlink.model.sign_up_record import Busy, Lease, Linked
from customerlink.model.user import CustomerId, User
from customerlink.ports.customer_directory import CustomerDirectory
from customerlink.ports.deadline import Clock
from customerlink.ports.ledger import Ledger

BEFORE_DELETION_SECONDS = 5.0
"""A third of the record's lease: the one try of a deletion ends before somebody takes it over."""


class Deletion(StrEnum):
    """What became of a deletion."""

    DONE = "deleted"
    TOO_LATE = "a service took too long: again in a minute"
    UNKNOWN = "Stripe did not answer, and may have deleted it: look again in a minute"
    """The lease is not given back: what was sent may still be on its way."""


def delete_customer(
    customers: CustomerDirectory, customer_id: CustomerId, clock: Clock, began: float
) -> Deletion:
    """Delete a customer under a lease that was taken after `began`.

    Raise `NoTurnError` where Stripe refuses it for its rate limit.
    """
    if clock.time() - began > BEFORE_DELETION_SECONDS:
        return Deletion.TOO_LATE
    return Deletion.DONE if customers.delete(customer_id) else Deletion.UNKNOWN


@frozen
class Reserved:
    """A record whose lease this invocation has, so that nobody signs up with it meanwhile."""

    lease: Lease
    recorded: Linked | None
    """What it linked before."""

    def restore(self, ledger: Ledger) -> None:
        """Put back what was there; where the ledger does not answer, the lease ends by itself."""
        with suppress(LedgerUnavailableError):
            if self.recorded is None:
                ledger.close(self.lease)
            else:
                ledger.restore(self.lease, self.recorded)

    @contextmanager
    def or_restored(self, ledger: Ledger, error: type[Exception] = Exception) -> Iterator[None]:
        """Put it back where this is raised, by which nothing is on its way."""
        try:
            yield
        except error:
            self.restore(ledger)
            raise


def reserve(ledger: Ledger, user: User, kept: NewCustomer | None = None) -> Reserved | None:
    """Open a user's record, a linked one as well; None while somebody has it.

    Of `kept` nothing is made, but its address stays to be looked under: should this end half-way,
    and the user be back with another address, their login still finds the customer.
    """
    opened = ledger.open(user, kept, admission=False)
    recorded = opened if isinstance(opened, Linked) else None
    if recorded is not None:
        opened = ledger.reopen(user, recorded, kept)
    return None if isinstance(opened, Busy | Linked) else Reserved(opened, recorded)


def close_if_possible(ledger: Ledger, lease: Lease) -> None:
    """End a record without its link, so that the next login is another try.

    Where the ledger does not answer, the lease ends by itself; what was done is done.
    """
    with suppress(LedgerUnavailableError):
        ledger.close(lease)
