"""One user and their customer made to agree again, whatever has become of either since.

Both sides are read, a pure function decides (`model.sync`), and at most one write goes to each
side. What leads to a link goes the one way in: the record is settled before anything is written.
Nothing of it is called at a sign-up.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from customerlink.model.customer import Customer
from customerlink.model.customer_values import EMAIL, LiveCustomer, Told, Values
from customerlink.model.errors import CustomerLinkError, LedgerUnavailableError
from customerlink.model.instruction import Metadata, link_metadata, unlinked_metadata
from customerlink.model.listed_customer import Absence
from customerlink.model.signup import SignUp
from customerlink.model.sync import Decision, Seen, SyncAct, SyncReason, SyncRules, decide
from customerlink.model.sync_memory import AGAIN_SECONDS, Hints, Memory, SyncLease
from customerlink.model.user import CustomerId, User, UserId
from customerlink.ports.customers import Done, Failure, NotSent, Unknown
from customerlink.ports.deadline import Clock
from customerlink.ports.ledger import LedgerView
from customerlink.ports.profiles import Profiles
from customerlink.ports.sync_ledger import SyncLedger
from customerlink.ports.synced_customers import SyncedCustomers
from customerlink.usecases.change_address import PASSES, AddressChange, is_taken
from customerlink.usecases.open_sign_up import Settled
from customerlink.usecases.provision_existing import provision_existing
from customerlink.usecases.settle import Settling

BUSY = "the user is being looked at: again in two minutes"
NO_ANSWER = "Stripe did not answer as it should: again in two minutes"
CHANGED_SINCE = "it has changed since it was looked at: again"
NO_LEDGER = "the ledger did not answer: again in two minutes"
_PASSES = PASSES | {BUSY, NO_ANSWER, CHANGED_SINCE}

_ACTIVE = (SyncAct.COMPARE, SyncAct.LINK, SyncAct.CLEAR, SyncAct.RECREATE)


class SyncInvocations(Protocol):
    """What a reconciliation is made of; each method begins an invocation of its own."""

    def settling(self, signup: SignUp) -> Settling:
        """Return what settles a record, and makes a customer."""
        ...

    def syncing(self, signup: SignUp, customer_id: CustomerId) -> tuple[Settling, SyncedCustomers]:
        """Return what settles a record and makes none, and the customers within its budget."""
        ...

    def synced_customers(self) -> SyncedCustomers:
        """Return Stripe's customers with their fields."""
        ...

    def sync_ledger(self) -> SyncLedger:
        """Return what remembers, for as long as one reconciliation may take."""
        ...

    def view(self) -> LedgerView:
        """Return the ledger to look at."""
        ...


class SyncOutcome(StrEnum):
    """How a reconciliation ended."""

    DONE = "done"
    """Something was written."""
    NOTHING = "nothing"
    HELD = "held"
    """It is for a person to look at."""
    AGAIN = "again"
    """Another try may mend it by itself."""


