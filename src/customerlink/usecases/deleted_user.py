"""A user who was deleted in Auth0: what becomes of their customer, once their time has come.

Both sides are read again, then once more while nobody can sign up as the user. Nothing is done on a
day on which more are gone than a deployment lets go.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from customerlink.model.customer import Customer, NewCustomer
from customerlink.model.customer_values import LiveCustomer
from customerlink.model.deleted_user import Part, SeenGone, part
from customerlink.model.deletions import day_of, start_of
from customerlink.model.instruction import link_metadata
from customerlink.model.profile import Profile
from customerlink.model.rates import Endpoint
from customerlink.model.signup import SignUp
from customerlink.model.sync import SyncReason
from customerlink.model.sync_memory import AGAIN_SECONDS, Memory
from customerlink.model.sync_policy import DeletedUsers, SyncPolicy
from customerlink.model.usage import Subscriptions
from customerlink.model.user import CustomerId, Tenant, User
from customerlink.ports.customers import Done, Failure, NotSent, Unknown
from customerlink.ports.deadline import Clock
from customerlink.ports.deletions import Deletions
from customerlink.ports.ledger import ErasingLedger, LedgerView
from customerlink.ports.profiles import TenantUsers
from customerlink.ports.synced_customers import SyncedCustomers
from customerlink.usecases.delete_customer import reserve
from customerlink.usecases.link_accounts import Account, LinkFailure, Linking
from customerlink.usecases.synced import CHANGED_SINCE, NO_ANSWER, SyncOutcome

BEFORE_PARTING_SECONDS = 20.0
"""Within so long after the record's lease was taken it is begun, or not at all: what is sent then
has landed before the lease ends, even if its answer is lost."""

HELD_SECONDS = 3600.0
"""So often a day that is held is looked at: whoever approves it does not wait for long."""


class PartingInvocations(Protocol):
    """What a parting is made of: a method begins an invocation of its own."""

    def ahead(self, endpoints: Iterable[Endpoint]) -> AbstractContextManager[None]:
        """Wait for a turn at each endpoint; inside, nobody waits for any."""
        ...

    def synced_customers(self) -> SyncedCustomers:
        """Return Stripe's customers with their fields."""
        ...

    def view(self) -> LedgerView:
        """Return the ledger to look at."""
        ...

    def erasing_ledger(self) -> ErasingLedger:
        """Return the ledger, whose leases on records outlast whatever is sent under them."""
        ...

    def linking(self, primary: Account, secondary: Account) -> Linking:
        """Return what lets a linked account's customer follow into the primary."""
        ...

    def deletions(self, tenant: Tenant) -> Deletions:
        """Return the count of a tenant's deletions."""
        ...


@dataclass(frozen=True, slots=True)
class Parted:
    """What became of a user who is gone."""

    outcome: SyncOutcome
    memory: Memory | None
    """What is to be remembered; None where nothing is."""
    reason: SyncReason = SyncReason.USER_GONE
    why: str | None = None
    is_on_its_way: bool = False
    """Whether a write may be: until the leases have ended, nobody looks."""

    @classmethod
    def later(cls, memory: Memory, due_at: float) -> "Parted":
        """Return it for one whose time comes by itself."""
        moment = datetime.fromtimestamp(due_at, UTC).isoformat(timespec="minutes")
        memory = replace(memory.at_rest(), due_at=due_at)
        return cls(SyncOutcome.NOTHING, memory, why=f"their time comes at {moment}")


