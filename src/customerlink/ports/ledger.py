"""The port to the ledger, which keeps the sign-up records, the locks and the claims."""

from typing import Protocol

from customerlink.model.customer import NewCustomer
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import (
    Adoption,
    Busy,
    HeldLock,
    Lease,
    Linked,
    Lock,
    Standing,
)
from customerlink.model.user import CustomerId, Tenant, User


class LedgerView(Protocol):
    """The ledger as an operator looks at it, who changes nothing.

    Every method raises `LedgerUnavailableError` when the ledger did not answer in time.
    """

    def standing(self, user: User) -> Standing:
        """Return where a user's record stands; one that is not there stands nowhere."""
        ...

    def claimed_by(self, customer_id: CustomerId) -> User | None:
        """Return who has a customer's claim."""
        ...

    def is_reconciled(self, user: User) -> bool:
        """Return whether somebody looks at a user after the sign-up, or what was sent may come."""
        ...

    def lock_on(self, tenant: Tenant, email: str) -> HeldLock | None:
        """Return who has an address's lock right now, whatever its letter case."""
        ...


class Ledger(Protocol):
    """The port to the ledger, for one invocation.

    Every method raises `LedgerUnavailableError` when the ledger did not answer in time. A write
    that finds its lease taken over changes nothing and answers False or `Busy`.
    """

    def installed_at(self) -> float:
        """Return when the deployment was first asked anything, in unix seconds; noted by this call.

        A user who is younger than that signs up, however often Auth0 counted.
        """
        ...

    def has_record(self, user: User) -> bool:
        """Return whether a login is to take notice of the user's record, read consistently.

        That is: a linked one, and one that an admission opened or was refused in.
        """
        ...

    def open(
        self, user: User, create: NewCustomer | None, *, admission: bool
    ) -> Lease | Linked | Busy:
        """Take the sign-up's lease, and freeze what would be created unless something is already.

        That comes before anything is done with it.
        """
        ...

    def reopen(self, user: User, stale: Linked, create: NewCustomer | None) -> Lease | Busy:
        """Start over, with the next attempt, when the recorded customer is gone."""
        ...

    def next_attempt(self, lease: Lease, create: NewCustomer) -> Lease | Busy:
        """Raise the attempt, and freeze what it creates.

        Only once all under the old key has ended, and after a look-up found no customer of the
        user's.
        """
        ...

    def link(self, lease: Lease, customer_id: CustomerId) -> bool:
        """Record the link, and forget what would have been created."""
        ...

    def restore(self, lease: Lease, recorded: Linked) -> bool:
        """Put back the link that was reopened: since when it is recorded stays as it was."""
        ...

    def refuse(self, lease: Lease, reason: Reason) -> None:
        """Record that an admission was refused; the next login opens the sign-up again."""
        ...

    def close(self, lease: Lease, *, is_gone: bool = False) -> bool:
        """End a sign-up without an outcome for anybody who logs in: it is as it was before.

        Of a user who is gone, nothing personal is kept but that they were.
        """
        ...

    def release(self, lease: Lease) -> None:
        """Give the lease back without an outcome, so that the next try need not wait.

        Like `refuse` and `close`, it forgets a create that nobody sent.
        """
        ...

    def begin_adoption(self, lease: Lease, adoption: Adoption) -> Lease | Busy:
        """Note that an adoption begins, before anybody claims or changes the customer."""
        ...

    def claim(self, user: User, adoption: Adoption) -> bool:
        """Claim a customer for a user, for good; only once the adoption has begun.

        False when another user has the claim, unless it is the one who is replaced, and who has not
        come back since they were gone. Where nobody was gone, a third one's claim of some time ago
        is replaced too: the customer was just seen to name the one who is replaced.
        """
        ...

    def reclaim(self, user: User, customer_id: CustomerId) -> bool:
        """Claim a customer that names its user, who was gone and is there again.

        False while an update of whoever has the claim may be on its way.
        """
        ...

    def lock_email(self, lease: Lease, email: str) -> Lock:
        """Take the lock on an address; return who has it, who may be another sign-up's user."""
        ...

    def unlock_email(self, lease: Lease, email: str) -> None:
        """Give the lock back, if this lease still has it."""
        ...


class ErasingLedger(Ledger, Protocol):
    """The ledger for who lets go of a user for good; its leases outlast whatever is sent."""

    def disclaim(self, user: User, customer_id: CustomerId) -> bool:
        """Take back a user's claim on a customer; False where they have none."""
        ...

    def forget(self, lease: Lease) -> bool:
        """Delete a user's record; False if the lease was taken over."""
        ...