_PASSIVE = {
    SyncAct.NOTHING: SyncOutcome.NOTHING,
    SyncAct.WAIT: SyncOutcome.AGAIN,
    SyncAct.HOLD: SyncOutcome.HELD,
}


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of a user."""

    outcome: SyncOutcome
    decision: Decision | None = None
    """None where another invocation was at it."""
    why: str | None = None

    @property
    def reason(self) -> SyncReason | None:
        """Return why it ended so, in one word."""
        if is_taken(self.why):
            return SyncReason.EMAIL_TAKEN
        return self.decision.reason if self.decision else None

    def left(self, memory: Memory, now: float) -> Memory:
        """Return what is remembered, with when the user is to be looked at again, if at all."""
        if self.outcome is SyncOutcome.AGAIN:
            return memory.put_off(now)
        is_held = self.outcome is SyncOutcome.HELD
        return memory.held_for(str(self.reason), now) if is_held else memory.at_rest()


_NOTHING_TOLD = Told()


class UnansweredError(CustomerLinkError):
    """Stripe did not say what a customer is: that is never taken for "there is none"."""


@dataclass(frozen=True)
class Sync:
    """Reconciles one user at a time, by the rules of a deployment."""

    profiles: Profiles
    invocations: SyncInvocations
    rules: SyncRules
    clock: Clock

    def plan(self, user: User) -> Decision:
        """Say what is to be done; nothing is written. Raise `UnansweredError` without an answer."""
        memory = self.invocations.sync_ledger().recall(user)
        return self.decision(user, memory, self.invocations.synced_customers())

    def reconcile(self, user: User, told: Told = _NOTHING_TOLD) -> Synced:
        """Carry out what is to be done, while nobody else does.

        What is held is due again by itself; of what may be mended by another try, who asked for it
        asks again, or parks the user.
        """
        try:
            return self._reconciled(user, told, self.invocations.sync_ledger())
        except LedgerUnavailableError:
            return Synced(SyncOutcome.AGAIN, why=NO_LEDGER)

    def park(self, user: User, told: Told = _NOTHING_TOLD, seconds: float = AGAIN_SECONDS) -> None:
        """Let the ledger remember that a user is to be looked at, and what events said.

        Raise `LedgerUnavailableError` if it did not take it.
        """
        due_at = self.clock.time() + seconds
        self.invocations.sync_ledger().park(user, due_at, self._hints(told))

    def _hints(self, told: Told) -> Hints:
        return self.rules.digests.hints(each.values for each in told.hints)

    def _reconciled(self, user: User, told: Told, ledger: SyncLedger) -> Synced:
        lease = ledger.take(user)
        if lease is None:
            return Synced(SyncOutcome.AGAIN, why=BUSY)
        lease = replace(lease, memory=lease.memory.hinted(self._hints(told)))
        try:
            customers = self.invocations.synced_customers()
            decision = self.decision(user, lease.memory, customers, told)
        except Exception as error:
            # Nothing was written, so nobody has to wait for it.
            ledger.give_back(lease, lease.memory.put_off(self.clock.time()))
            if isinstance(error, UnansweredError):
                return Synced(SyncOutcome.AGAIN, why=NO_ANSWER)
            raise
        return _Reconciliation(self, ledger, lease, told, decision).carry_out()

    def decision(
        self,
        user: User,
        memory: Memory,
        customers: SyncedCustomers,
        told: Told = _NOTHING_TOLD,
    ) -> Decision:
        """Look at both sides, and at the record; decide."""
        profile = self.profiles.get(user.user_id)
        standing = self.invocations.view().standing(user)
        known = profile.customer_id if profile else None
        customer_id = known or standing.customer_id or memory.customer_id
        customer = (
            _looked_at(customers, customer_id)
            if customer_id
            else _told_of(customers, user, told.customer_id)
        )
        recorded, is_open = standing.customer_id, standing.is_open
        seen = Seen(user, profile, customer, recorded, is_open, memory, told.edits)
        return decide(seen, self.rules, self.clock.time())

    def is_about_to_move(self, customer: Customer, user: User) -> bool:
        """Return whether its own user, another one of the tenant's, gives its address up.

        Two users who swap their addresses would wait for each other for ever.
        """
        if not customer.is_of_a_user(user.tenant) or customer.belongs_to(user):
            return False
        plan = self.plan(User(user.tenant, UserId(str(customer.auth0_user_id))))
        return plan.customer_id == customer.id and EMAIL in plan.writes


def _looked_at(customers: SyncedCustomers, customer_id: CustomerId) -> LiveCustomer | Absence:
    found = customers.look(customer_id)
    if not isinstance(found, Done):
        raise UnansweredError("Stripe did not say what the customer is")
    return found.result


def _told_of(
    customers: SyncedCustomers, user: User, customer_id: CustomerId | None
) -> LiveCustomer | None:
    """Return a customer that only events know of, where it names the user: else it is nobody's."""
    found = _looked_at(customers, customer_id) if customer_id else None
    if isinstance(found, LiveCustomer) and found.customer.belongs_to(user):
        return found
    return None


