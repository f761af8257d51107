"""What is to be done about a user and their customer: a pure function of what was seen of both.

Three values are compared for each field: Auth0's, Stripe's, and Auth0's that was applied last. No
event is needed for it, and its order makes no difference: both sides are read as they are.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum

from customerlink.model.customer import Customer
from customerlink.model.customer_fields import CustomerFields
from customerlink.model.customer_values import (
    EMAIL,
    LiveCustomer,
    Values,
    folded,
    values_of,
)
from customerlink.model.frozen import field, frozen, replace
from customerlink.model.listed_customer import Absence
from customerlink.model.profile import ODD_IDENTITY, Identity, Profile
from customerlink.model.signup import Marker
from customerlink.model.sync_memory import Digests, Memory, edited
from customerlink.model.sync_policy import (
    DeletedCustomers,
    DeletedUsers,
    Differences,
    EditedCustomers,
    EmailChanges,
    SyncPolicy,
)
from customerlink.model.user import CustomerId, User


class SyncAct(StrEnum):
    """What is done."""

    NOTHING = "nothing"
    WAIT = "wait"
    """A sign-up is under way, and decides."""
    COMPARE = "compare"
    """The link is true: its fields are written as their verdicts say."""
    LINK = "link"
    """Likewise, and the customer's id goes into the profile."""
    CLEAR = "clear"
    """The id leaves the profile; the next login makes another customer."""
    RECREATE = "recreate"
    RENAME = "rename"
    """The customer names the user again; then its fields are compared."""
    FOLLOW = "follow"
    """The customers of accounts that were linked follow; then it is decided anew."""
    PART = "part"
    """The user is gone: when their time comes, the customer is unlinked or deleted."""
    HOLD = "hold"
    """Nothing, until a person has looked."""


class SyncReason(StrEnum):
    """Why."""

    IN_ORDER = "in_order"
    DIFFERS = "differs"
    NO_CUSTOMER = "no_customer"
    SIGNING_UP = "signing_up"
    USER_GONE = "user_gone"
    MISSING = "missing"
    """Stripe knows no such customer: another account's key would say the same of all."""
    DELETED = "deleted"
    SUPERSEDED = "superseded"
    UNNAMED = "unnamed"
    MISMATCHED = "mismatched"
    CONTESTED = "contested"
    """Somebody writes back what was corrected three times today."""
    LINKED = "linked"
    """Accounts were linked, and their customers have not followed."""
    EMAIL_TAKEN = "email_taken"
    """Another customer has the address."""
    TOO_MANY_DELETIONS = "too_many_deletions"
    """Of users of the same day more are gone than a deployment lets go without a person."""
    SUBSCRIBED = "subscribed"
    """A deletion would cancel a subscription, or nobody can tell."""
    HAS_BALANCE = "has_balance"


class Verdict(StrEnum):
    """What becomes of one field."""

    AGREED = "agreed"
    LEFT = "left"
    """Auth0 has nothing to go by, or nothing that may be written."""
    CHANGED = "changed"
    """Auth0's value is newer: it is written."""
    RESTORED = "restored"
    """It was edited in Stripe, and Auth0's value is written again."""
    EDITED = "edited"
    """It was edited in Stripe, and stays."""
    REPORTED = "reported"
    """Likewise, and it is told."""
    UNKNOWN = "unknown"
    """They differ, and which is newer nobody knows."""
    CONTESTED = "contested"
    """It was edited in Stripe too often to be written again today."""


WRITTEN = frozenset({Verdict.CHANGED, Verdict.RESTORED})
QUIET = frozenset({Verdict.AGREED, Verdict.LEFT, Verdict.EDITED})
"""Of which there is nothing to tell."""

_CORRECTIONS = frozenset({SyncAct.LINK, SyncAct.CLEAR, SyncAct.RECREATE, SyncAct.RENAME})
"""What puts a link right, on either side: it counts with the fields that are written over."""

_SETTLED = frozenset({Verdict.AGREED, Verdict.EDITED, Verdict.REPORTED, Verdict.CONTESTED})
"""Stripe has Auth0's value, or had it until somebody edited it there: nothing is on its way."""


