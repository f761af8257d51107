"""Two accounts of one person that Auth0 has linked: their Stripe customers follow.

The primary keeps its customer; if only the secondary had one, it becomes the primary's; if both
had, the secondary's stays as it is and says by which it is superseded. Each step may be repeated.
"""

from enum import StrEnum

from customerlink.customers import Customer, Customers, Done, Failure
from customerlink.errors import LedgerUnavailableError
from customerlink.frozen import frozen
from customerlink.ledger import Busy, Lease, Ledger, Linked
from customerlink.run import Run
from customerlink.user import CustomerId, User


@frozen
class Account:
    """One of the two, as far as customers are concerned."""

    user: User
    email: str | None
    customer_id: CustomerId | None
    """What its profile says."""


class Trouble(StrEnum):
    """Why the customers have not followed yet; another try may do."""

    IN_PROGRESS = "in_progress"
    FAILED = "provisioning_failed"


@frozen
class Followed:
    """The customer that the primary has now, if any, and those that it supersedes."""

    customer_id: CustomerId | None
    superseded: tuple[CustomerId, ...] = ()


class _TroubleError(Exception):
    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble


@frozen
class Linking:
    """Lets a secondary's customers follow into the primary."""

    primary: Account
    secondary: Account
    ledger: Ledger
    customers: Customers
    run: Run

    def follow(self) -> Followed | Trouble:
        """Carry out; an interrupted one is finished by another call."""
        try:
            found = self._customers()
            leaving = [each for each in found if each.belongs_to(self.secondary.user)]
            own = [each for each in found if each.belongs_to(self.primary.user)]
            if not (own or leaving):
                return Followed(None)
            staying = self._kept(own, leaving)
            others = tuple(each.id for each in leaving if each.id != staying)
            for each in others:
                _result(self.customers.supersede(each, staying))
            return Followed(staying, others)
        except _TroubleError as error:
            return error.trouble
        except LedgerUnavailableError:
            return Trouble.FAILED

    def _customers(self) -> list[Customer]:
        """Give what either account's id and address lead to, the oldest first.

        A customer that moved before an interruption has the secondary's address.
        """
        found: dict[CustomerId, Customer] = {}
        accounts = (self.primary, self.secondary)
        for customer_id in {each.customer_id for each in accounts if each.customer_id}:
            named = _result(self.customers.retrieve(customer_id))
            found |= {named.id: named} if named else {}
        emails = {each.email for each in accounts if each.email}
        for address in sorted(emails | {each.lower() for each in emails}):
            found |= {each.id: each for each in _result(self.customers.list_by_email(address))}
        return sorted(found.values(), key=lambda each: (each.created, each.id))

    def _kept(self, own: list[Customer], leaving: list[Customer]) -> CustomerId:
        """Give the primary's customer; the secondary's, if there is none."""
        opened = self.ledger.open(self.primary.user, None)
        if isinstance(opened, Linked):
            recorded = _result(self.customers.retrieve(opened.customer_id))
            if recorded and recorded.belongs_to(self.primary.user):
                return recorded.id
            opened = self.ledger.reopen(self.primary.user, opened, None)
        if isinstance(opened, Busy):
            raise _TroubleError(Trouble.IN_PROGRESS)
        try:
            kept = own[0].id if own else self._moved(opened, leaving[0])
        except _TroubleError:
            self.ledger.release(opened)
            raise
        if not self.ledger.link(opened, kept):
            raise _TroubleError(Trouble.IN_PROGRESS)
        return kept

    def _moved(self, lease: Lease, leaving: Customer) -> CustomerId:
        """Let the secondary's customer name the primary, unless a create of its own may come."""
        if lease.has_create_under_way(self.run.clock.time()):
            raise _TroubleError(Trouble.IN_PROGRESS)
        if not self.ledger.claim(lease, leaving.id, instead_of=self.secondary.user):
            raise _TroubleError(Trouble.FAILED)
        return _result(self.customers.adopt(leaving.id, self.primary.user)).id


def _result[Result](outcome: Done[Result] | Failure) -> Result:
    if not isinstance(outcome, Done):
        raise _TroubleError(Trouble.FAILED)
    return outcome.result
