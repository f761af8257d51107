"""A customer's address is written: another way to gain a second customer for an address."""

from collections.abc import Callable
from dataclasses import dataclass

from customerlink.model.address import lowered, spellings
from customerlink.model.customer import Customer
from customerlink.model.sign_up_record import Lease, Linked
from customerlink.model.user import CustomerId
from customerlink.ports.customers import Customers, Done
from customerlink.usecases.open_sign_up import Settled
from customerlink.usecases.settle import Settling

_NO_ANSWER = "Stripe did not answer as it should: again in a minute"
_RUNNING = "somebody signs up: again in a minute"
_NOT_THERE = "the customer is gone"
_NOT_NAMED = "the customer does not name the user any more"


@dataclass(frozen=True)
class AddressChange:
    """A user's address that their customer is to have.

    It goes as in a sign-up: the record is settled, then in its name the address is locked, looked
    up, and written. The lock is not given back, since the update may still be on its way, or the
    list behind it: it lapses.
    """

    settling: Settling
    """Of the user's record: it makes no customer, and knows the one that it is about."""
    customer_id: CustomerId
    email: str

    def carry_out(self) -> str | None:
        """Give the customer the address; return why not, if so."""
        outcome = self.settling.settle()
        if not isinstance(outcome, Settled):
            return str(outcome.reason)
        if outcome.customer_id != self.customer_id:
            return f"the user has {outcome.customer_id or 'no customer'}"
        # Settling ended with a link, which takes no lease. The address is locked in that record's
        # name, so that the user's own next login finds its own lock and not a stranger's.
        user, ledger = self.settling.signup.user, self.settling.ledger
        opened = ledger.open(user, None, admission=False)
        if isinstance(opened, Linked):
            return self._written(Lease(user, opened.epoch, attempt=0, attempt_since=0.0))
        if isinstance(opened, Lease):
            ledger.close(opened)
        return _RUNNING

    def _written(self, lease: Lease) -> str | None:
        def why_not(found: Customer) -> str | None:
            return None if found.belongs_to(lease.user) else _NOT_NAMED

        return _write(self.settling, lease, self.customer_id, self.email, why_not)


@dataclass(frozen=True)
class LowerCase:
    """An address that its customer is to have in lower case, so that sign-ups can see it.

    Whose customer it is makes no difference, and stays as it is: the address is locked in the name
    of somebody who stands for nobody, so that until the update has ended no sign-up passes.
    """

    settling: Settling
    """Of that stand-in; it is not settled."""
    customer_id: CustomerId
    email: str
    """As the customer has it."""

    def carry_out(self) -> str | None:
        """Write the address in lower case; return why not, if so."""
        lease = Lease(self.settling.signup.user, epoch=0, attempt=0, attempt_since=0.0)

        def why_not(found: Customer) -> str | None:
            return None if found.email == self.email else "the customer has another address by now"

        return _write(self.settling, lease, self.customer_id, lowered(self.email), why_not)


def _write(
    settling: Settling,
    lease: Lease,
    customer_id: CustomerId,
    email: str,
    why_not: Callable[[Customer], str | None],
) -> str | None:
    """Write an address that is locked, and that no other customer has; return why not, if so."""
    ledger, customers = settling.ledger, settling.customers
    lock = ledger.lock_email(lease, email)
    if not lock.is_mine:
        return _RUNNING
    why = _why_not_written(customers, customer_id, email, why_not)
    # Nothing was written, so nothing is on its way: whoever has the address need not wait.
    if why and lock.is_new:
        ledger.unlock_email(lease, email)
    if why:
        return why
    written = customers.set_email(customer_id, email)
    return None if isinstance(written, Done) else _NO_ANSWER


def _why_not_written(
    customers: Customers,
    customer_id: CustomerId,
    email: str,
    why_not: Callable[[Customer], str | None],
) -> str | None:
    for address in spellings(email):
        listed = customers.list_by_email(address)
        if not isinstance(listed, Done):
            return _NO_ANSWER
        others = [each for each in listed.result if each.id != customer_id]
        if others:
            return f"the address has {others[0].id}"
    # Under the lock, and last: it may have become another one while this one waited.
    found = customers.retrieve(customer_id)
    if not isinstance(found, Done):
        return _NO_ANSWER
    return why_not(found.result) if found.result else _NOT_THERE
