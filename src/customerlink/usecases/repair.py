"""Repair: a plan carried out, each expectation looked at again at the moment of change."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Protocol

from customerlink.model.address import is_same_address, lowered
from customerlink.model.customer_values import EMAIL
from customerlink.model.errors import LedgerUnavailableError, NoTurnError
from customerlink.model.instruction import Metadata, Reason, link_metadata, unlinked_metadata
from customerlink.model.listed_customer import OTHER_ADDRESS, SERVED, Absence, ListedCustomer
from customerlink.model.profile import Profile, unfinished
from customerlink.model.rates import A_USER, Endpoint
from customerlink.model.repair_plan import Act, Step
from customerlink.model.row import Row
from customerlink.model.sign_up_record import Adoption
from customerlink.model.signup import SignUp
from customerlink.model.sync import Verdict
from customerlink.model.trouble import Trouble, of_the_row
from customerlink.model.user import CustomerId, Tenant, User, UserId, registrant_id, stand_in
from customerlink.ports.customer_directory import CustomerDirectory
from customerlink.ports.deadline import Clock
from customerlink.ports.ledger import Ledger, LedgerView
from customerlink.ports.profiles import Identities, Profiles
from customerlink.ports.rate import by_turns
from customerlink.usecases.backfill import why_not
from customerlink.usecases.change_address import LowerCase
from customerlink.usecases.delete_customer import (
    Deletion,
    close_if_possible,
    delete_customer,
    reserve,
)
from customerlink.usecases.link_accounts import Account, LinkFailure, Linking
from customerlink.usecases.open_sign_up import Settled, Unsettled
from customerlink.usecases.provision_existing import provision_existing
from customerlink.usecases.rows import RowFailed, Rows, Seen
from customerlink.usecases.settle import Creates, Settling
from customerlink.usecases.sync import Sync
from customerlink.usecases.synced import NO_ANSWER, NO_LEDGER, NO_TURN, Synced, SyncOutcome
from customerlink.usecases.whose_customer import RUNNING, other_with

_GONE = "the user is gone"
_ID_BY_NOW = "the profile has an id by now"
_OTHER_ID = "the profile has another id by now"
_NOT_DELETED = "Stripe does not know the customer, and does not say that it was deleted: --force"
_OUTAGES = (Reason.PROVISIONING_FAILED, NO_ANSWER)
_NOT_NAMED = "the customer does not name the user any more"


class Outcome(StrEnum):
    """How a step ended."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    LEFT = "left to you"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one step."""

    step: Step
    outcome: Outcome
    why: str

    def row(self) -> Row:
        """Return it as a row, by all the ids that the step has."""
        ids = f"{self.step.user_id or '-'} {self.step.customer_id or '-'}"
        return Row(ids, self.outcome, self.why)


class Invocations(Protocol):
    """What settles records without anybody's login: a method begins an invocation of its own."""

    def ahead(self, endpoints: Iterable[Endpoint]) -> AbstractContextManager[None]:
        """Wait for a turn at each endpoint; inside, nobody waits for any."""
        ...

    def settling(
        self,
        signup: SignUp,
        *,
        creates: Creates = Creates.ALWAYS,
        known: tuple[CustomerId, ...] = (),
        heir_to: Adoption | None = None,
    ) -> Settling:
        """Return what settles a record."""
        ...

    def linking(self, primary: Account, secondary: Account) -> Linking:
        """Return what lets a linked account's customer follow into the primary."""
        ...

    def ledger(self) -> Ledger:
        """Return the ledger by itself."""
        ...

    def view(self) -> LedgerView:
        """Return the ledger to look at."""
        ...


