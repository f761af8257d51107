"""What there is of a person who is to be forgotten, and what stands in the way."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from customerlink.model.address import spellings
from customerlink.model.customer_values import LiveCustomer
from customerlink.model.errors import NoTurnError
from customerlink.model.listed_customer import Absence
from customerlink.model.profile import ODD_IDENTITY, Profile
from customerlink.model.rates import Endpoint
from customerlink.model.sign_up_record import Lease
from customerlink.model.usage import Subscriptions
from customerlink.model.user import CustomerId, User
from customerlink.ports.customers import Done, Failure, RateLimited
from customerlink.ports.deadline import Clock
from customerlink.ports.profiles import ErasableUsers
from customerlink.ports.synced_customers import SyncedCustomers
from customerlink.usecases.look import SyncInvocations, UnansweredError
from customerlink.usecases.whose_customer import RUNNING

STILL_THERE = "Auth0 still has the user: --delete-user deletes them there as well"
SUBSCRIBED = "a subscription is live: cancel it first"
HIDDEN = (
    "the Stripe key may not read subscriptions, so one may be live: CUSTOMERLINK_STRIPE_KEY with"
    " Subscriptions: Read (docs/deploy.md#a-key-for-support)"
)
ANOTHERS = "another user's profile has a customer that names the person: put that right first"
MISSING = (
    "Stripe does not know a customer that the person had: is the key right? If so,"
    " --unknown-is-gone says that it is no more"
)


@dataclass(frozen=True, slots=True)
class NamedCustomer:
    """A customer that names the person, or did before it was unlinked."""

    user: User
    live: LiveCustomer
    subscriptions: Subscriptions

    @property
    def id(self) -> CustomerId:
        """Return its id."""
        return self.live.customer.id

    @property
    def is_theirs(self) -> bool:
        """Return whether it names them still: another one's has at most a note of it."""
        return self.live.customer.belongs_to(self.user)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is there of a person, and what stands in the way."""

    users: tuple[User, ...]
    """The accounts that were linked into the user's own, which comes last."""
    is_there: bool
    customers: tuple[NamedCustomer, ...]
    refusals: tuple[str, ...]


@dataclass
class Traces:
    """What leads to the customers of one user."""

    ids: set[CustomerId] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)
    registrations: set[str] = field(default_factory=set)
    is_one_missing: bool = False
    """Whether Stripe knows nothing of one: another account's key is told so of them all."""


@dataclass(frozen=True)
class Person:
    """One person, looked at by who may erase them."""

    user: User
    emails: tuple[str, ...]
    """Addresses that the person had, beside those that are still known."""
    profiles: ErasableUsers
    invocations: SyncInvocations
    clock: Clock
    deletes_user: bool = False
    unknown_is_gone: bool = False
    """Whether somebody vouches for the key: what Stripe does not know is gone, then."""

    def plan(self) -> Plan:
        """Look at everything; nothing is changed. Raise `UnansweredError` without an answer."""
        profile = self.profiles.get(self.user.user_id)
        users = self._users(profile)
        refusals, found = [*self._why_not(profile, users)], []
        for who in users:
            traces = self.traces(who, profile)
            customers = self.customers(who, traces)
            found += customers
            refusals += self.why_not_let_go(customers, traces)
        return Plan(users, profile is not None, tuple(found), tuple(dict.fromkeys(refusals)))

    def why_not_let_go(self, found: Iterable[NamedCustomer], traces: Traces) -> Iterator[str]:
        """Say what speaks against letting a user's customers go."""
        theirs = [each for each in found if each.is_theirs]
        states = {each.subscriptions for each in theirs}
        if any(map(self._is_anothers, theirs)):
            yield ANOTHERS
        if Subscriptions.LIVE in states:
            yield SUBSCRIBED
        if Subscriptions.HIDDEN in states:
            yield HIDDEN
        if traces.is_one_missing and not self.unknown_is_gone:
            yield MISSING

    def _is_anothers(self, customer: NamedCustomer) -> bool:
        """Return whether another person's profile has it: whoever edits metadata names anybody."""
        carriers = {each.user_id for each in self.profiles.with_customer(customer.id)}
        return bool(carriers - {self.user.user_id})

    def _users(self, profile: Profile | None) -> tuple[User, ...]:
        parts = profile.identities[1:] if profile else ()
        ids = [each.user_id for each in parts if each != ODD_IDENTITY]
        return *(User(self.user.tenant, each) for each in ids), self.user

    def _why_not(self, profile: Profile | None, users: Iterable[User]) -> Iterator[str]:
        if profile is not None and not self.deletes_user:
            yield STILL_THERE
        primary = self.profiles.primary_of(self.user.user_id) if profile is None else None
        if primary is not None:
            yield f"the account is a part of {primary.user_id}: forget that one"
        view = self.invocations.view()
        if any(view.standing(each).is_held for each in users):
            yield RUNNING

    def traces(self, who: User, profile: Profile | None, lease: Lease | None = None) -> Traces:
        """Collect whatever leads to a customer: both sides, the record and the memory."""
        standing = self.invocations.view().standing(who)
        memory = self.invocations.sync_ledger().recall(who)
        ids = {standing.customer_id, standing.had, memory.customer_id}
        emails: set[str | None] = {*self.emails}
        registrations: set[str | None] = set()
        if profile is not None:
            ids.add(profile.customer_id)
            registrations.add(profile.registration_id)
            emails |= {profile.email, *(each.email for each in profile.identities)}
        if lease is not None:
            ids |= {lease.had, lease.adopting.customer_id if lease.adopting else None}
            emails |= lease.emails()
        return Traces(
            {each for each in ids if each},
            {each for each in emails if each},
            {each for each in registrations if each},
        )

    def customers(self, who: User, traces: Traces) -> list[NamedCustomer]:
        """Find all customers that name a user, by id and under every address, however spelled.

        What they are found by is added to the traces.
        """
        customers = self.invocations.synced_customers()
        for each in sorted(traces.ids):
            live = _looked_at(customers, each)
            if isinstance(live, LiveCustomer) and _is_of(live, who) and live.customer.email:
                traces.emails.add(live.customer.email)
        for address in spellings(*sorted(traces.emails)):
            listed = _answer(customers.list_by_email(address), Endpoint.LIST)
            traces.ids |= {each.id for each in listed if each.belongs_to(who) or each.was_of(who)}
        looked = [_looked_at(customers, each) for each in sorted(traces.ids)]
        missing = (Absence.UNKNOWN, Absence.OTHER_MODE)
        traces.is_one_missing = any(each in missing for each in looked)
        own = [each for each in looked if isinstance(each, LiveCustomer) and _is_of(each, who)]
        traces.registrations |= {
            each.customer.registration_id for each in own if each.customer.registration_id
        }
        return [NamedCustomer(who, each, _subscriptions(customers, each)) for each in own]


def _is_of(live: LiveCustomer, who: User) -> bool:
    return live.customer.belongs_to(who) or live.customer.was_of(who)


def _looked_at(customers: SyncedCustomers, customer_id: CustomerId) -> LiveCustomer | Absence:
    return _answer(customers.look(customer_id), Endpoint.RETRIEVE)


def _subscriptions(customers: SyncedCustomers, live: LiveCustomer) -> Subscriptions:
    return _answer(customers.subscriptions(live.customer.id), Endpoint.CHANGE)


def _answer[Result](outcome: Done[Result] | Failure, endpoint: Endpoint) -> Result:
    if isinstance(outcome, RateLimited):
        raise NoTurnError(endpoint)
    if not isinstance(outcome, Done):
        raise UnansweredError("Stripe did not say what there is")
    return outcome.result
