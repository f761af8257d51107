"""Both sides of one user, and the record, looked at: what is to be done about them."""

from dataclasses import dataclass
from typing import Protocol

from customerlink.model.customer import Customer
from customerlink.model.customer_values import EMAIL, LiveCustomer, Told
from customerlink.model.errors import CustomerLinkError
from customerlink.model.failure import FailedAt, How
from customerlink.model.listed_customer import Absence
from customerlink.model.profile import Identity
from customerlink.model.sign_up_record import Standing
from customerlink.model.signup import SignUp
from customerlink.model.sync import Decision, Seen, SyncRules, decide
from customerlink.model.sync_memory import Memory
from customerlink.model.user import CustomerId, User, UserId
from customerlink.ports.customers import Done
from customerlink.ports.deadline import Clock
from customerlink.ports.ledger import Ledger
from customerlink.ports.profiles import TenantUsers
from customerlink.ports.sync_ledger import SyncLedger
from customerlink.ports.synced_customers import SyncedCustomers
from customerlink.usecases.deleted_user import PartingInvocations
from customerlink.usecases.settle import Settling

NOTHING_TOLD = Told()


class SyncInvocations(PartingInvocations, Protocol):
    """What a reconciliation is made of: a method begins an invocation of its own."""

    def settling(self, signup: SignUp) -> Settling:
        """Return what settles a record, and makes a customer."""
        ...

    def syncing(self, signup: SignUp, customer_id: CustomerId) -> tuple[Settling, SyncedCustomers]:
        """Return what settles a record and makes none, and the customers within its budget."""
        ...

    def sync_ledger(self) -> SyncLedger:
        """Return what remembers, for as long as one reconciliation may take."""
        ...

    def ledger(self) -> Ledger:
        """Return the sign-ups' ledger, for as long as a lease of its lasts."""
        ...


class UnansweredError(CustomerLinkError):
    """Stripe did not say what a customer is: that is never taken for "there is none"."""

    failed_at = FailedAt.STRIPE


@dataclass(frozen=True)
class Look:
    """Looks at one user at a time, by the rules of a deployment; nothing is written."""

    profiles: TenantUsers
    invocations: SyncInvocations
    rules: SyncRules
    clock: Clock

    def plan(self, user: User, left: tuple[Identity, ...] = ()) -> Decision:
        """Say what is to be done; nothing is written. Raise `UnansweredError` without an answer."""
        memory = self.invocations.sync_ledger().recall(user)
        return self.decision(user, memory, self.invocations.synced_customers(), left=left)

    def is_known(self, user: User) -> bool:
        """Return whether the tenant has a user, or the ledger has had to do with one."""
        if self.profiles.get(user.user_id) is not None:
            return True
        memory = self.invocations.sync_ledger().recall(user)
        return (memory, self.invocations.view().standing(user)) != (Memory(), Standing())

    def decision(
        self,
        user: User,
        memory: Memory,
        customers: SyncedCustomers,
        told: Told = NOTHING_TOLD,
        left: tuple[Identity, ...] = (),
    ) -> Decision:
        """Look at both sides, and at the record; decide."""
        profile = self.profiles.get(user.user_id)
        standing = self.invocations.view().standing(user)
        known = profile.customer_id if profile else standing.had
        customer_id = known or standing.customer_id or memory.customer_id
        customer = (
            _looked_at(customers, customer_id)
            if customer_id
            else _told_of(customers, user, told.customer_id)
        )
        recorded, is_open = standing.customer_id, standing.is_open
        seen = Seen(user, profile, customer, recorded, is_open, memory, left)
        return decide(seen, self.rules, self.clock.time())

    def is_about_to_move(self, customer: Customer, user: User) -> bool:
        """Return whether its own user, another one of the tenant's, gives its address up.

        Two users who swap their addresses would wait for each other for ever.
        """
        if not customer.is_of_a_user(user.tenant) or customer.belongs_to(user):
            return False
        other = User(user.tenant, UserId(str(customer.auth0_user_id)))
        plan = self.plan(other)
        if plan.accounts:
            # Whatever else the other one waits for.
            plan = self.plan(other, plan.accounts)
        return plan.customer_id == customer.id and EMAIL in plan.writes


def _looked_at(customers: SyncedCustomers, customer_id: CustomerId) -> LiveCustomer | Absence:
    found = customers.look(customer_id)
    if not isinstance(found, Done):
        raise UnansweredError("Stripe did not say what the customer is", How.NO_ANSWER)
    return found.result


def _told_of(
    customers: SyncedCustomers, user: User, customer_id: CustomerId | None
) -> LiveCustomer | None:
    """Return a customer that only events know of, where it names the user: else it is nobody's."""
    found = _looked_at(customers, customer_id) if customer_id else None
    if isinstance(found, LiveCustomer) and found.customer.belongs_to(user):
        return found
    return None
