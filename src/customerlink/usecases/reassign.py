"""Reassign: the customer of a user who is gone becomes that of the user who came after.

Who deletes an account and signs up again is somebody else to Auth0, and denied for ever, since the
customer names the former one. A person decides, and what can be proved is proved first.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from customerlink.model.address import is_same_address, spellings
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.instruction import Reason, link_metadata
from customerlink.model.listed_customer import Absence, ListedCustomer
from customerlink.model.profile import Profile
from customerlink.model.sign_up_record import SKEW_SECONDS, Adoption, Lease, Linked, Standing
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, Tenant, User
from customerlink.ports.customer_directory import CustomerDirectory
from customerlink.ports.deadline import Clock
from customerlink.ports.profiles import Identities, Profiles
from customerlink.usecases.backfill import why_not
from customerlink.usecases.open_sign_up import PASSING, Unsettled
from customerlink.usecases.repair import Invocations
from customerlink.usecases.settle import Creates, Settling
from customerlink.usecases.whose_customer import (
    DECIDE,
    RUNNING,
    Owner,
    Ownership,
    is_gone,
    other_with,
    owner_of,
)

_NO_ANSWER = "a service did not answer, or what a sign-up sent may be under way: again in a minute"
_CLAIMED = f"somebody else has claimed the customer, or changed it: {DECIDE}"
_NOT_TOLD = "nobody can say without the others"

_ABSENT = {
    Absence.DELETED: "it was deleted",
    Absence.UNKNOWN: "Stripe knows none with this id",
    Absence.OTHER_MODE: "it is of Stripe's other mode",
}

_NOT_A_USERS = {
    Owner.REGISTRATION: "it is a registration's: customerlink repair --kind abandoned",
    Owner.ELSEWHERE: f"it names a user of another tenant: {DECIDE}",
    Owner.ODD: f"it names what is no user_id: {DECIDE}",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that has to be so; `unmet` says how it is not."""

    name: str
    wanted: str
    unmet: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Whose the customer is to be, in whose place, and what that takes."""

    customer_id: CustomerId
    user: User
    conditions: tuple[Condition, ...]
    former: User | None = None
    claimant: User | None = None
    """Whose claim on the customer is to be replaced: they are gone too."""
    email: str | None = field(default=None, repr=False)

    @property
    def unmet(self) -> tuple[Condition, ...]:
        """Return the conditions that stand in the way."""
        return tuple(each for each in self.conditions if each.unmet is not None)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the customer is not the user's; whether the same act may do it later."""

    why: str
    is_passing: bool = False