@frozen
class Seen:
    """Both sides of one user, the sign-up's record and the memory: all read right before."""

    user: User
    profile: Profile | None
    customer: LiveCustomer | Absence | None
    """None where neither side knows of one."""
    recorded: CustomerId | None = None
    """The customer that the sign-up's record has."""
    is_open: bool = False
    """Whether that record is open: a sign-up is under way, or waits to be finished."""
    memory: Memory = Memory()
    left: tuple[Identity, ...] = ()
    """Linked accounts whose customers cannot follow."""


@frozen
class SyncRules:
    """What a deployment chose, and the key of its digests."""

    digests: Digests
    policy: SyncPolicy = SyncPolicy()
    fields: CustomerFields = CustomerFields()
    is_partial: bool = False
    """Whether fields are left that follow otherwise: who is due stays so."""

    @classmethod
    def of_addresses(cls, digests: Digests, changes: EmailChanges) -> "SyncRules":
        """Return the rules of who asked for Auth0's address, whatever Stripe's is: no other field.

        Nor is a link changed by them.
        """
        restore, report = EditedCustomers.RESTORE, DeletedCustomers.REPORT
        policy = SyncPolicy(changes, restore, report, Differences.APPLY)
        return cls(digests, policy, CustomerFields(()), is_partial=True)


@frozen
class Decision:
    """What is to be done, and what of each field."""

    act: SyncAct
    reason: SyncReason
    customer_id: CustomerId | None = None
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    values: Values = field(default_factory=dict, repr=False)
    """Auth0's, by field."""
    address: str | None = field(default=None, repr=False)
    """Auth0's as it is given: a customer made elsewhere may have it in that letter case."""
    memory: Memory = Memory()
    digests: Digests = Digests(b"")
    accounts: tuple[Identity, ...] = ()
    """The linked ones whose customers are to follow."""
    is_recorded: bool = False
    """Whether the ledger has the link."""
    is_gone: bool = False
    """Whether there is no such user."""

    @property
    def writes(self) -> dict[str, str]:
        """Return the fields that are to be written, with Auth0's values."""
        return {name: self.values[name] for name, each in self.verdicts.items() if each in WRITTEN}

    def intent(self, names: Collection[str], now: float) -> Memory:
        """Return what is remembered before these are written: the answer may be lost."""
        about_to = {name: {self._digest(name)} for name in names}
        writing = {
            name: self.memory.writing.get(name, frozenset()) | about_to.get(name, set())
            for name in {*self.memory.writing, *about_to}
        }
        # Else a correction whose answer is lost would not count.
        return replace(self._counted(names, now), writing=writing)

    def outcome(self, now: float, written: Collection[str]) -> Memory:
        """Return what is remembered once these fields were written.

        Field by field: what was passed over may still be as an earlier write left it.
        """
        settled = self._with(*_SETTLED).union(written)
        applied = {**self.memory.applied, **{each: self._digest(each) for each in settled}}
        # An edit of another value than Auth0's says nothing of what Auth0 may have next.
        compared = {*applied, *self._with(Verdict.UNKNOWN)}
        return replace(
            self._counted(written, now),
            applied=applied,
            writing=_without(self.memory.writing, settled),
            hints=_without(self.memory.hints, {*applied, *map(edited, compared)}),
        )

    def _with(self, *verdicts: Verdict) -> frozenset[str]:
        return frozenset(name for name, each in self.verdicts.items() if each in verdicts)

    def _counted(self, names: Collection[str], now: float) -> Memory:
        is_correction = any(self.verdicts[each] is Verdict.RESTORED for each in names)
        return self.memory.corrected(now) if is_correction else self.memory

    def _digest(self, name: str) -> str:
        return self.digests.of(name, folded(name, self.values[name]))


def _without(
    digests: Mapping[str, frozenset[str]], names: Collection[str]
) -> dict[str, frozenset[str]]:
    return {name: each for name, each in digests.items() if name not in names}


def decide(seen: Seen, rules: SyncRules, now: float) -> Decision:
    """Say what is to be done about a user.

    Where a program takes back what was put right, it is not argued with.
    """
    decision = _decided(seen, rules, now)
    if decision.act in _CORRECTIONS and seen.memory.is_contested(now):
        return Decision(SyncAct.HOLD, SyncReason.CONTESTED, decision.customer_id)
    return decision


