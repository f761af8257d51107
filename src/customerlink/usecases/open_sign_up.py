"""A sign-up whose lease an invocation has, and how it may end."""

from customerlink.model.customer import Customer
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.failure import FailedAt, How
from customerlink.model.failure import Failure as Failed
from customerlink.model.frozen import field, frozen
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import Lease
from customerlink.model.user import CustomerId, User
from customerlink.ports.customers import (
    Customers,
    Failure,
    NotSent,
    RateLimited,
    Refused,
    Spent,
    Unauthorised,
    Unknown,
)
from customerlink.ports.ledger import Ledger
from customerlink.ports.run import Run

PASSING = frozenset({Reason.PROVISIONING_FAILED, Reason.IN_PROGRESS})
"""Ends that another try may mend by itself."""


_HOW: dict[type, How] = {
    NotSent: How.NO_CONNECTION,
    RateLimited: How.RATE_LIMITED,
    Refused: How.REFUSED,
    Unauthorised: How.KEY_UNKNOWN,
}
"""How Stripe failed, where nothing was changed; of the rest, nobody knows what was."""


@frozen
class Settled:
    """The user's customer, linked in the ledger; None where none was asked for, and there is none.

    `reason` is `customer_created`, `customer_found`, `already_linked` or, without a customer,
    `not_new`.
    """

    customer_id: CustomerId | None
    reason: Reason


@frozen
class Unsettled:
    """Why the user has no customer by now."""

    reason: Reason
    refused: Reason | None = None
    """How an admission was refused before, as the ledger has it."""
    is_recorded: bool = True
    """Whether the ledger could be asked: what it does not know of leaves no mark."""
    is_linked: bool = False
    """Whether the ledger has a link, and Stripe does not say what has become of its customer."""
    in_the_way: tuple[CustomerId, ...] = ()
    """The customers that have the address."""
    redirect: str | None = None
    """Where the person may link the account that has the address."""
    failure: Failed | None = field(default=None, compare=False)
    """Where it failed, of `provisioning_failed`."""


class OpenSignUp:
    """A record whose lease this invocation has, and how it may end."""

    def __init__(  # noqa: PLR0913 (what an invocation has of it)
        self,
        lease: Lease,
        email: str | None,
        ledger: Ledger,
        customers: Customers,
        run: Run,
        *,
        is_admission: bool,
    ) -> None:
        """Take the lease, and the address that is signed up, if any."""
        self.lease, self.email = lease, email
        self.ledger, self.customers, self.run = ledger, customers, run
        self.recorded: Customer | None = None
        """What the record linked before, and is another's by now: a list may lag behind it."""
        self._is_admission = is_admission
        self._is_newly_locked = False

    @property
    def user(self) -> User:
        """Return whose sign-up it is."""
        return self.lease.user

    def is_own(self, customer: Customer) -> bool:
        """Return whether a customer names the user."""
        return customer.belongs_to(self.user)

    def lock(self) -> User | None:
        """Lock the address; return who has it, where somebody else does."""
        with self.run.trace.step("lock_email"):
            lock = self.ledger.lock_email(self.lease, str(self.email))
        self._is_newly_locked = lock.is_new
        return None if lock.is_mine else lock.holder

    def link(self, customer_id: CustomerId, reason: Reason) -> Settled | Unsettled:
        """Record the link. The lock stays until it lapses: Stripe's list may not know of it yet.

        What names a user who was gone may be about to fall to another one: the claim tells.
        """
        if self.lease.was_gone and not self.ledger.reclaim(self.user, customer_id):
            return self.fail(Unknown())
        with self.run.trace.step("link"):
            recorded = self.ledger.link(self.lease, customer_id)
        return Settled(customer_id, reason) if recorded else self.ended(Reason.IN_PROGRESS)

    def turn_down(
        self,
        reason: Reason,
        in_the_way: tuple[CustomerId, ...] = (),
        redirect: str | None = None,
    ) -> Unsettled:
        """Refuse the admission; whatever runs without the person leaves things as they were.

        While a create may be under way that is: open, for the repair to find what comes of it.
        """
        # The record first, then the lock: whoever is let past the lock finds the refusal written.
        with self.run.trace.step("refuse"):
            if self._is_admission:
                self.ledger.refuse(self.lease, reason)
            elif self.lease.has_create_under_way(self.run.clock.time()):
                self.ledger.release(self.lease)
            else:
                self.ledger.close(self.lease)
        self._unlock()
        return Unsettled(reason, self.lease.refused, in_the_way=in_the_way, redirect=redirect)

    def close(self, *, is_gone: bool = False) -> Settled | Unsettled:
        """End what nobody asked a customer of, or whose user is gone."""
        with self.run.trace.step("close"):
            closed = self.ledger.close(self.lease, is_gone=is_gone)
        self._unlock()
        return Settled(None, Reason.NOT_NEW) if closed else self.ended(Reason.IN_PROGRESS)

    def fail(self, failure: Failure | Spent) -> Unsettled:
        """Leave the sign-up open for the next try, which Stripe or the time has to allow."""
        if isinstance(failure, Refused) and failure.param == "email":
            return self.turn_down(Reason.EMAIL_INVALID)
        self._note(failure)
        with self.run.trace.step("release"):
            self.ledger.release(self.lease)
        self._unlock()
        return self.ended(Reason.PROVISIONING_FAILED)

    def _note(self, failure: Failure | Spent) -> None:
        """Say where it failed, unless who asked Stripe has: what was sent may be on its way."""
        how = _HOW.get(type(failure))
        if how is None:
            self.run.trace.fail(FailedAt.EARLIER_TRY, How.UNDER_WAY)
        else:
            self.run.trace.fail(FailedAt.STRIPE, how)

    def ended(self, reason: Reason) -> Unsettled:
        """End without a write: another invocation has the lease, or the ledger does not answer."""
        return Unsettled(reason, self.lease.refused)

    def _unlock(self) -> None:
        """Give the lock back, unless a create of this user's may still be on its way.

        Until that has arrived, and Stripe's list shows it, nobody else with the address may pass
        the look-up: so a lock that the user had before is left too. Where giving back fails, the
        lock's lease ends by itself.
        """
        under_way = self.lease.has_create_under_way(self.run.clock.time())
        if not self._is_newly_locked or self.lease.sends_create or under_way:
            return
        trace = self.run.trace
        try:
            with trace.aside(), trace.step("unlock_email"):
                self.ledger.unlock_email(self.lease, str(self.email))
        except LedgerUnavailableError:
            return
