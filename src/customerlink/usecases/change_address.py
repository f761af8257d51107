"""A customer's address follows its user's: another way to gain a second customer for an address."""

from dataclasses import dataclass

from customerlink.model.sign_up_record import Lease, Linked
from customerlink.model.user import CustomerId
from customerlink.ports.customers import Done
from customerlink.usecases.open_sign_up import Settled
from customerlink.usecases.settle import Settling

_NO_ANSWER = "Stripe did not answer as it should: again in a minute"
_RUNNING = "somebody signs up: again in a minute"


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
        ledger, customers = self.settling.ledger, self.settling.customers
        lock = ledger.lock_email(lease, self.email)
        if not lock.is_mine:
            return _RUNNING
        for address in sorted({self.email, self.email.lower()}):
            listed = customers.list_by_email(address)
            if not isinstance(listed, Done):
                return _NO_ANSWER
            others = [each for each in listed.result if each.id != self.customer_id]
            # Nothing was written, so nothing is on its way: whoever has the address need not wait.
            if others and lock.is_new:
                ledger.unlock_email(lease, self.email)
            if others:
                return f"the address has {others[0].id}"
        # Under the lock, and last: it may have become somebody else's while this one waited.
        found = customers.retrieve(self.customer_id)
        if not isinstance(found, Done):
            return _NO_ANSWER
        if found.result is None or not found.result.belongs_to(lease.user):
            return "the customer does not name the user any more"
        written = customers.set_email(self.customer_id, self.email)
        return None if isinstance(written, Done) else _NO_ANSWER
