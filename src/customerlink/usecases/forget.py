"""Forget: a person erased from Stripe and the ledger, and from Auth0 where that is asked for.

No mark is left: what comes late of events finds nobody, and makes nothing. Interrupted anywhere,
the same call ends it: what leads to the rest goes last.
"""

from collections.abc import Callable
from dataclasses import dataclass

from customerlink.model.customer import FORMER, Customer, NewCustomer
from customerlink.model.rates import A_WRITE
from customerlink.model.sign_up_record import SETTLED_SECONDS
from customerlink.model.signup import SignUp
from customerlink.model.sync_memory import SyncLease
from customerlink.model.user import User, UserId, registrant_id
from customerlink.ports.customers import Done, Failure
from customerlink.ports.ledger import ErasingLedger
from customerlink.ports.sync_ledger import SyncLedger
from customerlink.usecases.delete_customer import Reserved, reserve
from customerlink.usecases.deleted_user import BEFORE_PARTING_SECONDS
from customerlink.usecases.person import NamedCustomer, Person, Traces
from customerlink.usecases.synced import BUSY, NO_ANSWER
from customerlink.usecases.whose_customer import RUNNING

TOO_LATE = "a service took too long: again in two minutes"


@dataclass
class Forgotten:
    """What was done; `why` where it did not come to its end."""

    deleted: int = 0
    unlinked: int = 0
    users: int = 0
    items: int = 0
    why: str | None = None


@dataclass(frozen=True)
class Forgetting(Person):
    """Erases one person."""

    keeps_customers: bool = False
    """Whether the customers stay, and name nobody any more."""
    wait: Callable[[float], None] | None = None
    """Waits so many seconds, where something may be under way; the clock does, unless told."""

    def carry_out(self) -> Forgotten:
        """Look once more, and erase; the accounts that were linked into the user's own first."""
        done, plan = Forgotten(), self.plan()
        done.why = next(iter(plan.refusals), None)
        for who in plan.users:
            if done.why is None:
                # Before their record is leased, for which a log-in of theirs waits.
                with self.invocations.ahead(A_WRITE):
                    _Erasing(self, who, done).carry_out()
        return done

    def pause(self, seconds: float) -> None:
        """Wait."""
        (self.wait or self.clock.sleep)(seconds)


@dataclass(frozen=True)
class _Erasing:
    """One user of the person's, erased while nobody can sign up as them."""

    whole: Forgetting
    who: User
    done: Forgotten

    def carry_out(self) -> None:
        reserved = self._reserved()
        if reserved is None:
            self.done.why = RUNNING
            return
        ledger, record = reserved
        memories = self.whole.invocations.sync_ledger()
        memory = memories.take(self.who)
        if memory is None:
            record.restore(ledger)
            self.done.why = BUSY
            return
        self._erased(ledger, record, memories, memory)

    def _erased(
        self, ledger: ErasingLedger, record: Reserved, memories: SyncLedger, memory: SyncLease
    ) -> None:
        whole, began = self.whole, self.whole.clock.time()
        profile = whole.profiles.get(whole.user.user_id)
        traces = whole.traces(self.who, profile, record.lease)
        if record.recorded is not None:
            traces.ids.add(record.recorded.customer_id)
        found = whole.customers(self.who, traces)
        refusal = next(whole.why_not_let_go(found, traces), None)
        if refusal is None and not self._registrations_forgotten(ledger, traces):
            refusal = RUNNING
        if refusal is not None:
            record.restore(ledger)
            memories.give_back(memory, memory.memory)
            self.done.why = refusal
            return
        for each in sorted(traces.ids):
            self.done.items += ledger.disclaim(self.who, each)
        for customer in found:
            why = self._why_not_let_go(customer, began)
            if why is not None:
                # What was sent may be on its way: both leases end by themselves.
                self.done.why = why
                return
        if self.who == whole.user and whole.deletes_user and profile is not None:
            whole.profiles.delete(self.who.user_id)
            self.done.users += 1
        # What this invocation has made itself was no item of theirs.
        items = (record.lease.epoch > 1) + (memory.epoch > 1)
        if ledger.forget(record.lease) and memories.forget(memory):
            self.done.items += items
        else:
            self.done.why = TOO_LATE

    def _registrations_forgotten(self, ledger: ErasingLedger, traces: Traces) -> bool:
        """Delete the records of the registrations, while the customers still say which they are.

        As with the claims: of a customer that is gone, nothing would lead there after an
        interruption.
        """
        for registration in sorted(traces.registrations):
            registrant = User(self.who.tenant, UserId(registrant_id(registration)))
            reserved = reserve(ledger, registrant)
            if reserved is None or not ledger.forget(reserved.lease):
                return False
            self.done.items += reserved.lease.epoch > 1
        return True

    def _why_not_let_go(self, customer: NamedCustomer, began: float) -> str | None:
        """Let a customer go; return why not, if so."""
        if self.whole.clock.time() - began > BEFORE_PARTING_SECONDS:
            return TOO_LATE
        customers = self.whole.invocations.synced_customers()
        sent: Done[Customer] | Done[bool] | Failure
        is_deleted = customer.is_theirs and not self.whole.keeps_customers
        if is_deleted:
            sent = customers.delete(customer.id)
        elif customer.is_theirs:
            # Not even a note of whose it was.
            sent = customers.unlink(customer.id, None)
        else:
            sent = customers.update(customer.id, {f"metadata.{FORMER}": ""})
        if not isinstance(sent, Done):
            return NO_ANSWER
        self.done.deleted += is_deleted
        self.done.unlinked += not is_deleted
        return None

    def _reserved(self) -> tuple[ErasingLedger, Reserved] | None:
        """Open the record; where a create may be under way, once nothing can be."""
        for is_last in (False, True):
            ledger, now = self.whole.invocations.erasing_ledger(), self.whole.clock.time()
            reserved = reserve(ledger, self.who, self._kept())
            if reserved is None:
                return None
            lease = reserved.lease
            is_update_under_way = lease.adopting is not None and not lease.has_settled(now)
            if not is_update_under_way and not lease.has_create_under_way(now):
                return ledger, reserved
            ledger.release(lease)
            if not is_last:
                self.whole.pause(lease.last_write + SETTLED_SECONDS - now + 1.0)
        return None

    def _kept(self) -> NewCustomer | None:
        """Return by which address a login would find what an interruption leaves."""
        profile = self.whole.profiles.get(self.whole.user.user_id)
        email = (profile.email if profile else None) or next(iter(self.whole.emails), None)
        return NewCustomer.of(SignUp(self.who, logins_count=0), email) if email else None
