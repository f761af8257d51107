"""The ports, faked: scripts of answers, and a log of what was asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from customerlink.model.customer import Customer, NewCustomer, named_by
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.instruction import Reason
from customerlink.model.profile import Profile
from customerlink.model.rates import Endpoint
from customerlink.model.sign_up_record import Adoption, Busy, Lease, Linked, Lock
from customerlink.model.user import CustomerId, Tenant, User, UserId
from customerlink.ports.customers import Customers, Done
from customerlink.ports.deadline import Clock
from customerlink.ports.ledger import Ledger
from customerlink.ports.profiles import Profiles
from customerlink.ports.rate import RateLimiter, Rates
from customerlink.ports.refusals import Refusals

ADA = User(Tenant("acme"), UserId("auth0|ada"))
NOW = 1_795_000_000.0


class FakeClock(Clock):
    """A clock that moves only when somebody sleeps."""

    def __init__(self, now: float = NOW) -> None:
        """Start at a moment."""
        self.now = now

    def time(self) -> float:
        """Return the moment."""
        return self.now

    def monotonic(self) -> float:
        """Return the same."""
        return self.now

    def sleep(self, seconds: float, /) -> None:
        """Move on."""
        self.now += seconds


@dataclass
class FakeLedger(Ledger):
    """A ledger that answers from a script."""

    known: bool = False
    installed: float = NOW
    opened: list[Lease | Linked | Busy] = field(default_factory=list)
    reopened: Lease | Busy = field(default_factory=Busy)
    raised: Lease | Busy | None = None
    holder: User | None = None
    is_unlocked: bool = True
    holders: list[User | None] = field(default_factory=list)
    links: bool = True
    claims: bool = True
    broken: frozenset[str] = frozenset()
    calls: list[Any] = field(default_factory=list)
    ended: Lease | None = None

    def _called(self, name: str, *args: object) -> None:
        self.calls.append((name, *args) if args else name)
        if name in self.broken:
            raise LedgerUnavailableError

    def installed_at(self) -> float:
        """Answer `installed`."""
        if "installed_at" in self.broken:
            raise LedgerUnavailableError
        return self.installed

    def has_record(self, user: User) -> bool:
        """Answer `known`."""
        self._called("has_record")
        return self.known

    def open(
        self, user: User, create: NewCustomer | None, *, admission: bool
    ) -> Lease | Linked | Busy:
        """Answer the next of `opened`; the last one for ever. What is to be created is frozen."""
        self._called("open", create.email if create else None)
        if not self.opened:
            return Lease(user, 1, 1, NOW, create=create, admitted=admission)
        opened = self.opened.pop(0) if len(self.opened) > 1 else self.opened[0]
        if isinstance(opened, Lease) and opened.create is None:
            return replace(opened, create=create)
        return opened

    def reopen(self, user: User, stale: Linked, create: NewCustomer | None) -> Lease | Busy:
        """Answer `reopened`."""
        self._called("reopen", stale.customer_id)
        reopened = self.reopened
        return replace(reopened, create=create) if isinstance(reopened, Lease) else reopened

    def next_attempt(self, lease: Lease, create: NewCustomer) -> Lease | Busy:
        """Answer `raised`, or the next attempt."""
        self._called("next_attempt")
        return self.raised or replace(lease, attempt=lease.attempt + 1, create=create)

    def link(self, lease: Lease, customer_id: CustomerId) -> bool:
        """Answer `links`."""
        self._called("link", customer_id)
        return self.links

    def restore(self, lease: Lease, recorded: Linked) -> bool:
        """Answer `links`."""
        self.ended = lease
        self._called("restore", recorded.customer_id)
        return self.links

    def refuse(self, lease: Lease, reason: Reason) -> None:
        """Note the reason, and the lease."""
        self.ended = lease
        self._called("refuse", reason)

    def close(self, lease: Lease, *, is_gone: bool = False) -> bool:
        """Note it, and the lease; answer `links`."""
        self.ended = lease
        self._called("close")
        return self.links

    def release(self, lease: Lease) -> None:
        """Note it, and the lease."""
        self.ended = lease
        self._called("release")

    def begin_adoption(self, lease: Lease, adoption: Adoption) -> Lease | Busy:
        """Note it."""
        self._called("begin_adoption", adoption.customer_id)
        return replace(lease, adopting=adoption, sends_update=True) if self.links else Busy()

    def claim(self, user: User, adoption: Adoption) -> bool:
        """Answer `claims`."""
        self._called("claim", adoption.customer_id)
        return self.claims

    def reclaim(self, user: User, customer_id: CustomerId) -> bool:
        """Answer `claims`."""
        self._called("reclaim", customer_id)
        return self.claims

    def lock_email(self, lease: Lease, email: str) -> Lock:
        """Answer the next of `holders`; after those, `holder`; or the user, newly or again."""
        self._called("lock_email")
        holder = self.holders.pop(0) if self.holders else self.holder
        is_mine = holder is None
        return Lock(holder or lease.user, is_mine=is_mine, is_new=is_mine and self.is_unlocked)

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
    deleted: Any = field(default_factory=lambda: Done(result=True))
    shown: dict[CustomerId, Customer] = field(default_factory=dict)
    now: dict[str, Any] = field(default_factory=dict)
    calls: list[Any] = field(default_factory=list)

    def list_by_email(self, email: str) -> Any:
        """Answer what `listed` has for the address: customers, or an outcome."""
        self.calls.append(("list", email))
        found = self.listed.get(email, ())
        if isinstance(found, list):
            found = found.pop(0)
        if not isinstance(found, Iterable):
            return found
        self.shown |= {each.id: each for each in found}
        return Done(tuple(found))

    def retrieve(self, customer_id: CustomerId) -> Any:
        """Answer what is `now` under the id, what a list has shown there, or `retrieved`."""
        self.calls.append(("retrieve", customer_id))
        if customer_id in self.now:
            return self.now[customer_id]
        found = self.shown.get(customer_id)
        return self.retrieved if found is None else Done(found)

    def is_deleted(self, customer_id: CustomerId) -> Any:
        """Answer `deleted`."""
        return self.deleted

    def adopt(self, customer_id: CustomerId, user: User) -> Any:
        """Answer `adopted`, or the customer, naming the user."""
        self.calls.append(("adopt", customer_id))
        return self.adopted or Done(customer_of(user, customer_id))

    def set_email(self, customer_id: CustomerId, email: str) -> Any:
        """Note it."""
        self.calls.append(("set_email", customer_id, email))
        return Done(Customer(customer_id))

    def supersede(self, customer_id: CustomerId, by: CustomerId) -> Any:
        """Note it."""
        self.calls.append(("supersede", customer_id, by))
        return Done(Customer(customer_id))

    def create(self, new: NewCustomer, idempotency_key: str) -> Any:
        """Answer the next of `created`, or a customer of the user's."""
        self.calls.append(("create", new.email, idempotency_key))
        metadata = new.params["metadata"]
        user = User(metadata["auth0_tenant"], UserId(named_by(metadata) or ""))
        return self.created.pop(0) if self.created else Done(customer_of(user))