@dataclass(frozen=True)
class Repair:
    """Carries plans out; of an Auth0 user it writes the two keys of ours and nothing else."""

    tenant: Tenant
    profiles: Profiles
    identities: Identities
    customers: CustomerDirectory
    invocations: Invocations
    addresses: Sync
    """What lets a customer's address follow its user's, and nothing else."""
    clock: Clock
    trouble_of: Callable[[Exception], Trouble] = of_the_row
    served: Collection[str] = ()
    """The tenants that the deployment is for: what names one of them is not to be renamed."""
    unknown_is_gone: bool = False
    """Whether somebody vouches for the key: what Stripe does not know is gone, then."""

    def apply(self, steps: Iterable[Step]) -> Iterator[Result]:
        """Carry out step by step; what changed since the plan was made is skipped, and said.

        What a step raises is its own outcome, unless the next ones must fail as well.
        """
        rows = Rows(self.trouble_of, self.clock)
        acts: dict[Act, Callable[[Step], str | None]] = {
            Act.RECORD: self._record,
            Act.PROVISION: self._provision,
            Act.CLEAR: self._clear,
            Act.SET_EMAIL: self._set_email,
            Act.LOWER_EMAIL: self._lower_email,
            Act.CLAIM: self._claim,
            Act.ADOPT: self._adopt,
            Act.RENAME: self._rename,
            Act.FOLLOW: self._follow,
            Act.REMOVE: self._remove,
        }
        for step in steps:
            if step.act is Act.DECIDE:
                yield Result(step, Outcome.LEFT, step.reason)
                continue
            # The turns first: what is read before a wait may be stale after it.
            act = partial(by_turns, self.invocations.ahead, A_USER, partial(acts[step.act], step))
            why = rows.attempt(act, _seen)
            if isinstance(why, RowFailed):
                yield Result(step, Outcome.FAILED, why.reason)
            else:
                yield Result(step, Outcome.SKIPPED if why else Outcome.DONE, why or step.act)

    def _record(self, step: Step) -> str | None:
        """Link a customer that names the user, in the ledger and in the profile; return why not."""
        profile = self._profile(step)
        if profile is None:
            return _GONE
        if profile.customer_id:
            return _ID_BY_NOW
        outcome = self._recording(step, profile.email).settle()
        if not isinstance(outcome, Settled):
            return str(outcome.reason)
        if outcome.customer_id is None:
            return _NOT_NAMED
        return self._link(step, outcome.customer_id)

    def _provision(self, step: Step) -> str | None:
        """Settle the user's record, and write the link."""
        outcome = provision_existing(self._user(step), self.profiles, self.invocations.settling)
        if not isinstance(outcome, Settled):
            return why_not(outcome)
        return _ID_BY_NOW if outcome.reason is Reason.ALREADY_LINKED else None

    def _clear(self, step: Step) -> str | None:
        """Take out an id that leads nowhere; the next login finishes the sign-up."""
        found = self.customers.retrieve(CustomerId(str(step.customer_id)))
        if not isinstance(found, Absence):
            return "the customer is there"
        # Another account's key would find no customer at all, and all links would be cleared.
        if found is Absence.UNKNOWN and not self.unknown_is_gone:
            return _NOT_DELETED
        profile = self._profile(step)
        if profile is None:
            return _GONE
        if profile.customer_id != step.customer_id:
            return _OTHER_ID
        # A deleted one a login gives up by itself; of what Stripe does not know it never does.
        why = None if found is Absence.DELETED else self._unrecord(step)
        return why or self._write(step, unlinked_metadata())

    def _unrecord(self, step: Step) -> str | None:
        """End the record that links the customer without its link; return why not.

        Before the profile is written, by which it would not be found again after an interruption:
        as long as that has the id, nobody who logs in is asked for the record.
        """
        user, ledger = self._user(step), self.invocations.ledger()
        standing = self.invocations.view().standing(user)
        if standing.is_held:
            return RUNNING
        if standing.customer_id != step.customer_id:
            return None
        reserved = reserve(ledger, user)
        if reserved is None:
            return RUNNING
        if reserved.recorded and reserved.recorded.customer_id == step.customer_id:
            ledger.close(reserved.lease)
        else:
            reserved.restore(ledger)
        return None

    def _set_email(self, step: Step) -> str | None:
        """Give the customer the user's address, unless another customer has it."""
        profile = self._profile(step)
        if profile is None or profile.customer_id != step.customer_id:
            return "the profile has changed"
        return _not_followed(self.addresses.reconcile(self._user(step)))

    def _lower_email(self, step: Step) -> str | None:
        """Write the customer's address in lower case, whosever it is."""
        customer = self._customer(step)
        if customer is None:
            return "the customer is gone"
        email = customer.email or ""
        if email == lowered(email):
            return "the address is in lower case by now"
        if customer.auth0_tenant not in (None, self.tenant):
            return "the customer is another tenant's"
        nobody = SignUp(stand_in(self.tenant, customer.id), logins_count=0)
        settling = self.invocations.settling(nobody, creates=Creates.NEVER)
        return LowerCase(settling, customer.id, email).carry_out()

    def _claim(self, step: Step) -> str | None:
        """Let a registration's customer name the user, as the first login would."""
        profile = self._profile(step)
        if profile is None:
            return _GONE
        if profile.customer_id != step.customer_id:
            return _OTHER_ID
        signup = unfinished(self._user(step), profile)
        reason = self.invocations.settling(signup, creates=Creates.NEVER).settle().reason
        return None if reason is Reason.ALREADY_LINKED else str(reason)

    def _adopt(self, step: Step) -> str | None:
        """Let a customer that names nobody name the user, as account linking hands one on."""
        profile, customer = self._profile(step), self._customer(step)
        if profile is None:
            return _GONE
        if customer is None or profile.customer_id != customer.id:
            return _OTHER_ID
        why = customer.why_not_adoptable(self.tenant, profile) or self._rival(customer, profile)
        if why:
            return why
        heir_to = Adoption(customer.id, address=profile.email)
        return self._inherited(step, profile, customer, heir_to)

    def _inherited(
        self, step: Step, profile: Profile, customer: ListedCustomer, heir_to: Adoption
    ) -> str | None:
        """Link a customer that becomes the user's where there is none of their own."""
        outcome = self._recording(step, profile.email, heir_to).settle()
        if isinstance(outcome, Settled):
            if outcome.customer_id != customer.id:
                return f"the user has {outcome.customer_id}"
            return self._link(step, customer.id)
        return _not_adopted(outcome, customer.id)

    def _rival(self, customer: ListedCustomer, profile: Profile) -> str | None:
        rival = other_with(customer, profile.user_id, self.profiles, self.identities)
        return f"the profile of {rival} has it too" if rival else None

    def _rename(self, step: Step) -> str | None:
        """Let a customer that was made under a wrong tenant's name name this one."""
        profile, customer, user = self._profile(step), self._customer(step), self._user(step)
        if profile is None:
            return _GONE
        if customer is None or profile.customer_id not in (None, customer.id):
            return _OTHER_ID
        named = customer.tenant_instead(user)
        if named is None:
            return "the customer does not name the user under another tenant's name"
        if named in self.served:
            return SERVED
        # Without an id in the profile, the address alone tells it from another tenant's namesake.
        is_same = profile.email and is_same_address(customer.email, profile.email)
        if not (profile.customer_id or is_same):
            return OTHER_ADDRESS
        heir_to = Adoption(customer.id, User(named, user.user_id))
        return self._inherited(step, profile, customer, heir_to)

    def _follow(self, step: Step) -> str | None:
        """Let a linked account's customer follow, as linking by the shop's page does."""
        profile, customer = self._profile(step), self._customer(step)
        if profile is None:
            return _GONE
        secondary = profile.linked(customer.auth0_user_id or "") if customer else None
        if secondary is None or customer is None:
            return "the customer names no account that is linked to the user"
        staying = Account.of(self._user(step), profile)
        user = User(self.tenant, secondary.user_id)
        # As `reassign` waits: what was sent for the account could take the customer back.
        if self.invocations.view().is_reconciled(user):
            return str(LinkFailure.IN_PROGRESS)
        leaving = Account(user, None, customer.id)
        followed = self.invocations.linking(staying, leaving).follow()
        if isinstance(followed, LinkFailure):
            return str(followed)
        if followed.customer_id is None:
            return "the customer has moved on"
        return self._link(step, followed.customer_id)

    def _remove(self, step: Step) -> str | None:
        """Delete a registration's customer that led to no user and was never used."""
        customer = self._customer(step)
        if customer is None or customer.registration_id is None:
            return "the customer is gone, or is no registration's"
        why = customer.why_not_removable(self.tenant, self.clock.time())
        if why:
            return why
        # Nobody registers with the address while it is looked for, and deleted.
        ledger = self.invocations.ledger()
        registrant = User(self.tenant, registrant_id(customer.registration_id))
        began = self.clock.time()
        reserved = reserve(ledger, registrant)
        if reserved is None:
            return "somebody registers right now"
        with reserved.or_restored(ledger):
            is_held = self._is_held(customer)
        if is_held:
            ledger.close(reserved.lease)
            return "a user has it"
        with reserved.or_restored(ledger, NoTurnError):
            end = delete_customer(self.customers, customer.id, self.clock, began)
        if end is not Deletion.UNKNOWN:
            close_if_possible(ledger, reserved.lease)
        return None if end is Deletion.DONE else end

    def _is_held(self, customer: ListedCustomer) -> bool:
        holders = self.profiles.with_address(customer.email) if customer.email else ()
        # A first login may have taken the customer over meanwhile, without the registrant's record.
        again = self.customers.retrieve(customer.id)
        is_taken = isinstance(again, Absence) or again.auth0_user_id is not None
        return is_taken or any(each.customer_id == customer.id for each in holders)

    def _recording(
        self, step: Step, email: str | None, heir_to: Adoption | None = None
    ) -> Settling:
        """Return what records the link to a customer that names the user, and makes none."""
        signup = SignUp(self._user(step), logins_count=0, email=email)
        known = (CustomerId(str(step.customer_id)),)
        return self.invocations.settling(
            signup, creates=Creates.NEVER, known=known, heir_to=heir_to
        )

    def _user(self, step: Step) -> User:
        return User(self.tenant, UserId(str(step.user_id)))

    def _profile(self, step: Step) -> Profile | None:
        return self.profiles.get(str(step.user_id))

    def _customer(self, step: Step) -> ListedCustomer | None:
        """Return the customer as it is now; None for one that is deleted or unknown."""
        found = self.customers.retrieve(CustomerId(str(step.customer_id)))
        return None if isinstance(found, Absence) else found

    def _link(self, step: Step, customer_id: CustomerId) -> str | None:
        return self._write(step, link_metadata(customer_id))

    def _write(self, step: Step, metadata: Metadata) -> str | None:
        is_there = self.profiles.merge_app_metadata(str(step.user_id), metadata)
        return None if is_there else _GONE


def _not_adopted(outcome: Unsettled, customer_id: CustomerId) -> str:
    if outcome.reason is Reason.LINK_MISMATCH:
        return "the customer has changed"
    is_claimed = customer_id in outcome.in_the_way
    return "another user has claimed the customer" if is_claimed else why_not(outcome)


def _not_followed(synced: Synced) -> str | None:
    """Return why a customer's address did not follow, if so.

    Raise for the ledger's silence, and for want of a turn.
    """
    if synced.why == NO_LEDGER:
        raise LedgerUnavailableError(NO_LEDGER)
    if synced.why == NO_TURN:
        raise NoTurnError(Endpoint.READ_USERS)
    if synced.outcome is SyncOutcome.DONE:
        return None
    verdicts = synced.decision.verdicts if synced.decision else {}
    if verdicts.get(EMAIL) is Verdict.LEFT:
        return "the user has no address that may be used: sync has --email-changes"
    if synced.outcome is SyncOutcome.NOTHING:
        return "the addresses agree by now"
    return synced.why or str(synced.reason)


def _seen(why: str | None) -> Seen:
    """Return what a step's end says of Stripe and the ledger."""
    return Seen.DOWN if why in _OUTAGES else Seen.UP
