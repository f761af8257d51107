"""The provisioning pipeline: eight steps, each a guard that may end the sign-up."""

from collections.abc import Callable
from dataclasses import replace
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
    Unknown,
)
from customerlink.errors import LedgerUnavailableError
from customerlink.frozen import frozen
from customerlink.instruction import (
    Instruction,
    Reason,
    deferred,
    denied,
    linked,
    not_new,
    put_off,
    registered,
)
from customerlink.ledger import Busy, Lease, Ledger, Linked
from customerlink.policy import (
    ExistingCustomer,
    ExistingUsers,
    OnFailure,
    Policy,
    ProvisionAt,
    VerifiedEmail,
)
from customerlink.run import Run
from customerlink.signup import Marker, SignUp
from customerlink.user import CustomerId, User, registrant_id, registration_id

EXEMPT_FROM_AGE = timedelta(hours=1)
"""A younger account may have another login on its way to the ledger, so it is not exempt yet."""

_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 0.4


@frozen
class Provisioning:
    """One sign-up on its way through the pipeline, over the ports that it needs."""

    signup: SignUp
    ledger: Ledger
    customers: Customers
    policy: Policy
    run: Run
    linking_page: Callable[[User], str | None] = lambda _: None
    """Gives where somebody goes whose address another of their accounts may have."""

    def at_registration(self) -> Instruction:
        """Decide on a registration: the same pipeline, for a user who has no `user_id` yet."""
        if self.signup.email is None:
            return self._denied(Reason.EMAIL_MISSING)
        instruction = self.instruction()
        customer_id = instruction.app_metadata.get("stripe_customer_id")
        if customer_id is None:
            # There is no profile yet: a marker would only be one more thing to be wrong.
            return replace(instruction, app_metadata={}, redirect=None)
        registration = self.signup.user.registration_id or ""
        return registered(CustomerId(customer_id), instruction.reason, registration)

    def after_registration(self) -> Instruction:
        """Let the registration's customer name the user, who has a `user_id` by now."""
        if self.signup.customer_id is None:
            return not_new(exempt=False)
        try:
            return self._check_link(self.signup.customer_id)
        except LedgerUnavailableError:
            return self._without_outcome(Reason.PROVISIONING_FAILED)

    def instruction(self) -> Instruction:
        """Decide on the sign-up; every outcome is an instruction, failures included."""
        try:
            return self._eight_steps()
        except LedgerUnavailableError:
            return self._without_outcome(Reason.PROVISIONING_FAILED)

    def _eight_steps(self) -> Instruction:  # noqa: C901, PLR0911 (guard clauses, like the specification)
        # 1. New user?
        if not self._is_new():
            return not_new(exempt=self._may_be_exempt())

        # 2. Data integrity
        if self.signup.customer_id is not None:
            return self._check_link(self.signup.customer_id)
        if self.policy.provision_at is ProvisionAt.CHECKOUT:
            return put_off()

        # 3. Email
        email = self.signup.email
        if email is None or not email.strip():
            return self._turned_away(Reason.EMAIL_MISSING)
        if not _has_the_form_of_an_address(email):
            return self._turned_away(Reason.EMAIL_INVALID)
        if self._has_to_verify_first():
            return self._turned_away(Reason.DEFERRED)

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
        existing = self._begun_adoption(lease, email) or self._existing_customer(lease, email)
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
        if self.policy.existing_users is ExistingUsers.PROVISION:
            return self.signup.customer_id is None
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
        if found.result is None:
            return self._denied(Reason.LINK_MISMATCH)
        if found.result.belongs_to(self.signup.user):
            return linked(customer_id, Reason.ALREADY_LINKED)
        if found.result.belongs_to(self._registrant(self.signup.registration_id)):
            return self._named_after_registration(customer_id)
        return self._denied(Reason.LINK_MISMATCH)

    def _named_after_registration(self, customer_id: CustomerId) -> Instruction:
        """Let the registration's customer name the user: equal ids on both sides prove the link."""
        lease = self._opened(None)
        if not isinstance(lease, Lease):
            return lease
        named = self._adopted(lease, None, customer_id)
        is_linked = named.reason is Reason.CUSTOMER_FOUND
        return linked(customer_id, Reason.ALREADY_LINKED) if is_linked else named

    def _registrant(self, registration: str | None) -> User:
        return User(self.signup.user.tenant, registrant_id(registration or ""))

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
            return self._without_outcome(Reason.IN_PROGRESS)
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
            return self._without_outcome(Reason.PROVISIONING_FAILED)
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
        if not others:
            return None
        registered = [each for each in others if each.belongs_to(self._registered_as(email))]
        if registered:
            return self._adopted(lease, email, registered[0].id)
        if self._may_adopt(others):
            return self._adopted(lease, email, others[0].id)
        refused = self._refused(lease, email, Reason.EMAIL_IN_USE)
        return replace(refused, redirect=self._linking_page(others))

    def _registered_as(self, email: str) -> User:
        """Give who the user was when registering, should the profile not say it any more.

        An address is unique in a connection, so its registration was this user's.
        """
        user, connection = self.signup.user, self.signup.connection
        return self._registrant(
            registration_id(user.tenant, connection, email) if connection else None
        )

    def _linking_page(self, others: list[Customer]) -> str | None:
        """Give the way out if the address, verified here, is another account's of this tenant."""
        is_an_account = len(others) == 1 and others[0].is_of_a_user(self.signup.user.tenant)
        if not is_an_account or not self.signup.email_verified:
            return None
        return self.linking_page(self.signup.user)

    def _may_adopt(self, others: list[Customer]) -> bool:
        """Only one customer, nobody's so far, and a user who has proved to own its address."""
        return (
            self.policy.existing_customer is ExistingCustomer.ADOPT
            and self.signup.email_verified
            and len(others) == 1
            and others[0].auth0_user_id is None
        )

    def _begun_adoption(self, lease: Lease, email: str) -> Instruction | None:
        """Finish an adoption that an earlier invocation began: its update may be on its way."""
        if lease.adopting is None:
            return None
        found = self.customers.retrieve(lease.adopting)
        if not isinstance(found, Done):
            return self._failed(lease, email, found)
        if found.result is None or not found.result.may_come_to_name(lease.user):
            return None
        return self._adopted(lease, email, lease.adopting)

    def _adopted(self, lease: Lease, email: str | None, customer_id: CustomerId) -> Instruction:
        """Link the customer; claimed before it is changed, so that two users cannot adopt it.

        The claim stays: an update whose answer was lost may still be on its way. So may a create
        of this user's, and then the adoption has to wait.
        """
        if lease.has_create_under_way(self.run.clock.time()):
            return self._failed(lease, email, Unknown())
        with self.run.step("claim"):
            claimed = self.ledger.claim(lease, customer_id)
        if not claimed:
            reason = Reason.EMAIL_IN_USE if email else Reason.LINK_MISMATCH
            return self._refused(lease, email, reason)
        adopted = self.customers.adopt(customer_id, lease.user)
        if not isinstance(adopted, Done):
            return self._failed(lease, email, adopted)
        return self._link(lease, email, adopted.result, Reason.CUSTOMER_FOUND)

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
            return self._without_outcome(Reason.IN_PROGRESS, lease.refused)
        self.run.attempt = raised.attempt
        created = self._create(raised, email)
        return created if isinstance(created, Customer) else self._failed(raised, email, created)

    def _create(self, lease: Lease, email: str) -> Customer | Spent | Failure:
        new = NewCustomer.of(self.signup, email, self.policy.customer_fields)
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

    def _link(
        self, lease: Lease, email: str | None, customer: Customer, reason: Reason
    ) -> Instruction:
        with self.run.step("link"):
            recorded = self.ledger.link(lease, customer.id)
        if not recorded:
            return self._without_outcome(Reason.IN_PROGRESS, lease.refused)
        if email is not None:
            self._unlock(lease, email)
        return linked(customer.id, reason)

    def _turned_away(self, reason: Reason) -> Instruction:
        """Refuse, or put off, before any look-up.

        Recorded, so that the next login is another try even if Auth0 loses the marker.
        """
        lease = self._opened(None)
        if not isinstance(lease, Lease):
            return lease
        return self._refused(lease, None, reason)

    def _refused(self, lease: Lease, email: str | None, reason: Reason) -> Instruction:
        with self.run.step("refuse"):
            self.ledger.refuse(lease, reason)
        if email is not None:
            self._unlock(lease, email)
        return deferred() if reason is Reason.DEFERRED else self._denied(reason)

    def _failed(self, lease: Lease, email: str | None, failure: Failure | Spent) -> Instruction:
        """Leave the sign-up open for the next try.

        The lock stays until its lease ends, for this user to take again: a create of this or an
        earlier invocation may still be on its way, and nobody else with the address may pass the
        look-up before it arrived.
        """
        if isinstance(failure, Refused) and failure.param == "email":
            return self._refused(lease, email, Reason.EMAIL_INVALID)
        with self.run.step("release"):
            self.ledger.release(lease, mismatched=isinstance(failure, KeyMismatch))
        return self._without_outcome(Reason.PROVISIONING_FAILED, lease.refused)

    def _unlock(self, lease: Lease, email: str) -> None:
        """Give the lock back; where that fails, its lease ends by itself."""
        try:
            with self.run.step("unlock_email"):
                self.ledger.unlock_email(lease, email)
        except LedgerUnavailableError:
            return

    def _without_outcome(self, reason: Reason, refused: Reason | None = None) -> Instruction:
        """Deny, or by policy let the user in for now, and finish later.

        Whoever was denied before stays denied, and so does a profile whose id is in doubt.
        """
        is_denied = refused not in (None, Reason.DEFERRED) or self.signup.customer_id is not None
        if self.policy.on_failure is OnFailure.DENY or is_denied:
            return self._denied(reason)
        return deferred()

    def _has_to_verify_first(self) -> bool:
        required = self.policy.verified_email is VerifiedEmail.REQUIRED
        return required and not self.signup.email_verified

    def _denied(self, reason: Reason) -> Instruction:
        return denied(reason, self.policy.denial_message)


def _oldest_first(customer: Customer) -> tuple[int, str]:
    return customer.created, customer.id


def _has_the_form_of_an_address(email: str) -> bool:
    """Catch what could not be looked up safely; the rest is for Stripe to judge."""
    name, _, domain = email.rpartition("@")
    return bool(name and domain) and email.isprintable() and " " not in email