@dataclass(frozen=True)
class Reassignment:
    """Lets a customer name another user, once it is proved that nobody loses it."""

    tenant: Tenant
    profiles: Profiles
    identities: Identities
    customers: CustomerDirectory
    invocations: Invocations
    clock: Clock

    def plan(self, customer_id: CustomerId, user: User) -> Plan:
        """Look at everything that the act rests on; nothing is changed."""
        found = self.customers.retrieve(customer_id)
        customer = None if isinstance(found, Absence) else found
        whose = self._whose(customer)
        former = whose.user if whose and whose.user != user else None
        profile = self.profiles.get(user.user_id)
        view = self.invocations.view()
        claimant = view.claimed_by(customer_id)
        claimant = None if claimant in (user, former) else claimant
        standings = {each: view.standing(each) for each in (user, former, claimant) if each}
        other = self._other_customer(customer_id, user, profile, standings[user])
        absent = _ABSENT[found] if isinstance(found, Absence) else None
        nobody = None if profile else "the tenant has no such user"
        conditions = (
            Condition("customer", "it is there", absent),
            Condition("tenant", "it names a user of this one, or nobody", _not_a_users(whose)),
            Condition("former user", "whom it names is gone", _still_there(whose, user)),
            Condition("user", "the user is there", nobody),
            Condition("address", "the user has verified it", _unproved(customer, profile)),
            Condition("other profiles", "none has its id", self._other_profile(customer, user)),
            Condition("other customers", "the user has none", other),
            Condition("claim", "nobody else has one", self._claimed(customer, claimant)),
            Condition("sign-ups", "none is under way", self._under_way(standings, user)),
        )
        email = profile.email if profile else None
        return Plan(customer_id, user, conditions, former, claimant, email)

    def carry_out(self, customer_id: CustomerId, user: User) -> Refusal | None:
        """Look once more, and let the customer be the user's; None when it is.

        Interrupted anywhere, the same call finishes it, and so does the user's next login.
        """
        # Whoever claims the customer after this was not gone: their clock may be behind.
        gone_since = self.clock.time() - 2 * SKEW_SECONDS
        plan = self.plan(customer_id, user)
        if plan.unmet:
            return Refusal(str(plan.unmet[0].unmet))
        refusal = self._made_way(plan, gone_since)
        if refusal is not None:
            return refusal
        signup = SignUp(user, logins_count=0, email=plan.email)
        heir_to = Adoption(customer_id, plan.former, plan.email, gone_since)
        settled = self._settling(signup, known=(customer_id,), heir_to=heir_to).settle()
        if isinstance(settled, Unsettled):
            return _refusal(settled)
        if settled.customer_id != customer_id:
            return Refusal(f"the user has {settled.customer_id or 'no customer'} by now")
        # Last: should it fail, the record replays the link at the user's next login.
        is_written = self.profiles.merge_app_metadata(user.user_id, link_metadata(customer_id))
        return None if is_written else Refusal("the user is gone by now")

    def _made_way(self, plan: Plan, gone_since: float) -> Refusal | None:
        """End all that those who are gone have of it; not where one of them is back."""
        ended = self._ended(plan) or self._back(plan)
        if ended is not None or plan.claimant is None:
            return ended
        return self._claim_replaced(plan, gone_since)

    def _back(self, plan: Plan) -> Refusal | None:
        """Look for them once more: from here on a login of theirs says so by its claim."""
        # Before, it was a replay of the record that is ended now, and no trace is left of that.
        gone = [each for each in (plan.former, plan.claimant) if each]
        found = next((each for each in gone if self.profiles.get(each.user_id)), None)
        return Refusal(_is_there(found)) if found else None

    def _ended(self, plan: Plan) -> Refusal | None:
        """End the records of those who are gone: what their logins sent comes to an end."""
        for gone in (plan.former, plan.claimant):
            if gone is None:
                continue
            ended = self._settling(SignUp(gone, logins_count=0)).close(is_gone=True)
            if isinstance(ended, Unsettled):
                return _refusal(ended)
            if ended.customer_id is None:
                continue
            if gone == plan.claimant and ended.customer_id == plan.customer_id:
                # What they had begun was finished: the customer names them by now.
                return Refusal(_NO_ANSWER, is_passing=True)
            refusal = self._link_ended(gone)
            if refusal is not None:
                return refusal
        return None

    def _link_ended(self, gone: User) -> Refusal | None:
        """End a recorded link too: should they come back, their login asks whose it is by then."""
        try:
            ledger = self.invocations.ledger()
            opened = ledger.open(gone, None, admission=False)
            had = opened.customer_id if isinstance(opened, Linked) else None
            if isinstance(opened, Linked):
                opened = ledger.reopen(gone, opened, None)
            if not isinstance(opened, Lease):
                return Refusal(RUNNING, is_passing=True)
            if not ledger.close(replace(opened, had=had or opened.had), is_gone=True):
                return Refusal(RUNNING, is_passing=True)
            # Not where it was begun before, and finished just now: its update may be on its way.
            is_old = opened.has_settled(self.clock.time())
        except LedgerUnavailableError:
            return Refusal(_NO_ANSWER, is_passing=True)
        return None if is_old else Refusal(_NO_ANSWER, is_passing=True)

    def _claim_replaced(self, plan: Plan, gone_since: float) -> Refusal | None:
        """Take over the claim of somebody whose record is ended: nothing will come of it."""
        try:
            replaced = Adoption(plan.customer_id, plan.claimant, gone_since=gone_since)
            is_claimed = self.invocations.ledger().claim(plan.user, replaced)
        except LedgerUnavailableError:
            return Refusal(_NO_ANSWER, is_passing=True)
        return None if is_claimed else Refusal(_CLAIMED)

    def _claimed(self, customer: ListedCustomer | None, claimant: User | None) -> str | None:
        if customer is None or claimant is None:
            return None
        is_a_user = claimant.tenant == self.tenant and claimant.registration_id is None
        if is_a_user and is_gone(claimant, customer, self.profiles, self.identities):
            return None
        return f"{claimant.user_id} has claimed it: {DECIDE}"

    def _under_way(self, standings: Mapping[User, Standing], heir: User) -> str | None:
        view = self.invocations.view()
        for user, standing in standings.items():
            # What was sent for the former could let the customer name them again, or have what
            # was theirs.
            is_coming = not standing.is_settled or view.is_reconciled(user)
            if standing.is_held or (user != heir and is_coming):
                return f"{user.user_id} has one, or had a minute ago: again in a minute"
        return None

    def _whose(self, customer: ListedCustomer | None) -> Ownership | None:
        if customer is None:
            return None
        return owner_of(customer, self.tenant, self.profiles, self.identities)

    def _other_profile(self, customer: ListedCustomer | None, user: User) -> str | None:
        if customer is None:
            return _NOT_TOLD
        other = other_with(customer, user.user_id, self.profiles, self.identities)
        return f"the profile of {other} has it too: {DECIDE}" if other else None

    def _other_customer(
        self, customer_id: CustomerId, user: User, profile: Profile | None, standing: Standing
    ) -> str | None:
        carried = profile.customer_id if profile else None
        if carried not in (None, customer_id):
            return f"the profile has {carried}: customerlink verify {shlex.quote(user.user_id)}"
        addresses = spellings(profile.email) if profile else []
        found = [each for address in addresses for each in self.customers.with_address(address)]
        if standing.customer_id is not None:
            recorded = self.customers.retrieve(standing.customer_id)
            found += [] if isinstance(recorded, Absence) else [recorded]
        own = [each.id for each in found if each.names(user) and each.id != customer_id]
        return f"{own[0]} names the user" if own else None

    def _settling(
        self, signup: SignUp, known: tuple[CustomerId, ...] = (), heir_to: Adoption | None = None
    ) -> Settling:
        """Return what settles a record as account linking does, which makes no customer."""
        never = Creates.NEVER
        return self.invocations.settling(signup, creates=never, known=known, heir_to=heir_to)


