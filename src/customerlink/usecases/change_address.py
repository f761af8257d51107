"""A customer's address is written: another way to gain a second customer for an address."""

from collections.abc import Callable
from dataclasses import dataclass

from customerlink.model.address import lowered, spellings
from customerlink.model.customer import Customer
from customerlink.model.sign_up_record import Lease, Linked
from customerlink.model.user import CustomerId
from customerlink.ports.customers import (
    NOTHING_CHANGED,
    Customers,
    Done,
    Failure,
    NotSent,
    Refused,
)
from customerlink.usecases.open_sign_up import PASSING, Settled
from customerlink.usecases.settle import Settling

_NO_ANSWER = "Stripe did not answer as it should: again in a minute"
_RUNNING = "somebody signs up: again in a minute"
PASSES = frozenset({_NO_ANSWER, _RUNNING, *PASSING})
"""Why an address was not written, where another try may mend it by itself."""

REFUSED = "Stripe does not take what Auth0 has"
_TAKEN = "the address has"
_NOT_THERE = "the customer is gone"
_NOT_NAMED = "the customer does not name the user any more"


def is_taken(why: str | None) -> bool:
    """Return whether an address was not written since another customer has it."""
    return why is not None and why.startswith(_TAKEN)


def is_refused(written: object) -> bool:
    """Return whether Stripe does not take what was to be written: another try would not mend it."""
    return isinstance(written, Refused) and written.blames_the_value


@dataclass(frozen=True)
class AddressChange:
    """A user's address that their customer is to have.

    It goes as in a sign-up: the record is settled, then in its name the address is locked, looked
    up, and written. Once that was sent the lock is not given back, since the update may still be on
    its way, or the list behind it: it lapses.
    """

    settling: Settling
    """Of the user's record: it makes no customer, and knows the one that it is about."""
    customer_id: CustomerId
    email: str
    write: Callable[[], Done[Customer] | Failure]
    """Writes the address, and what else is to be written."""
    may_share: Callable[[Customer], bool] = lambda _: False
    """Whether another customer with the address, which is about to have another one, may stay."""

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

        return _Write(
            self.settling, lease, self.customer_id, self.email, self.write, why_not, self.may_share
        ).carry_out()


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

        customers, customer_id = self.settling.customers, self.customer_id
        email = lowered(self.email)
        return _Write(
            self.settling,
            lease,
            customer_id,
            email,
            lambda: customers.set_email(customer_id, email),
            why_not,
        ).carry_out()


@dataclass(frozen=True)
class _Write:
    """An address that is locked, and that no other customer has."""

    settling: Settling
    lease: Lease
    customer_id: CustomerId
    email: str
    write: Callable[[], Done[Customer] | Failure]
    why_not: Callable[[Customer], str | None]
    may_share: Callable[[Customer], bool] = lambda _: False

    def carry_out(self) -> str | None:
        """Write it; return why not, if so."""
        ledger, email = self.settling.ledger, self.email
        lock = ledger.lock_email(self.lease, email)
        if not lock.is_mine:
            return _RUNNING
        written: Done[Customer] | Failure = NotSent()
        try:
            why = self._why_not_written(self.settling.customers)
            written = written if why else self.write()
        finally:
            # Where nothing was written, nothing is on its way: who has the address need not wait.
            if lock.is_new and isinstance(written, NOTHING_CHANGED):
                ledger.unlock_email(self.lease, email)
        if is_refused(written):
            return REFUSED
        return why or (None if isinstance(written, Done) else _NO_ANSWER)

    def _why_not_written(self, customers: Customers) -> str | None:
        for address in spellings(self.email):
            listed = customers.list_by_email(address)
            if not isinstance(listed, Done):
                return _NO_ANSWER
            others = [each for each in listed.result if each.id != self.customer_id]
            blocking = [each for each in others if not self.may_share(each)]
            if blocking:
                return f"{_TAKEN} {blocking[0].id}"
        # Under the lock, and last: it may have become another one while this one waited.
        found = customers.retrieve(self.customer_id)
        if not isinstance(found, Done):
            return _NO_ANSWER
        return self.why_not(found.result) if found.result else _NOT_THERE
