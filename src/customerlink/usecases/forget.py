"""Forget: a person erased from Stripe and the ledger, and from Auth0 where that is asked for.

No mark is left: what comes late of events finds nobody, and makes nothing. Interrupted anywhere,
the same call ends it: what leads to the rest goes last.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from customerlink.model.customer import FORMER, Customer, NewCustomer
from customerlink.model.errors import LIMITED, LedgerUnavailableError, NoTurnError
from customerlink.model.profile import Profile
from customerlink.model.rates import A_WRITE, Endpoint
from customerlink.model.sign_up_record import SETTLED_SECONDS
from customerlink.model.signup import SignUp
from customerlink.model.sync_memory import Memory, SyncLease
from customerlink.model.user import User, UserId, registrant_id
from customerlink.ports.customers import Done, Failure, RateLimited, Unknown
from customerlink.ports.ledger import ErasingLedger
from customerlink.ports.rate import by_turns
from customerlink.ports.sync_ledger import SyncLedger
from customerlink.usecases.delete_customer import Reserved, reserve
from customerlink.usecases.deleted_user import BEFORE_PARTING_SECONDS
from customerlink.usecases.person import NamedCustomer, Person, Traces
from customerlink.usecases.synced import BUSY, NO_ANSWER
from customerlink.usecases.whose_customer import RUNNING

TOO_LATE = "a service took too long: again in two minutes"
NOT_TAKEN = "Stripe did not take what it was asked for: again in a minute"


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
                done.why = self._why_not_erased(_Erasing(self, who, done))
        return done

    def _why_not_erased(self, one: "_Erasing") -> str | None:
        try:
            # Before their record is leased, for which a log-in of theirs waits.
            return by_turns(self.invocations.ahead, A_WRITE, one.carry_out)
        except NoTurnError:
            return LIMITED

    def pause(self, seconds: float) -> None:
        """Wait."""
        (self.wait or self.clock.sleep)(seconds)


@dataclass(frozen=True)
class _Erasing:
    """One user of the person's, erased while nobody can sign up as them."""

    whole: Forgetting
    who: User
    done: Forgotten

    def carry_out(self) -> str | None:
        """Erase them; return why not, if so."""
        reserved = self._reserved()
        if reserved is None:
            return RUNNING
        ledger, record = reserved
        with record.or_restored(ledger):
            memories = self.whole.invocations.sync_ledger()
            memory = memories.take(self.who)
        if memory is None:
            record.restore(ledger)
            return BUSY
        return self._why_not_erased(_Leased(ledger, record, memories, memory))

    def _why_not_erased(self, leased: "_Leased") -> str | None:
        began = self.whole.clock.time()
        with leased.or_given_back():
            profile = self.whole.profiles.get(self.whole.user.user_id)
            traces, found = self._found(leased.record, profile)
            why = next(self.whole.why_not_let_go(found, traces), None)
            if why is None and not self._registrations_forgotten(leased.ledger, traces):
                why = RUNNING
        if why is None:
            with leased.or_given_back(NoTurnError):
                why = self._why_not_let_go(leased.ledger, traces, found, began)
                if why is None and profile is not None:
                    self._delete_user()
        if why is None:
            self.done.items += (items := leased.forgotten()) or 0
            return TOO_LATE if items is None else None
        # What was sent without an answer may be on its way: both leases end by themselves.
        if why is not NO_ANSWER:
            leased.give_back()
        return why

    def _found(
        self, record: Reserved, profile: Profile | None
    ) -> tuple[Traces, list[NamedCustomer]]:
        traces = self.whole.traces(self.who, profile, record.lease)
        if record.recorded is not None:
            traces.ids.add(record.recorded.customer_id)
        return traces, self.whole.customers(self.who, traces)

    def _delete_user(self) -> None:
        if self.who == self.whole.user and self.whole.deletes_user:
            self.whole.profiles.delete(self.who.user_id)
            self.done.users += 1

    def _why_not_let_go(
        self, ledger: ErasingLedger, traces: Traces, found: list[NamedCustomer], began: float
    ) -> str | None:
        """Let the customers go, and the claims on them; return why not all, if so."""
        for each in sorted(traces.ids):
            self.done.items += ledger.disclaim(self.who, each)
        return next((why for each in found if (why := self._why_kept(each, began))), None)

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

    def _why_kept(self, customer: NamedCustomer, began: float) -> str | None:
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
        if isinstance(sent, RateLimited):
            raise NoTurnError(Endpoint.CHANGE)
        if not isinstance(sent, Done):
            return NO_ANSWER if isinstance(sent, Unknown) else NOT_TAKEN
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


@dataclass(frozen=True)
class _Leased:
    """What this invocation has of a user's, so that nobody signs up as them or looks at them."""

    ledger: ErasingLedger
    record: Reserved
    memories: SyncLedger
    memory: SyncLease

    def give_back(self) -> None:
        """Put both back as they were."""
        self.record.restore(self.ledger)
        with suppress(LedgerUnavailableError):
            if self._is_memory_new:
                self.memories.forget(self.memory)
            else:
                self.memories.give_back(self.memory, self.memory.memory)

    @contextmanager
    def or_given_back(self, error: type[Exception] = Exception) -> Iterator[None]:
        """Give both back where this is raised, by which nothing is on its way."""
        try:
            yield
        except error:
            self.give_back()
            raise

    def forgotten(self) -> int | None:
        """Delete both; return how many of them were there before, or None if one was taken over."""
        if self.ledger.forget(self.record.lease) and self.memories.forget(self.memory):
            # What this invocation has made itself was no item of theirs.
            return (self.record.lease.epoch > 1) + (not self._is_memory_new)
        return None

    @property
    def _is_memory_new(self) -> bool:
        memory = self.memory
        return (memory.epoch, memory.memory, memory.parks) == (1, Memory(), 0)