def _decided(seen: Seen, rules: SyncRules, now: float) -> Decision:
    if seen.profile is None:
        return _without_user(seen, rules.policy.deleted_users)
    if seen.is_open and not _is_linked(seen):
        return Decision(SyncAct.WAIT, SyncReason.SIGNING_UP)
    accounts = _not_followed(seen, seen.profile, rules.digests)
    if accounts and _can_be_followed(seen):
        return Decision(SyncAct.FOLLOW, SyncReason.LINKED, accounts=accounts)
    if isinstance(seen.customer, LiveCustomer):
        return _about(seen, seen.profile, seen.customer, rules, now)
    return _without_customer(seen.customer, seen.profile, rules.policy.deleted_customers)


def _without_user(seen: Seen, policy: DeletedUsers) -> Decision:
    reason, found = SyncReason.USER_GONE, seen.customer
    is_known = found is None or isinstance(found, LiveCustomer) or found is Absence.DELETED
    if policy is not DeletedUsers.KEEP and not is_known:
        return Decision(SyncAct.HOLD, SyncReason.MISSING, is_gone=True)
    if policy is not DeletedUsers.KEEP and found is None and seen.is_open:
        # Their sign-up may have made one: whoever ends it finds out.
        return Decision(SyncAct.WAIT, SyncReason.SIGNING_UP, is_gone=True)
    if not isinstance(found, LiveCustomer) or not _names(found.customer, seen.user):
        return Decision(SyncAct.NOTHING, reason, is_gone=True)
    act = SyncAct.NOTHING if policy is DeletedUsers.KEEP else SyncAct.PART
    return Decision(act, reason, found.customer.id, is_gone=True)


def _names(customer: Customer, user: User) -> bool:
    """Return whether it is the user's; what another account's supersedes is a part of that one."""
    return customer.belongs_to(user) and customer.superseded_by is None


def _is_linked(seen: Seen) -> bool:
    """Return whether nothing is left for the sign-up to do."""
    profile = seen.profile
    if profile is None or not isinstance(seen.customer, LiveCustomer):
        return False
    return profile.customer_id is not None and profile.marker != Marker.UNFINISHED


def _can_be_followed(seen: Seen) -> bool:
    """Return whether linked accounts' customers can follow: first the user's own is put right.

    By a key that knows no customer, nothing would be found that could follow.
    """
    if isinstance(seen.customer, LiveCustomer):
        return not seen.customer.customer.is_nobodys(seen.user.tenant)
    return seen.customer is None


def _not_followed(seen: Seen, profile: Profile, digests: Digests) -> tuple[Identity, ...]:
    followed = seen.memory.readable_by(digests).followed
    return tuple(
        each
        for each in profile.identities[1:]
        if each not in (ODD_IDENTITY, *seen.left) and digests.account(each) not in followed
    )


def _without_customer(
    absence: Absence | None, profile: Profile, policy: DeletedCustomers
) -> Decision:
    if absence is None:
        return Decision(SyncAct.NOTHING, SyncReason.NO_CUSTOMER)
    # Only what Stripe says to have deleted: a wrong key makes all others seem to be missing.
    if absence is not Absence.DELETED:
        return Decision(SyncAct.HOLD, SyncReason.MISSING)
    acts = {
        DeletedCustomers.CLEAR: SyncAct.CLEAR if profile.customer_id else SyncAct.NOTHING,
        DeletedCustomers.RECREATE: SyncAct.RECREATE,
        DeletedCustomers.REPORT: SyncAct.HOLD,
    }
    return Decision(acts[policy], SyncReason.DELETED, profile.customer_id)


def _about(
    seen: Seen, profile: Profile, live: LiveCustomer, rules: SyncRules, now: float
) -> Decision:
    found = live.customer
    if found.superseded_by is not None:
        return Decision(SyncAct.HOLD, SyncReason.SUPERSEDED, found.id)
    if found.is_nobodys(seen.user.tenant):
        return _nobodys(seen, profile, found, rules.policy.edited_customers)
    # Of two customers which is the user's, is for a person to decide.
    others = {each for each in (profile.customer_id, seen.recorded) if each} - {found.id}
    if others or not found.belongs_to(seen.user):
        return Decision(SyncAct.HOLD, SyncReason.MISMATCHED, found.id)
    return _compared(seen, profile, live, rules, now)


