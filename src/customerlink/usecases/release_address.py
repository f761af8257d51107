"""Release: who holds an address, and what would free it; what was never used is let go of.

Whoever signs up with an address that is not theirs holds it, since no second customer is made for
it. Who has not verified it, and has not used the customer, has nothing to lose.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from customerlink.model.address import is_same_address, lowered, spellings
from customerlink.model.customer import NewCustomer
from customerlink.model.errors import LIMITED, LedgerUnavailableError, NoTurnError
from customerlink.model.instruction import unlinked_metadata
from customerlink.model.listed_customer import Absence, ListedCustomer
from customerlink.model.profile import Profile
from customerlink.model.rates import A_LOOK
from customerlink.model.sign_up_record import HeldLock, Lease, Linked
from customerlink.model.signup import SignUp
from customerlink.model.usage import Usage
from customerlink.model.user import CustomerId, Tenant, User, is_customer_id
from customerlink.ports.customer_directory import CustomerDirectory
from customerlink.ports.customer_usage import CustomerUsage
from customerlink.ports.deadline import Clock
from customerlink.ports.profiles import Identities, Profiles
from customerlink.ports.rate import by_turns
from customerlink.usecases.delete_customer import (
    Deletion,
    Reserved,
    close_if_possible,
    delete_customer,
)
from customerlink.usecases.repair import Invocations
from customerlink.usecases.whose_customer import (
    DECIDE,
    RUNNING,
    Owner,
    Ownership,
    other_with,
    owner_of,
)

_FIRST_LOWER = "first: customerlink repair --kind letter_case"

_WAYS_OUT = {
    Owner.REGISTRATION: "its user's first login, or: customerlink repair --kind abandoned",
    Owner.LINKED: "customerlink repair --kind orphaned",
    Owner.ELSEWHERE: DECIDE,
    Owner.ODD: DECIDE,
}


@dataclass(frozen=True, slots=True)
class Holder:
    """A customer that has the address."""

    customer: ListedCustomer
    whose: Ownership
    kept: str | None
    """Why it is not let go of; None where it may be."""
    way_out: str
    """What would free the address."""
    usage: Usage | None = None
    """What the customer was used for, where that was asked."""


@dataclass(frozen=True, slots=True)
class Holding:
    """All that stands between an address and who signs up with it."""

    holders: tuple[Holder, ...]
    lock: HeldLock | None
    users: tuple[Profile, ...]
    """The tenant's users with the address, whether they hold it or not."""