def _refusal(outcome: Unsettled) -> Refusal:
    if outcome.reason in PASSING:
        is_running = outcome.reason is Reason.IN_PROGRESS
        return Refusal(RUNNING if is_running else _NO_ANSWER, is_passing=True)
    if outcome.reason is Reason.CUSTOMER_UNUSABLE:
        return Refusal(f"{why_not(outcome)}: {DECIDE}")
    return Refusal(_CLAIMED)


def _not_a_users(whose: Ownership | None) -> str | None:
    return _NOT_A_USERS.get(whose.owner) if whose else _NOT_TOLD


def _still_there(whose: Ownership | None, user: User) -> str | None:
    """Say why the customer is not free: not for what names nobody, or the user already."""
    if whose is None or whose.owner in _NOT_A_USERS:
        return _NOT_TOLD
    if whose.profile is None or whose.user is None or whose.user == user:
        return None
    if whose.owner is Owner.LINKED:
        primary = whose.profile.user_id
        return f"it was linked into {primary}: customerlink repair --kind orphaned"
    return _is_there(whose.user)


def _is_there(user: User) -> str:
    return f"{user.user_id} is there: customerlink release says what would free the address"


def _unproved(customer: ListedCustomer | None, profile: Profile | None) -> str | None:
    if customer is None or profile is None:
        return _NOT_TOLD
    if not (profile.email and is_same_address(profile.email, customer.email)):
        return "the user has another address than the customer"
    return None if profile.email_verified else "the user has not verified the address"
