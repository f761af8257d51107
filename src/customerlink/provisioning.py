"""The provisioning pipeline: eight steps, each a guard that may end the sign-up."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from customerlink.customers import (
    Customer,
    Customers,
    Done,
    Failure,
    KeyMismatch,
    KeySpent,
    NewCustomer,
    Refused,
    Spent,
)
from customerlink.errors import LedgerUnavailableError
from customerlink.instruction import Instruction, Reason, denied, linked, not_new
from customerlink.ledger import Busy, Lease, Ledger, Linked
from customerlink.policy import Policy
from customerlink.run import Run
from customerlink.signup import CustomerId, Marker, SignUp

EXEMPT_FROM_AGE = timedelta(hours=1)
"""A younger account may have another login on its way to the ledger, so it is not exempt yet."""

_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 0.4


@dataclass(slots=True)
class Provisioning:
    """One sign-up on its way through the pipeline, over the ports that it needs."""

    signup: SignUp
    ledger: Ledger
    customers: Customers
    policy: Policy
    run: Run

    def instruction(self) -> Instruction:
        """Decide on the sign-up; every outcome is an instruction, failures included."""
        try:
            return self._eight_steps()
        except LedgerUnavailableError:
            return self._denied(Reason.PROVISIONING_FAILED)

    def _eight_steps(self) -> Instruction:  # noqa: PLR0911 (guard clauses, like the specification)
        # 1. New user?
        if not self._is_new():
            return not_new(exempt=self._may_be_exempt())

        # 2. Data integrity
        if self.signup.customer_id is not None:
            return self._check_link(self.signup.customer_id)

        # 3. Email
        email = self.signup.email
        if email is None or not email.strip():
            return self._turned_away(Reason.EMAIL_MISSING)
        if not _has_the_form_of_an_address(email):
            return self._turned_away(Reason.EMAIL_INVALID)

        # 4. Open the sign-up
        lease = self._opened(email)
        if not isinstance(lease, Lease):
            return lease

        # 5. Lock the email
        with self.run.step("lock_email"):
            locked = self.ledger.lock_email(lease, email)
        if not locked:
            return self._refused(lease, email, Reason.EMAIL_IN_USE)

        # 6. Existing customer?
        existing = self._existing_customer(lease, email)
        if existing is not None:
            return existing

        # 7. Create the customer
        created = self._created_customer(lease.trying(), email)
        if not isinstance(created, Customer):
            return created

        # 8. Record the link, release the lock, instruct
        return self._link(lease, email, created, Reason.CUSTOMER_CREATED)

    def _is_new(self) -> bool:
        """Any record counts: also a linked one, whose link the profile should carry and does not.

        Auth0 counts denied logins too, so the count alone would let a denied user in.
        """
        if self.signup.logins_count == 1 or self.signup.marker is Marker.UNFINISHED:
            return True
        with self.run.step("knows"):
            return self.ledger.knows(self.signup.user)

    def _may_be_exempt(self) -> bool:
        if self.signup.customer_id is not None or self.signup.created_at is None:
            return False
        now = datetime.fromtimestamp(self.run.clock.time(), UTC)
        return now - self.signup.created_at > EXEMPT_FROM_AGE

    def _check_link(self, customer_id: CustomerId) -> Instruction:
        found = self.customers.retrieve(customer_id)
        if not isinstance(found, Done):
            return self._denied(Reason.PROVISIONING_FAILED)
        if found.result is None or not found.result.belongs_to(self.signup.user):
            return self._denied(Reason.LINK_MISMATCH)
        return linked(customer_id, Reason.ALREADY_LINKED)

    def _opened(self, email: str | None) -> Lease | Instruction:
        """Take the lease, or answer with the recorded link, or with what became of the wait."""
        wait = _FIRST_WAIT_SECONDS
        opened = self._open(email)
        while isinstance(opened, Busy) and self.run.remaining_for_stripe() > wait:
            with self.run.step("wait"):
                self.run.clock.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
            opened = self._open(email)
        if isinstance(opened, Busy):
            return self._denied(Reason.IN_PROGRESS)
        if isinstance(opened, Lease):
            self.run.attempt = opened.attempt
        return opened

    def _open(self, email: str | None) -> Lease | Busy | Instruction:
        with self.run.step("open"):
            opened = self.ledger.open(self.signup.user, email)
        return self._replayed(opened, email) if isinstance(opened, Linked) else opened

    def _replayed(self, recorded: Linked, email: str | None) -> Lease | Busy | Instruction:
        """Replay a recorded link that is still true; start over when its customer is gone."""
        found = self.customers.retrieve(recorded.customer_id)
        if not isinstance(found, Done):
            return self._denied(Reason.PROVISIONING_FAILED)
        if found.result is not None and found.result.belongs_to(self.signup.user):
            return linked(recorded.customer_id, Reason.CUSTOMER_FOUND)
        return self.ledger.reopen(self.signup.user, recorded, email)

    def _existing_customer(self, lease: Lease, email: str) -> Instruction | None:
        """Look under every address that the user may have a customer under.

        Others' customers count only under the address that is being signed up. A look-up that
        failed is never taken for "there is none".
        """
        own: list[Customer] = []
        others: list[Customer] = []
        current = {email, email.lower()}
        for address in sorted(lease.emails | current):
            listed = self.customers.list_by_email(address)
            if not isinstance(listed, Done):
                return self._failed(lease, email, listed)
            own += [each for each in listed.result if each.belongs_to(self.signup.user)]
            if address in current:
                others += [each for each in listed.result if not each.belongs_to(self.signup.user)]
        if own:
            return self._link(lease, email, min(own, key=_oldest_first), Reason.CUSTOMER_FOUND)
        return self._refused(lease, email, Reason.EMAIL_IN_USE) if others else None

    def _created_customer(self, lease: Lease, email: str) -> Customer | Instruction:
        """Create under the attempt's key; where that key is of no use any more, under the next one.

        A new attempt could make a second customer, so it is taken only when no request under the
        old key can be under way any more, and right after a look-up that found none.
        """
        if not lease.key_may_be_forgotten(self.run.clock.time()):
            created = self._create(lease, email)
            if isinstance(created, Customer):
                return created
            if not isinstance(created, KeySpent | KeyMismatch):
                return self._failed(lease, email, created)
            if isinstance(created, KeyMismatch) and not lease.has_settled(self.run.clock.time()):
                return self._failed(lease, email, created)
            existing = self._existing_customer(lease, email)
            if existing is not None:
                return existing
        raised = self.ledger.next_attempt(lease)
        if isinstance(raised, Busy):
            return self._denied(Reason.IN_PROGRESS)
        self.run.attempt = raised.attempt
        created = self._create(raised, email)
        return created if isinstance(created, Customer) else self._failed(raised, email, created)

    def _create(self, lease: Lease, email: str) -> Customer | Spent | Failure:
        new = NewCustomer.of(self.signup, email)
        created = self.customers.create(new, lease.idempotency_key())
        if not isinstance(created, Done):
            return created
        if not created.replayed:
            return created.result
        # A replayed answer tells of the past: the customer may have been deleted since.
        found = self.customers.retrieve(created.result.id)
        if not isinstance(found, Done):
            return found
        if found.result is None or not found.result.belongs_to(self.signup.user):
            return KeySpent()
        return found.result

    def _link(self, lease: Lease, email: str, customer: Customer, reason: Reason) -> Instruction:
        with self.run.step("link"):
            recorded = self.ledger.link(lease, customer.id)
        if not recorded:
            return self._denied(Reason.IN_PROGRESS)
        self._unlock(lease, email)
        return linked(customer.id, reason)

    def _turned_away(self, reason: Reason) -> Instruction:
        """Refuse before any look-up; recorded, so that it holds even if Auth0 loses the marker."""
        lease = self._opened(None)
        if not isinstance(lease, Lease):
            return lease
        return self._refused(lease, None, reason)

    def _refused(self, lease: Lease, email: str | None, reason: Reason) -> Instruction:
        with self.run.step("refuse"):
            self.ledger.refuse(lease, reason)
        if email is not None:
            self._unlock(lease, email)
        return self._denied(reason)

    def _failed(self, lease: Lease, email: str, failure: Failure | Spent) -> Instruction:
        """Leave the sign-up open for the next try.

        The lock stays until its lease ends, for this user to take again: a create of this or an
        earlier invocation may still be on its way, and nobody else with the address may pass the
        look-up before it arrived.
        """
        if isinstance(failure, Refused) and failure.param == "email":
            return self._refused(lease, email, Reason.EMAIL_INVALID)
        with self.run.step("release"):
            self.ledger.release(lease, mismatched=isinstance(failure, KeyMismatch))
        return self._denied(Reason.PROVISIONING_FAILED)

    def _unlock(self, lease: Lease, email: str) -> None:
        """Give the lock back; where that fails, its lease ends by itself."""
        try:
            with self.run.step("unlock_email"):
                self.ledger.unlock_email(lease, email)
        except LedgerUnavailableError:
            return

    def _denied(self, reason: Reason) -> Instruction:
        return denied(reason, self.policy.denial_message)


def _oldest_first(customer: Customer) -> tuple[int, str]:
    return customer.created, customer.id


def _has_the_form_of_an_address(email: str) -> bool:
    """Catch what could not be looked up safely; the rest is for Stripe to judge."""
    name, _, domain = email.rpartition("@")
    return bool(name and domain) and email.isprintable() and " " not in email