PROFILE = Profile(
    ADA.user_id, "ada@example.com", email_verified=True, name="Ada", marker="unfinished"
)


@dataclass
class FakeProfiles(Profiles):
    """A tenant with one user, or none."""

    profile: Profile | None = PROFILE
    is_there_to_write: bool = True
    written: list[dict[str, str | None]] = field(default_factory=list)

    def get(self, user_id: str) -> Profile | None:
        """Return the profile."""
        assert user_id == ADA.user_id
        return self.profile

    def with_address(self, email: str) -> list[Profile]:
        """Return the user, whose address it is."""
        return [self.profile] if self.profile and self.profile.email == email else []

    def merge_app_metadata(self, user_id: str, changes: Mapping[str, str | None]) -> bool:
        """Note the changes."""
        assert user_id == ADA.user_id
        self.written.append(dict(changes))
        return self.is_there_to_write


@dataclass
class FakeRefusals(Refusals):
    """A ledger that knows some refusals."""

    reasons: dict[UserId, Reason] = field(default_factory=dict)

    def of(self, users: Sequence[UserId]) -> dict[UserId, Reason]:
        """Return those of the users who are asked for."""
        return {each: self.reasons[each] for each in users if each in self.reasons}


def customer_of(user: User, customer_id: str = "cus_new", **fields: Any) -> Customer:
    """Return a customer whose metadata names the user."""
    return Customer(CustomerId(customer_id), user.user_id, user.tenant, **fields)


class Counted(RateLimiter, Rates):
    """A pace that counts."""

    def __init__(self) -> None:
        """Start with nobody."""
        self.turns = 0
        self.pauses: list[float] = []
        self.asked: list[Endpoint] = []
        self.slowed = 0

    def of(self, endpoint: Endpoint) -> RateLimiter:
        """Be one for all, and note for which."""
        self.asked.append(endpoint)
        return self

    def slow(self) -> None:
        """Count."""
        self.slowed += 1

    def take(self) -> None:
        """Count."""
        self.turns += 1

    def pause(self, seconds: float) -> None:
        """Note."""
        self.pauses.append(seconds)