@dataclass
class _Reconciliation:
    """One user's, whose lease this invocation has."""

    sync: Sync
    ledger: SyncLedger
    lease: SyncLease
    told: Told
    decision: Decision
    sent: Done[Customer] | Failure | None = None
    """What became of the write to Stripe, once it was begun."""
    written: Values = field(default_factory=dict)
    is_profile_written: bool = False

    @property
    def user(self) -> User:
        return self.lease.user

    def carry_out(self) -> Synced:
        """Do it, write down what came of it, and end the lease unless a write may be on its way."""
        act = self.decision.act
        if act not in _ACTIVE:
            return self._ended(Synced(_PASSIVE[act], self.decision), self.lease.memory)
        why = self._acted(act)
        if isinstance(self.sent, Unknown):
            # Until the lease has ended, no successor sees a customer that may change by itself.
            return Synced(SyncOutcome.AGAIN, self.decision, NO_ANSWER)
        return self._ended(Synced(self._outcome(why), self.decision, why), self._memory(act))

    def _ended(self, synced: Synced, memory: Memory) -> Synced:
        self.ledger.give_back(self.lease, synced.left(memory, self.sync.clock.time()))
        return synced

    def _acted(self, act: SyncAct) -> str | None:
        acts: dict[SyncAct, Callable[[], str | None]] = {
            SyncAct.COMPARE: self._compare,
            SyncAct.LINK: self._link,
            SyncAct.CLEAR: self._clear,
            SyncAct.RECREATE: self._recreate,
        }
        return acts[act]()

    def _memory(self, act: SyncAct) -> Memory:
        if act in (SyncAct.CLEAR, SyncAct.RECREATE):
            return self.lease.memory
        return self.decision.outcome(self.sync.clock.time(), self.written)

    def _outcome(self, why: str | None) -> SyncOutcome:
        if why is not None:
            return SyncOutcome.AGAIN if why in _PASSES else SyncOutcome.HELD
        if self.written or self.is_profile_written:
            return SyncOutcome.DONE
        is_in_order = self.decision.reason is SyncReason.IN_ORDER
        return SyncOutcome.NOTHING if is_in_order else SyncOutcome.HELD

    # The fields

    def _compare(self) -> str | None:
        """Write what is to be written; the record learns of the link before."""
        writes = self.decision.writes
        if EMAIL not in writes:
            return self._fields(writes)
        why = self._address(writes)
        rest = {name: each for name, each in writes.items() if name != EMAIL}
        if why is None or self.sent is not None or not rest:
            return why
        # The address is somebody else's: that is no reason to leave the rest.
        return self._fields(rest) or why

    def _address(self, writes: Values) -> str | None:
        settling, customers = self._syncing()
        return AddressChange(
            settling,
            self._customer_id,
            str(self.decision.address),
            write=lambda: self._write(customers, writes),
            may_share=lambda other: self.sync.is_about_to_move(other, self.user),
        ).carry_out()

    def _fields(self, writes: Values) -> str | None:
        settling, customers = self._syncing()
        why = self._why_not_settled(settling)
        if why is not None or not writes:
            return why
        written = self._write(customers, writes)
        if self.sent is None:
            return CHANGED_SINCE
        return None if isinstance(written, Done) else NO_ANSWER

    def _write(self, customers: SyncedCustomers, values: Values) -> Done[Customer] | Failure:
        """Write what both sides still speak for; what is about to be written is noted before."""
        again = self._again(customers)
        is_as_it_was = again is not None and again.writes == self.decision.writes
        if not is_as_it_was or not self.ledger.remember(self.lease, self.decision.intent(values)):
            return NotSent()
        self.sent = customers.update(self._customer_id, values)
        self.written = values if isinstance(self.sent, Done) else {}
        return self.sent

    def _again(self, customers: SyncedCustomers) -> Decision | None:
        """Decide once more, by what is there now; None without an answer."""
        try:
            return self.sync.decision(self.user, self.lease.memory, customers, self.told)
        except UnansweredError:
            return None

    def _why_not_settled(self, settling: Settling) -> str | None:
        outcome = settling.settle()
        if not isinstance(outcome, Settled):
            return str(outcome.reason)
        is_it = outcome.customer_id == self._customer_id
        return None if is_it else f"the user has {outcome.customer_id or 'no customer'}"

    # The link

    def _link(self) -> str | None:
        settling, customers = self._syncing()
        why = self._why_not_settled(settling)
        if why is not None:
            return why
        again = self._again(customers)
        if again is None or again.act is not SyncAct.LINK:
            return CHANGED_SINCE
        self._write_profile(link_metadata(self._customer_id))
        return self._compare() if self.decision.writes else None

    def _clear(self) -> str | None:
        again = self._again(self.sync.invocations.synced_customers())
        if again is None or again.act is not self.decision.act:
            return CHANGED_SINCE
        if again.customer_id is not None:
            self._write_profile(unlinked_metadata())
        return None

    def _recreate(self) -> str | None:
        """Make another customer, as the sign-up would."""
        why = self._clear()
        if why is not None:
            return why
        invocations, profiles = self.sync.invocations, self.sync.profiles
        made = provision_existing(self.user, profiles, invocations.settling)
        self.is_profile_written = True
        return None if isinstance(made, Settled) else str(made.reason)

    def _write_profile(self, metadata: Metadata) -> None:
        written = self.sync.profiles.merge_app_metadata(self.user.user_id, metadata)
        self.is_profile_written = self.is_profile_written or written

    @property
    def _customer_id(self) -> CustomerId:
        return CustomerId(str(self.decision.customer_id))

    def _syncing(self) -> tuple[Settling, SyncedCustomers]:
        signup = SignUp(self.user, logins_count=0)
        return self.sync.invocations.syncing(signup, self._customer_id)
