"""What was decided about a user carried out, by who has the lease on them.

Both sides are looked at again right before each write, and what is about to be written is
remembered before.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from customerlink.model.customer import Customer
from customerlink.model.customer_values import EMAIL, Told, Values
from customerlink.model.errors import NoTurnError
from customerlink.model.instruction import Metadata, link_metadata, unlinked_metadata
from customerlink.model.profile import Identity
from customerlink.model.sign_up_record import Adoption
from customerlink.model.signup import SignUp
from customerlink.model.sync import Decision, SyncAct, SyncReason
from customerlink.model.sync_memory import Memory, SyncLease
from customerlink.model.user import CustomerId, User
from customerlink.ports.customers import Done, Failure, NotSent, Unknown
from customerlink.ports.sync_ledger import SyncLedger
from customerlink.ports.synced_customers import SyncedCustomers
from customerlink.usecases.change_address import REFUSED, AddressChange, is_refused
from customerlink.usecases.deleted_user import DeletedUser
from customerlink.usecases.link_accounts import Account, Followed, LinkFailure
from customerlink.usecases.look import Look, UnansweredError
from customerlink.usecases.open_sign_up import Settled
from customerlink.usecases.provision_existing import provision_existing
from customerlink.usecases.settle import Settling
from customerlink.usecases.synced import (
    CHANGED_SINCE,
    NO_ANSWER,
    NO_TURN,
    PASSING,
    Synced,
    SyncOutcome,
)

PASSIVE = {
    SyncAct.NOTHING: SyncOutcome.NOTHING,
    SyncAct.WAIT: SyncOutcome.AGAIN,
    SyncAct.HOLD: SyncOutcome.HELD,
}


_NOT_FOLLOWED = "the customer of an account that was linked cannot follow"
_CLAIMED = "another user has claimed the customer"


@dataclass
class Reconciliation:
    """One user's, whose lease this invocation has."""

    look: Look
    ledger: SyncLedger
    lease: SyncLease
    told: Told
    decision: Decision
    sent: Done[Customer] | Failure | None = None
    """What became of the write to Stripe, once it was begun."""
    written: Values = field(default_factory=dict)
    is_profile_written: bool = False
    is_named: bool = False
    left: tuple[Identity, ...] = ()
    """The linked accounts whose customers a person has to look at."""

    @property
    def user(self) -> User:
        """Return whose it is."""
        return self.lease.user

    def carry_out(self) -> Synced:
        """Do it, write down what came of it, and end the lease unless a write may be on its way."""
        try:
            return self._carried_out()
        except NoTurnError:
            # For want of a turn nothing was sent, so nobody has to wait for it.
            return self._ended(Synced(SyncOutcome.AGAIN, self.decision, NO_TURN), self._memory())

    def _carried_out(self) -> Synced:
        if self.decision.act is SyncAct.FOLLOW:
            why = self._follow()
            if why is not None:
                return self._ended(Synced(SyncOutcome.AGAIN, self.decision, why), self.lease.memory)
        act = self.decision.act
        if act is SyncAct.PART:
            return self._parted()
        if act in PASSIVE:
            return self._ended(Synced(PASSIVE[act], self.decision), self.lease.memory)
        why = self._acted(act)
        if isinstance(self.sent, Unknown):
            # Until the lease has ended, no successor sees a customer that may change by itself.
            return Synced(SyncOutcome.AGAIN, self.decision, NO_ANSWER)
        return self._ended(Synced(self._outcome(why), self.decision, why), self._memory())

    def _ended(self, synced: Synced, memory: Memory) -> Synced:
        if self.left and synced.outcome in (SyncOutcome.DONE, SyncOutcome.NOTHING):
            decision = replace(self.decision, reason=SyncReason.LINKED)
            synced = Synced(SyncOutcome.HELD, decision, _NOT_FOLLOWED)
        is_whole, now = not self.look.rules.is_partial, self.look.clock.time()
        left, found = synced.left(memory, now) if is_whole else memory, self.decision
        if found.reason is SyncReason.USER_GONE and found.customer_id is None:
            # Whatever event comes late: of nobody nothing is remembered.
            self.ledger.forget(self.lease)
        else:
            self.ledger.give_back(self.lease, left if found.is_gone else left.of_one_who_is_there())
        return synced

    def _parted(self) -> Synced:
        """Let the customer of a user who is gone go, when their time comes."""
        look, policy = self.look, self.look.rules.policy
        ports = look.profiles, look.invocations
        gone = DeletedUser(self.user, self._customer_id, *ports, policy, look.clock)
        parted = gone.carry_out(self.lease.memory)
        if parted.memory is None:
            self.ledger.forget(self.lease)
        elif not parted.is_on_its_way:
            self.ledger.give_back(self.lease, parted.memory)
        decision = replace(self.decision, reason=parted.reason)
        return Synced(parted.outcome, decision, parted.why)

    def _acted(self, act: SyncAct) -> str | None:
        acts: dict[SyncAct, Callable[[], str | None]] = {
            SyncAct.COMPARE: self._compare,
            SyncAct.LINK: self._link,
            SyncAct.CLEAR: self._clear,
            SyncAct.RECREATE: self._recreate,
            SyncAct.RENAME: self._rename,
        }
        return acts[act]()

    def _memory(self) -> Memory:
        if self.decision.act not in (SyncAct.COMPARE, SyncAct.LINK):
            return self.lease.memory
        return self.decision.outcome(self.look.clock.time(), self.written)

    def _outcome(self, why: str | None) -> SyncOutcome:
        if why is not None:
            return SyncOutcome.AGAIN if why in PASSING else SyncOutcome.HELD
        if self.written or self.is_profile_written or self.is_named:
            return SyncOutcome.DONE
        is_in_order = self.decision.reason is SyncReason.IN_ORDER
        return SyncOutcome.NOTHING if is_in_order else SyncOutcome.HELD

    # The accounts

    def _follow(self) -> str | None:
        """Let the customers of linked accounts follow, and decide anew; return why not, if so."""
        for each in self.decision.accounts:
            followed = self._followed(each)
            if followed in PASSING:
                return str(followed)
            if isinstance(followed, LinkFailure):
                self.left = (*self.left, each)
            elif not self._is_remembered(each):
                return CHANGED_SINCE
        again = self._again(self.look.invocations.synced_customers())
        if again is None:
            return NO_ANSWER
        self.decision = again
        # One more was linked meanwhile.
        return CHANGED_SINCE if again.accounts else None

    def _followed(self, account: Identity) -> Followed | LinkFailure | None:
        profile = self.look.profiles.get(self.user.user_id)
        if profile is None or account not in profile.identities[1:]:
            return None
        user = User(self.user.tenant, account.user_id)
        # What was sent while it was an account of its own could take its customer back.
        if self.look.invocations.view().is_reconciled(user):
            return LinkFailure.IN_PROGRESS
        secondary = Account(user, account.email, None)
        return self.look.invocations.linking(Account.of(self.user, profile), secondary).follow()

    def _is_remembered(self, account: Identity) -> bool:
        memory, digests = self.lease.memory, self.look.rules.digests
        memory = memory.readable_by(digests)
        memory = replace(memory, followed=memory.followed | {digests.account(account)})
        self.lease = replace(self.lease, memory=memory)
        return self.ledger.remember(self.lease, memory)

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
        # The address is somebody else's, or none for Stripe: that is no reason to leave the rest.
        return self._fields(rest) or why

    def _address(self, writes: Values) -> str | None:
        settling, customers = self._syncing()
        change = AddressChange(
            settling,
            self._customer_id,
            str(self.decision.address),
            write=lambda: self._write(customers, writes),
            may_share=lambda other: self.look.is_about_to_move(other, self.user),
        )
        try:
            return change.carry_out()
        except UnansweredError:
            # Of whom the address may be shared with: nothing was written yet.
            return NO_ANSWER

    def _fields(self, writes: Values) -> str | None:
        if not writes and self.decision.is_recorded:
            return None
        settling, customers = self._syncing()
        why = self._why_not_settled(settling)
        if why is not None or not writes:
            return why
        written = self._write(customers, writes)
        if is_refused(written):
            return REFUSED
        if self.sent is None:
            return CHANGED_SINCE
        return None if isinstance(written, Done) else NO_ANSWER

    def _write(self, customers: SyncedCustomers, values: Values) -> Done[Customer] | Failure:
        """Write what both sides still speak for; what is about to be written is noted before."""
        again = self._again(customers)
        is_as_it_was = again is not None and again.writes == self.decision.writes
        if not is_as_it_was or not self._is_noted(values):
            return NotSent()
        updated = customers.update(self._customer_id, values)
        # What is refused has changed nothing, as if it had not been sent.
        self.sent = None if is_refused(updated) else updated
        self.written = values if isinstance(updated, Done) else {}
        return updated

    def _is_noted(self, values: Values) -> bool:
        intent = self.decision.intent(values, self.look.clock.time())
        return self.ledger.remember(self.lease, intent)

    def _again(self, customers: SyncedCustomers) -> Decision | None:
        """Decide once more, by what is there now; None without an answer."""
        try:
            return self.look.decision(self.user, self.lease.memory, customers, self.told, self.left)
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
        again = self._again(self.look.invocations.synced_customers())
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
        invocations, profiles = self.look.invocations, self.look.profiles
        made = provision_existing(self.user, profiles, invocations.settling)
        self.is_profile_written = True
        return None if isinstance(made, Settled) else str(made.reason)

    def _rename(self) -> str | None:
        """Let the customer name the user again: in the order in which one is adopted."""
        if not self.ledger.mark_renaming(self.user, self._customer_id):
            return CHANGED_SINCE
        try:
            why = self._named()
        except NoTurnError:
            why = NO_TURN
        # While the update may be on its way, whoever opens the record has to know of it.
        if not isinstance(self.sent, Unknown):
            self.ledger.end_renaming(self.user, self._customer_id)
        return self._named_and_compared() if why is None else why

    def _named(self) -> str | None:
        look = self.look.invocations
        if not look.ledger().claim(self.user, Adoption(self._customer_id)):
            return _CLAIMED
        customers = look.synced_customers()
        again, counted = self._again(customers), self.lease.memory.corrected(self.look.clock.time())
        is_as_it_was = again is not None and again.act is SyncAct.RENAME
        if not is_as_it_was or not self.ledger.remember(self.lease, counted):
            return CHANGED_SINCE
        self.lease = replace(self.lease, memory=counted)
        self.sent = customers.adopt(self._customer_id, self.user)
        return None if isinstance(self.sent, Done) else NO_ANSWER

    def _named_and_compared(self) -> str | None:
        self.is_named = True
        again = self._again(self.look.invocations.synced_customers())
        if again is None or again.act is not SyncAct.COMPARE:
            return CHANGED_SINCE
        self.decision, self.sent = again, None
        return self._compare()

    def _write_profile(self, metadata: Metadata) -> None:
        if not self.look.profiles.merge_app_metadata(self.user.user_id, metadata):
            return
        self.is_profile_written, now = True, self.look.clock.time()
        self.lease = replace(self.lease, memory=self.lease.memory.corrected(now))
        self.decision = replace(self.decision, memory=self.decision.memory.corrected(now))

    @property
    def _customer_id(self) -> CustomerId:
        return CustomerId(str(self.decision.customer_id))

    def _syncing(self) -> tuple[Settling, SyncedCustomers]:
        signup = SignUp(self.user, logins_count=0)
        return self.look.invocations.syncing(signup, self._customer_id)
