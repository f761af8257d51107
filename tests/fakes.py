"""The ports, faked: scripts of answers, and a log of what was asked."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from customerlink.customers import Customer, Customers, Done, NewCustomer
from customerlink.errors import LedgerUnavailableError
from customerlink.instruction import Reason
from customerlink.ledger import Busy, Lease, Ledger, Linked
from customerlink.run import Clock
from customerlink.user import CustomerId, Tenant, User, UserId

ADA = User(Tenant("acme"), UserId("auth0|ada"))
NOW = 1_795_000_000.0


class FakeClock(Clock):
    """A clock that moves only when somebody sleeps."""

    def __init__(self, now: float = NOW) -> None:
        """Start at a moment."""
        self.now = now

    def time(self) -> float:
        """Give the moment."""
        return self.now

    def monotonic(self) -> float:
        """Give the same."""
        return self.now

    def sleep(self, seconds: float, /) -> None:
        """Move on."""
        self.now += seconds


@dataclass
class FakeLedger(Ledger):
    """A ledger that answers from a script."""

    known: bool = False
    opened: list[Lease | Linked | Busy] = field(default_factory=list)
    reopened: Lease | Busy = field(default_factory=Busy)
    raised: Lease | Busy | None = None
    locks: bool = True
    links: bool = True
    claims: bool = True
    broken: frozenset[str] = frozenset()
    calls: list[Any] = field(default_factory=list)

    def _called(self, name: str, *args: object) -> None:
        self.calls.append((name, *args) if args else name)
        if name in self.broken:
            raise LedgerUnavailableError

    def knows(self, user: User) -> bool:
        """Answer `known`."""
        self._called("knows")
        return self.known

    def open(self, user: User, email: str | None) -> Lease | Linked | Busy:
        """Answer the next of `opened`; the last one for ever."""
        self._called("open", email)
        if not self.opened:
            return Lease(user, 1, 1, NOW)
        return self.opened.pop(0) if len(self.opened) > 1 else self.opened[0]

    def reopen(self, user: User, stale: Linked, email: str | None) -> Lease | Busy:
        """Answer `reopened`."""
        self._called("reopen", stale.customer_id)
        return self.reopened

    def next_attempt(self, lease: Lease) -> Lease | Busy:
        """Answer `raised`, or the next attempt."""
        self._called("next_attempt")
        return self.raised or Lease(lease.user, lease.epoch, lease.attempt + 1, NOW)

    def link(self, lease: Lease, customer_id: CustomerId) -> bool:
        """Answer `links`."""
        self._called("link", customer_id)
        return self.links

    def refuse(self, lease: Lease, reason: Reason) -> None:
        """Note the reason."""
        self._called("refuse", reason)

    def release(self, lease: Lease, *, mismatched: bool = False) -> None:
        """Note it."""
        self._called("mismatched" if mismatched else "release")

    def lock_email(self, lease: Lease, email: str) -> bool:
        """Answer `locks`."""
        self._called("lock_email")
        return self.locks

    def claim(self, lease: Lease, customer_id: CustomerId, instead_of: User | None = None) -> bool:
        """Answer `claims`."""
        self._called("claim", customer_id)
        return self.claims

    def unlock_email(self, lease: Lease, email: str) -> None:
        """Note it."""
        self._called("unlock_email")


@dataclass
class FakeCustomers(Customers):
    """A Stripe with scripted look-ups and creates."""

    listed: dict[str, Any] = field(default_factory=dict)
    retrieved: Any = field(default_factory=lambda: Done(None))
    created: list[Any] = field(default_factory=list)
    adopted: Any = None
    calls: list[Any] = field(default_factory=list)

    def list_by_email(self, email: str) -> Any:
        """Answer what `listed` has for the address: customers, or an outcome."""
        self.calls.append(("list", email))
        found = self.listed.get(email, ())
        if isinstance(found, list):
            found = found.pop(0)
        return Done(tuple(found)) if isinstance(found, Iterable) else found

    def retrieve(self, customer_id: CustomerId) -> Any:
        """Answer `retrieved`."""
        self.calls.append(("retrieve", customer_id))
        return self.retrieved

    def adopt(self, customer_id: CustomerId, user: User) -> Any:
        """Answer `adopted`, or the customer, naming the user."""
        self.calls.append(("adopt", customer_id))
        return self.adopted or Done(customer_of(user, customer_id))

    def supersede(self, customer_id: CustomerId, by: CustomerId) -> Any:
        """Note it."""
        self.calls.append(("supersede", customer_id, by))
        return Done(Customer(customer_id))

    def create(self, new: NewCustomer, idempotency_key: str) -> Any:
        """Answer the next of `created`, or a customer of the user's."""
        self.calls.append(("create", new.email, idempotency_key))
        return self.created.pop(0) if self.created else Done(customer_of(new.user))


def customer_of(user: User, customer_id: str = "cus_new", **fields: Any) -> Customer:
    """Give a customer whose metadata names the user."""
    return Customer(CustomerId(customer_id), user.user_id, user.tenant, **fields)