def _nobodys(seen: Seen, profile: Profile, found: Customer, policy: EditedCustomers) -> Decision:
    """Let a customer that both the record and the profile have name the user again."""
    is_theirs = profile.customer_id == seen.recorded == found.id and not seen.is_open
    is_possible = found.can_name(seen.user) and policy is not EditedCustomers.REPORT
    if not (is_theirs and is_possible):
        return Decision(SyncAct.HOLD, SyncReason.UNNAMED, found.id)
    return Decision(SyncAct.RENAME, SyncReason.UNNAMED, found.id)


def _compared(
    seen: Seen, profile: Profile, live: LiveCustomer, rules: SyncRules, now: float
) -> Decision:
    changes = rules.policy.email_changes
    values = values_of(seen.user, profile, rules.fields, changes.compared)
    usable = values_of(seen.user, profile, rules.fields, changes)
    names = dict.fromkeys([EMAIL, *(target for target, _ in rules.fields.sources)])
    memory = _memory_of(seen.memory, live, names, rules.digests)
    # One that was unlinked may be linked once more.
    linked = {rules.digests.account(each) for each in profile.identities[1:]}
    memory = replace(memory, followed=memory.followed & linked)
    compare = _Comparison(memory, live.values, values, frozenset(usable), rules)
    verdicts = {name: compare.verdict(name, now) for name in names}
    act = SyncAct.COMPARE if profile.customer_id else SyncAct.LINK
    reason = _reason(verdicts.values(), act)
    found = verdicts, values, profile.email, memory, rules.digests
    is_recorded = seen.recorded == live.customer.id and not seen.is_open
    return Decision(act, reason, live.customer.id, *found, is_recorded=is_recorded)


def _reason(verdicts: Collection[Verdict], act: SyncAct) -> SyncReason:
    if Verdict.CONTESTED in verdicts:
        return SyncReason.CONTESTED
    is_in_order = {*verdicts} <= QUIET and act is SyncAct.COMPARE
    return SyncReason.IN_ORDER if is_in_order else SyncReason.DIFFERS


def _memory_of(
    memory: Memory, live: LiveCustomer, names: Collection[str], digests: Digests
) -> Memory:
    """Return what is remembered of this very customer.

    Of another one's, as after linking accounts, nothing counts: what this one has is where it
    starts from, or the former one's values would be taken for newer ones.
    """
    known = memory.readable_by(digests)
    if known.customer_id in (None, live.customer.id):
        return replace(known, customer_id=live.customer.id)
    every = {*names, *known.applied}
    applied = {name: digests.of(name, folded(name, live.values.get(name, ""))) for name in every}
    return replace(known, customer_id=live.customer.id, applied=applied, writing={})


@frozen
class _Comparison:
    memory: Memory
    stripe: Values
    auth0: Values
    usable: Collection[str]
    """The fields that may be written: of the others it is only remembered what both sides had."""
    rules: SyncRules

    def verdict(self, name: str, now: float) -> Verdict:
        if name not in self.auth0:
            return Verdict.LEFT
        ours, theirs = self._digest(name, self.auth0), self._digest(name, self.stripe)
        before = self.memory.applied.get(name)
        is_our_write = theirs in self.memory.writing.get(name, ())
        if ours == theirs:
            return Verdict.AGREED
        if name not in self.usable:
            return Verdict.LEFT
        if before is None:
            is_former = is_our_write or theirs in self.memory.hints.get(name, ())
            return Verdict.CHANGED if is_former else self._without_baseline(name, now)
        # What was about to be written and is there, was: then Auth0's came back to what it was.
        if before == ours and not is_our_write:
            return self._edited(now)
        return Verdict.CHANGED

    def _digest(self, name: str, values: Values) -> str:
        return self.rules.digests.of(name, folded(name, values.get(name, "")))

    def _without_baseline(self, name: str, now: float) -> Verdict:
        ours = self.rules.digests.edit(self.memory.customer_id, name, self.auth0[name])
        if ours in self.memory.hints.get(edited(name), ()):
            return self._edited(now)
        is_applied = self.rules.policy.differences is Differences.APPLY
        return Verdict.CHANGED if is_applied else Verdict.UNKNOWN

    def _edited(self, now: float) -> Verdict:
        policy = self.rules.policy.edited_customers
        if policy is not EditedCustomers.RESTORE:
            return Verdict.EDITED if policy is EditedCustomers.KEEP else Verdict.REPORTED
        return Verdict.CONTESTED if self.memory.is_contested(now) else Verdict.RESTORED