@dataclass(frozen=True)
class DeletedUser:
    """One whose memory this invocation has leased."""

    user: User
    customer_id: CustomerId
    profiles: TenantUsers
    invocations: PartingInvocations
    policy: SyncPolicy
    clock: Clock

    def carry_out(self, memory: Memory) -> Parted:
        """Let their time come, or do what is due."""
        primary = self.profiles.primary_of(self.user.user_id) if _is_new(memory) else None
        if primary is not None:
            # Linking deletes a user too, often: that is no deletion to be counted.
            return self.followed(memory, primary)
        now, deletions = self.clock.time(), self.invocations.deletions(self.user.tenant)
        until = self._until(memory, now, deletions)
        since = now if memory.gone_since is None else memory.gone_since
        known = memory.of_one_who_is_gone(self.customer_id, since, until)
        if now < until:
            return Parted.later(known, until)
        day = day_of(until)
        if deletions.due_on(day).is_held(self.policy.deletions_per_day):
            held = known.held_for(SyncReason.TOO_MANY_DELETIONS, now)
            soon = replace(held, due_at=now + HELD_SECONDS)
            return Parted(SyncOutcome.HELD, soon, SyncReason.TOO_MANY_DELETIONS)
        return _Parting(self, known, deletions, day).carry_out()

    def _until(self, memory: Memory, now: float, deletions: Deletions) -> float:
        """Say when their time comes, and count them on that day; once, unless it is put off."""
        until = memory.waited_until(self.policy.grace_seconds, now)
        if until <= now and not deletions.due_on(day_of(until)).due:
            # Whose day is forgotten is counted anew, and not carried out before all such are.
            until = now + HELD_SECONDS
        if until != memory.gone_until:
            deletions.count(day_of(until), day_of(now))
        return until

    def seen(self) -> tuple[SeenGone, Profile | None] | None:
        """Look at everything that it rests on; return the account that theirs is a part of, too.

        None where Stripe does not say what the customer is.
        """
        is_there = self.profiles.get(self.user.user_id) is not None
        primary = None if is_there else self.profiles.primary_of(self.user.user_id)
        customers = self.invocations.synced_customers()
        found = customers.look(self.customer_id)
        if not isinstance(found, Done):
            return None
        is_claimed = self.invocations.view().claimed_by(self.customer_id) is not None
        live = found.result if isinstance(found.result, LiveCustomer) else None
        subscriptions = self._subscriptions(customers) if live else Subscriptions.NONE
        carriers = {each.user_id for each in self.profiles.with_customer(self.customer_id)}
        seen = SeenGone(
            self.user,
            is_there,
            primary is not None,
            found.result,
            is_claimed,
            subscriptions,
            is_anothers=bool(carriers - {self.user.user_id}),
        )
        return seen, primary

    def _subscriptions(self, customers: SyncedCustomers) -> Subscriptions:
        """Ask for them where a deletion is meant; without an answer there may be one."""
        if self.policy.deleted_users is not DeletedUsers.DELETE:
            return Subscriptions.NONE
        found = customers.subscriptions(self.customer_id)
        return found.result if isinstance(found, Done) else Subscriptions.HIDDEN

    def followed(self, memory: Memory, primary: Profile) -> Parted:
        """Let the customer follow into the account that theirs was linked into."""
        staying = Account.of(User(self.user.tenant, primary.user_id), primary)
        leaving = Account(self.user, None, self.customer_id)
        followed = self.invocations.linking(staying, leaving).follow()
        if isinstance(followed, LinkFailure):
            if followed in (LinkFailure.IN_PROGRESS, LinkFailure.FAILED):
                return self.again(memory)
            return self.held(memory, SyncReason.MISMATCHED)
        if followed.customer_id not in (None, primary.customer_id):
            link = link_metadata(followed.customer_id)
            self.profiles.merge_app_metadata(primary.user_id, link)
        return Parted(SyncOutcome.DONE, None)

    def held(self, memory: Memory, reason: SyncReason) -> Parted:
        """Return it for one whom a person has to look at."""
        return Parted(SyncOutcome.HELD, memory.held_for(reason, self.clock.time()), reason)

    def again(self, memory: Memory) -> Parted:
        """Return it for one whom another try may mend."""
        due = replace(memory, due_at=self.clock.time() + AGAIN_SECONDS)
        return Parted(SyncOutcome.AGAIN, due, why=CHANGED_SINCE)


def _is_new(memory: Memory) -> bool:
    return memory.gone_until is None


@dataclass(frozen=True)
class _Parting:
    """One whose time has come."""

    gone: DeletedUser
    memory: Memory
    deletions: Deletions
    day: int

    def carry_out(self) -> Parted:
        """Do what both sides speak for."""
        gone, found = self.gone, self.gone.seen()
        if found is None:
            return gone.again(self.memory)
        seen, primary = found
        act, reason = part(seen, gone.policy.deleted_users)
        if act is Part.FOLLOW and primary is not None:
            return gone.followed(self.memory, primary)
        if act is Part.HOLD:
            return gone.held(self.memory, reason)
        if seen.is_there:
            return gone.again(self.memory.of_one_who_is_there())
        if act is Part.NOTHING or not isinstance(seen.customer, LiveCustomer):
            return Parted(SyncOutcome.DONE, None, reason)
        return self._reserved(act, seen.customer.customer.email)

    def _reserved(self, act: Part, email: str | None) -> Parted:
        """Do it in the name of their record, which no login of theirs can open meanwhile."""
        gone, ledger = self.gone, self.gone.invocations.erasing_ledger()
        began, signup = gone.clock.time(), SignUp(gone.user, logins_count=0)
        reserved = reserve(ledger, gone.user, NewCustomer.of(signup, email) if email else None)
        if reserved is None:
            return gone.again(self.memory)
        lease, recorded = reserved.lease, reserved.recorded
        if lease.adopting or lease.has_create_under_way(began):
            ledger.release(lease)
            return gone.again(self.memory)
        is_another = recorded is not None and recorded.customer_id != gone.customer_id
        try:
            stopped = gone.again(self.memory) if is_another else self._why_not(act, began)
        except Exception:
            # Nothing was sent, so nobody has to wait for it.
            reserved.restore(ledger)
            raise
        sent = NotSent() if stopped else self._sent(act, ledger)
        if isinstance(sent, Unknown):
            return Parted(SyncOutcome.AGAIN, self.memory, why=NO_ANSWER, is_on_its_way=True)
        if not isinstance(sent, Done):
            reserved.restore(ledger)
            return stopped or gone.again(self.memory)
        # What they had names nobody any more: should they be back, there is nothing to go by.
        ledger.close(replace(lease, had=None), is_gone=True)
        return Parted(SyncOutcome.DONE, None)

    def _why_not(self, act: Part, began: float) -> Parted | None:
        """Look once more; then count it, if the day has room."""
        gone, found = self.gone, self.gone.seen()
        now, policy = gone.clock.time(), gone.policy
        is_as_it_was = found is not None and part(found[0], policy.deleted_users)[0] is act
        if not is_as_it_was or now - began > BEFORE_PARTING_SECONDS:
            return gone.again(self.memory)
        if self.deletions.begin(self.day, day_of(now), policy.deletions_per_day):
            return None
        return Parted.later(self.memory, start_of(day_of(now) + 1))

    def _sent(self, act: Part, ledger: ErasingLedger) -> Done[bool] | Done[Customer] | Failure:
        gone, customers = self.gone, self.gone.invocations.synced_customers()
        # Before: until it names nobody, nobody else can have it; and then who may have it, can.
        ledger.disclaim(gone.user, gone.customer_id)
        if act is Part.DELETE:
            return customers.delete(gone.customer_id)
        return customers.unlink(gone.customer_id, gone.user.user_id)
