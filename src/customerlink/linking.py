"""Two accounts of one person that Auth0 has linked: their Stripe customers follow.

The primary keeps its customer; if only the secondary had one, it becomes the primary's; if both
had, the secondary's stays as it is and says by which it is superseded. Each step may be repeated.
"""

from dataclasses import dataclass
from enum import StrEnum

from customerlink.customers import Customer, Customers, Done, Failure
from customerlink.errors import LedgerUnavailableError
from customerlink.ledger import Busy, Lease, Ledger, Linked
from customerlink.run import Run
from customerlink.user import CustomerId, User


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Followed:
    """The customer that the primary has now, if any, and those that it supersedes."""

    customer_id: CustomerId | None
    superseded: tuple[CustomerId, ...] = ()


class _TroubleError(Exception):
    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
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
            leaving = self._customers_of(self.secondary)
            staying = self._kept(leaving[0]) if leaving else self._own()
            others = [each.id for each in leaving if each.id != staying]
            for each in others:
                _result(self.customers.supersede(each, staying or each))
            return Followed(staying, tuple(others))
        except _TroubleError as error:
            return error.trouble
        except LedgerUnavailableError:
            return Trouble.FAILED

    def _own(self) -> CustomerId | None:
        own = self._customers_of(self.primary)
        return own[0].id if own else None

    def _customers_of(self, account: Account) -> list[Customer]:
        """Give the customers that name the account, the oldest first."""
        found: dict[CustomerId, Customer] = {}
        if account.customer_id is not None:
            named = _result(self.customers.retrieve(account.customer_id))
            found |= {named.id: named} if named else {}
        for address in {account.email, account.email.lower()} if account.email else ():
            found |= {each.id: each for each in _result(self.customers.list_by_email(address))}
        own = [each for each in found.values() if each.belongs_to(account.user)]
        return sorted(own, key=lambda each: (each.created, each.id))

    def _kept(self, leaving: Customer) -> CustomerId:
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
            own = self._own() or self._moved(opened, leaving)
        except _TroubleError:
            self.ledger.release(opened)
            raise
        if not self.ledger.link(opened, own):
            raise _TroubleError(Trouble.IN_PROGRESS)
        return own

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