@dataclass(frozen=True)
class AddressRelease:
    """Looks at who holds an address, and lets go of what was never used."""

    tenant: Tenant
    profiles: Profiles
    identities: Identities
    customers: CustomerDirectory
    usage: CustomerUsage
    invocations: Invocations
    clock: Clock

    def look(self, address: str) -> Holding:
        """Look for everything that has the address, in each letter case that is to be seen."""
        users = tuple(self.profiles.with_address(address))
        found = self._customers(address, users)
        return Holding(
            tuple(self._judged(each, users) for each in found), self.lock(address), users
        )

    def lock(self, address: str) -> HeldLock | None:
        """Return whose sign-up keeps the address from everybody else right now."""
        return self.invocations.view().lock_on(self.tenant, address)

    def release(self, holder: Holder) -> str | None:
        """Delete a holder's customer, and let its user make another try; return why not."""
        if holder.kept is not None or holder.whose.user is None:
            return holder.kept or DECIDE
        released = partial(self._released, holder.customer, holder.whose.user)
        try:
            # Before its user's record is leased, for which a log-in of theirs waits.
            return by_turns(self.invocations.ahead, A_LOOK, released)
        except LedgerUnavailableError:
            return "the ledger did not answer: again in a minute"
        except NoTurnError:
            return LIMITED

    def _customers(self, address: str, users: Iterable[Profile]) -> list[ListedCustomer]:
        spelled = {each.email or "" for each in users}
        spelled |= {part.email or "" for each in users for part in each.identities}
        same = {each for each in spelled if is_same_address(each, address)}
        listed = [self.customers.with_address(each) for each in spellings(address, *same)]
        carried = [self.customers.retrieve(each.customer_id) for each in users if each.customer_id]
        found = [each for several in listed for each in several]
        found += [each for each in carried if not isinstance(each, Absence)]
        having = {each.id: each for each in found if is_same_address(each.email, address)}
        return sorted(having.values(), key=lambda each: (each.created, each.id))

    def _judged(self, customer: ListedCustomer, users: Iterable[Profile] = ()) -> Holder:
        whose = owner_of(customer, self.tenant, self.profiles, self.identities)
        if whose.owner is not Owner.THERE or whose.profile is None:
            way = _WAYS_OUT.get(whose.owner) or _reassigned(customer, users)
            way = DECIDE if customer.superseded_by else way
            return Holder(customer, whose, f"it names {whose.owner}", way)
        kept, way = self._why_kept(customer, whose.profile)
        other = other_with(customer, whose.profile.user_id, self.profiles, self.identities)
        if kept is None and other:
            kept, way = f"the profile of {other} has it too", DECIDE
        if kept is not None:
            return Holder(customer, whose, kept, way)
        usage = self.usage.of(customer.id)
        kept = usage.why_kept()
        return Holder(customer, whose, kept, _way_with(usage), usage)

    def _why_kept(self, customer: ListedCustomer, profile: Profile) -> tuple[str | None, str]:
        """Say what speaks against a deletion, as far as both sides tell it, and the way out."""
        if profile.customer_id not in (None, customer.id):
            return "its user's profile has another customer", DECIDE
        if not is_same_address(profile.email, customer.email):
            return "its user has another address by now", "customerlink repair --kind email_drift"
        if profile.email_verified:
            return "its user has verified the address", "they log in there, or link their accounts"
        return self._why_valued(customer)

    def _why_valued(self, customer: ListedCustomer) -> tuple[str | None, str]:
        if not customer.is_ours(self.tenant):
            return "the customer was made elsewhere, or changed", DECIDE
        if customer.is_used:
            return "the customer was used", DECIDE
        email = customer.email or ""
        # Without its id in the profile, no login would find it: an interruption makes a second one.
        has_capitals = email != lowered(email)
        return ("its address has capitals" if has_capitals else None), _FIRST_LOWER

    def _released(self, customer: ListedCustomer, user: User) -> str | None:
        """Delete it in the name of its user, who cannot sign up meanwhile."""
        began, ledger, customer_id = self.clock.time(), self.invocations.ledger(), customer.id
        # Nothing is made of it, but its address stays to be looked under: should this end half-way,
        # and the user move to another address, their next login still finds the customer.
        kept = NewCustomer.of(SignUp(user, logins_count=0), str(customer.email))
        opened = ledger.open(user, kept, admission=False)
        recorded = opened if isinstance(opened, Linked) else None
        if recorded is not None:
            if recorded.customer_id != customer_id:
                return f"the ledger has {recorded.customer_id} for its user"
            # Auth0 writes what the Action was told when the login ends, whatever is done here: a
            # second factor, or a mail to click, comes in between.
            if not self.invocations.view().standing(user).is_told:
                return "its user signed up within the hour, and may be logging in still: again then"
            opened = ledger.reopen(user, recorded, kept)
        if not isinstance(opened, Lease):
            return RUNNING
        if opened.adopting or opened.has_create_under_way(self.clock.time()):
            ledger.release(opened)
            return "a sign-up of its user has not ended: again in a minute"
        reserved = Reserved(opened, recorded)
        with reserved.or_restored(ledger):
            why = self._why_not_deleted(customer_id, user)
        if why is None:
            with reserved.or_restored(ledger, NoTurnError):
                why = self._deleted(customer_id, user, began)
        if why is None:
            close_if_possible(ledger, opened)
        elif why is not Deletion.UNKNOWN:
            reserved.restore(ledger)
        return why

    def _why_not_deleted(self, customer_id: CustomerId, user: User) -> str | None:
        found = self.customers.retrieve(customer_id)
        if isinstance(found, Absence):
            return "the customer is gone by now"
        holder = self._judged(found)
        if holder.kept is not None:
            return holder.kept
        if holder.whose.user != user:
            return "the customer names somebody else by now"
        return None

    def _deleted(self, customer_id: CustomerId, user: User, began: float) -> str | None:
        # The profile first. A crash in between leaves a customer that names its user, whose next
        # login finds it, and so does the next release; the other way round, the profile would have
        # an id that leads nowhere, and its user's logins would ask nobody.
        if not self.profiles.merge_app_metadata(user.user_id, unlinked_metadata()):
            return "its user is gone by now"
        end = delete_customer(self.customers, customer_id, self.clock, began)
        return None if end is Deletion.DONE else end


def _way_with(usage: Usage) -> str:
    if usage.found:
        return DECIDE
    return (
        "a Stripe key that may (docs/deploy.md)"
        if usage.hidden
        else "customerlink release, with --apply"
    )


def _reassigned(customer: ListedCustomer, users: Iterable[Profile]) -> str:
    """Return the command that gives a customer of nobody's to who waits for it."""
    if not is_customer_id(customer.id):
        return DECIDE
    waiting = [each.user_id for each in users if each.email_verified and not each.customer_id]
    to = shlex.quote(waiting[0]) if len(waiting) == 1 else "USER"
    return f"customerlink reassign {shlex.quote(customer.id)} --to {to}"
