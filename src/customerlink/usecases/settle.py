"""The one way in: whatever makes, moves, changes or refuses a user's link settles the record first.

Open the record, look under every address that counts, finish what was begun, then decide. Login,
registration, checkout, account linking, repair and backfill differ in what they ask for, and in
whether they may refuse; not in how they get there. docs/architecture.md has the protocol's table.
"""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from customerlink.model.customer import Customer, NewCustomer, may_adopt
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.frozen import frozen
from customerlink.model.instruction import Reason
from customerlink.model.policy import Policy, VerifiedEmail
from customerlink.model.sign_up_record import LIST_LAG_SECONDS, Adoption, Busy, Lease, Linked
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, User, registrant_id, registration_id
from customerlink.ports.customers import (
    NOTHING_CHANGED,
    Customers,
    Done,
    Failure,
    KeyMismatch,
    KeySpent,
    Refused,
    Spent,
    Unknown,
)
from customerlink.ports.ledger import Ledger
from customerlink.ports.run import Run
from customerlink.usecases.open_sign_up import PASSING, OpenSignUp, Settled, Unsettled

_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 0.4


class Creates(StrEnum):
    """Whether a customer is made for a user who has none."""

    ALWAYS = "always"
    IF_BEGUN = "if_begun"
    """Where somebody has begun to make one, or waits for one: what a repair finishes."""
    NEVER = "never"


@frozen
class Settling:
    """One user's record on its way to an end, over the ports that it needs."""

    signup: SignUp
    ledger: Ledger
    customers: Customers
    policy: Policy
    run: Run
    is_admission: bool = False
    """A login or a registration: the person is there, and may be refused."""
    creates: Creates = Creates.ALWAYS
    known: CustomerId | None = None
    """A customer to look at beside those of the user's addresses."""
    heir_to: Adoption | None = None
    """A customer that becomes the user's where there is none of their own."""
    linking_page: Callable[[User], str | None] = lambda _: None
    """Returns where somebody goes whose address another of their accounts may have."""

    def settle(self) -> Settled | Unsettled:
        """Carry out steps 2 to 8 of the pipeline; every outcome is a value, failures included."""
        # 2. Data integrity
        if self.signup.customer_id is not None:
            checked = self._checked_link(self.signup.customer_id)
            if checked is not None:
                return checked

        # 3. Email
        reason = None if self.creates is Creates.NEVER else self._without_address()
        if reason is not None:
            return self._turned_away(reason)

        # 4. Open the sign-up
        return self._with_lease(self.signup.email, self._decided)

    def close(self, *, is_gone: bool) -> Settled | Unsettled:
        """End the sign-up of a user who cannot have a customer, once none can be under way."""

        def closed(opened: OpenSignUp) -> Settled | Unsettled:
            begun = self._begun_adoption(opened)
            return begun or self._without_customer(opened, is_gone=is_gone)

        return self._with_lease(None, closed)

    def record(self, customer_id: CustomerId) -> Settled | Unsettled:
        """Let the ledger learn of a link that was found to be true on both sides."""
        return self._with_lease(
            None, lambda opened: opened.link(customer_id, Reason.ALREADY_LINKED)
        )

    def _decided(self, opened: OpenSignUp) -> Settled | Unsettled:
        begun = self._begun_adoption(opened)
        if begun is not None:
            return begun

        # 5. Lock the email
        if self.creates is not Creates.NEVER:
            stopped = self._locked(opened)
            if stopped is not None:
                return stopped

        # 6. Existing customer?
        existing = self._existing_customer(opened)
        if existing is not None:
            return existing

        # 7. Create the customer
        if not self._is_to_create(opened.lease):
            return self._without_customer(opened)
        created = self._created_customer(opened)
        if not isinstance(created, Customer):
            return created

        # 8. Record the link
        return opened.link(created.id, Reason.CUSTOMER_CREATED)

    # Step 2

    def _checked_link(self, customer_id: CustomerId) -> Settled | Unsettled | None:
        """Look at the link that the profile carries; None where it counts as none."""
        found = self.customers.retrieve(customer_id)
        if not isinstance(found, Done):
            return Unsettled(Reason.PROVISIONING_FAILED, is_recorded=False)
        customer, registration = found.result, self.signup.registration_id
        if customer is None:
            return Unsettled(Reason.LINK_MISMATCH)
        if customer.belongs_to(self.signup.user):
            return Settled(customer_id, Reason.ALREADY_LINKED)
        registrant = self._registrant(registration)
        if customer.belongs_to(registrant):
            return self._named_after_registration(customer_id, registrant)
        if registration and customer.registration_id == registration:
            # Somebody else registered with the address, got the same customer, and came first.
            return None
        return Unsettled(Reason.LINK_MISMATCH)

    def _named_after_registration(
        self, customer_id: CustomerId, registrant: User
    ) -> Settled | Unsettled:
        """Let the registration's customer name the user: equal ids on both sides prove the link."""
        adoption = Adoption(customer_id, registrant)
        named = self._with_lease(
            None, lambda opened: self._begun_adoption(opened) or self._adopted(opened, adoption)
        )
        if isinstance(named, Settled):
            return Settled(named.customer_id, Reason.ALREADY_LINKED)
        return named

    # Step 3

    def _without_address(self) -> Reason | None:
        email = self.signup.email
        if email is None or not email.strip():
            return Reason.EMAIL_MISSING
        if not _has_the_form_of_an_address(email):
            return Reason.EMAIL_INVALID
        required = self.policy.verified_email is VerifiedEmail.REQUIRED
        return Reason.DEFERRED if required and not self.signup.email_verified else None

    def _turned_away(self, reason: Reason) -> Settled | Unsettled:
        """End before any look-up.

        Recorded, so that the next login is another try even if Auth0 loses the marker.
        """
        if not self.is_admission:
            return Unsettled(reason)
        return self._with_lease(None, lambda opened: opened.turn_down(reason))

    # Step 4

    def _with_lease(
        self, email: str | None, decide: Callable[[OpenSignUp], Settled | Unsettled]
    ) -> Settled | Unsettled:
        """Decide while this invocation has the lease; or say what became of the wait for it."""
        try:
            opened = self._opened(email)
        except LedgerUnavailableError:
            return Unsettled(Reason.PROVISIONING_FAILED, is_recorded=False)
        if not isinstance(opened, OpenSignUp):
            return opened
        self.run.attempt = opened.lease.attempt
        try:
            return decide(opened)
        except LedgerUnavailableError:
            return opened.ended(Reason.PROVISIONING_FAILED)

    def _opened(self, email: str | None) -> OpenSignUp | Settled | Unsettled:
        """Take the lease, or answer with the recorded link, or with what became of the wait."""
        wait = _FIRST_WAIT_SECONDS
        opened = self._open(email)
        while isinstance(opened, Busy) and self.run.remaining_for_stripe() > wait:
            with self.run.step("wait"):
                self.run.clock.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
            opened = self._open(email)
        return Unsettled(Reason.IN_PROGRESS, opened.refused) if isinstance(opened, Busy) else opened

    def _open(self, email: str | None) -> OpenSignUp | Busy | Settled | Unsettled:
        create = self._create_for(email)
        with self.run.step("open"):
            opened = self.ledger.open(self.signup.user, create, admission=self.is_admission)
        if isinstance(opened, Linked):
            return self._replayed(opened, email)
        return opened if isinstance(opened, Busy) else self._open_sign_up(opened, email)

    def _open_sign_up(self, lease: Lease, email: str | None) -> OpenSignUp:
        return OpenSignUp(lease, email, self.ledger, self.run, is_admission=self.is_admission)

    def _create_for(self, email: str | None) -> NewCustomer | None:
        if email is None or self.creates is Creates.NEVER:
            return None
        return NewCustomer.of(self.signup, email, self.policy.customer_fields)

    def _replayed(
        self, recorded: Linked, email: str | None
    ) -> OpenSignUp | Busy | Settled | Unsettled:
        """Replay a recorded link that is still true; start over when its customer is gone."""
        found = self.customers.retrieve(recorded.customer_id)
        if not isinstance(found, Done):
            return Unsettled(Reason.PROVISIONING_FAILED, is_linked=True)
        if found.result is not None and self._is_replayable(found.result):
            return Settled(recorded.customer_id, Reason.CUSTOMER_FOUND)
        if found.result is not None and self._has_passed_on(found.result):
            return Unsettled(Reason.EMAIL_IN_USE, in_the_way=(found.result.id,))
        lease = self.ledger.reopen(self.signup.user, recorded, self._create_for(email))
        if isinstance(lease, Busy):
            return lease
        opened = self._open_sign_up(lease, email)
        opened.recorded = found.result
        return opened

    def _has_passed_on(self, customer: Customer) -> bool:
        """Return whether a registrant's customer names its user by now, and keeps the address."""
        email = self.signup.email
        has_it = email is None or (customer.email or "").lower() == email.lower()
        is_registration = self.signup.user.registration_id is not None
        return is_registration and has_it and not self._is_own(customer)

    def _is_replayable(self, customer: Customer) -> bool:
        """Whose registrant has moved to another address does not register again with this one."""
        is_registration = self.signup.user.registration_id is not None
        addresses = {(each or "").lower() for each in (customer.email, self.signup.email)}
        has_moved = is_registration and self.signup.email is not None and len(addresses) > 1
        return customer.belongs_to(self.signup.user) and not has_moved

    # Step 5

    def _locked(self, opened: OpenSignUp) -> Settled | Unsettled | None:
        """Lock the address; None once this sign-up has it."""
        holder = opened.lock()
        if holder == self.signup.user:
            # A later invocation of this very sign-up has it, or a lock that ends later.
            return opened.fail(Unknown())
        registrant = self._registered_as(str(opened.email))
        if holder is not None and holder == registrant:
            # The user's own registration has it: its outcome is the user's, who may have one too.
            own = self._own_customer(opened)
            if own is not None:
                return own
            outcome = self._registration(registrant).settle()
            stopped = self._after_registration(opened, registrant, outcome)
            if stopped is not None:
                return stopped
            holder = opened.lock()
        if holder is None:
            return None
        is_an_account = holder.registration_id is None
        redirect = self._linking_page() if is_an_account else None
        return opened.turn_down(Reason.EMAIL_IN_USE, redirect=redirect)

    def _after_registration(
        self, opened: OpenSignUp, registrant: User, outcome: Settled | Unsettled
    ) -> Settled | Unsettled | None:
        """Take over the outcome of the user's own registration; None where it came to nothing."""
        if isinstance(outcome, Settled):
            customer_id = outcome.customer_id
            return self._adopted(opened, Adoption(customer_id, registrant)) if customer_id else None
        if outcome.reason in PASSING:
            return opened.fail(Unknown())
        seen: list[Customer] = []
        for customer_id in outcome.in_the_way:
            found = self.customers.retrieve(customer_id)
            if not isinstance(found, Done):
                return opened.fail(found)
            seen += [found.result] if found.result else []
        if not seen:
            return opened.turn_down(outcome.reason)
        own = [each for each in seen if self._is_own(each)]
        return self._found(opened, own) or self._others(opened, seen)

    def _registration(self, registrant: User) -> "Settling":
        """Return what finishes a registration that was begun and whose end nobody knows."""
        signup = replace(self.signup, user=registrant, customer_id=None, registration_id=None)
        return replace(
            self, signup=signup, is_admission=False, creates=Creates.IF_BEGUN, known=None
        )

    def _registered_as(self, email: str) -> User | None:
        """Return who the user was when registering, should the profile not say it.

        An address is unique in a connection, so its registration was this user's.
        """
        user, connection = self.signup.user, self.signup.connection
        if connection is None or user.registration_id is not None:
            return None
        return self._registrant(registration_id(user.tenant, connection, email))

    def _registrant(self, registration: str | None) -> User:
        return User(self.signup.user.tenant, registrant_id(registration or ""))

    # Step 6

    def _begun_adoption(self, opened: OpenSignUp) -> Settled | Unsettled | None:
        """Finish an adoption that an earlier invocation began: its update may be on its way."""
        lease = opened.lease
        if lease.adopting is None:
            return None
        found = self.customers.retrieve(lease.adopting.customer_id)
        if not isinstance(found, Done):
            return opened.fail(found)
        if found.result is not None:
            if found.result.may_come_to_name(lease.user, lease.adopting.instead_of):
                return self._claimed(opened, lease.adopting)
            if not lease.has_settled(self.run.clock.time()):
                return opened.fail(Unknown())
        opened.lease = replace(lease, adopting=None)
        return None

    def _existing_customer(self, opened: OpenSignUp) -> Settled | Unsettled | None:
        """Decide on the customers that there are: the user's own first."""
        looked_up = self._looked_up(opened)
        if isinstance(looked_up, Unsettled):
            return looked_up
        own, others = looked_up
        return self._found(opened, own, others) or self._others(opened, others)

    def _own_customer(self, opened: OpenSignUp) -> Settled | Unsettled | None:
        """Decide on the user's own customer alone."""
        looked_up = self._looked_up(opened)
        return looked_up if isinstance(looked_up, Unsettled) else self._found(opened, looked_up[0])

    def _looked_up(self, opened: OpenSignUp) -> tuple[list[Customer], list[Customer]] | Unsettled:
        """Look under every address that the user may have a customer under; own ones, and others'.

        Others' customers count only under the address that is being signed up. A look-up that
        failed is never taken for "there is none".
        """
        own: list[Customer] = []
        others: list[Customer] = []
        current = {opened.email, opened.email.lower()} if opened.email else set()
        if self.known is not None:
            known = self.customers.retrieve(self.known)
            if not isinstance(known, Done):
                return opened.fail(known)
            own += [known.result] if known.result else []
        for address in sorted(opened.lease.emails() | current):
            listed = self.customers.list_by_email(address)
            if not isinstance(listed, Done):
                return opened.fail(listed)
            own += [each for each in listed.result if self._is_own(each)]
            if address in current:
                others += [each for each in listed.result if not self._is_own(each)]
        recorded = opened.recorded
        shown = {each.id for each in others}
        if recorded and recorded.id not in shown and not self._is_own(recorded):
            is_in_the_way = (recorded.email or "").lower() in {each.lower() for each in current}
            others += [recorded] if is_in_the_way else []
        return own, others

    def _is_own(self, customer: Customer) -> bool:
        return customer.belongs_to(self.signup.user)

    def _found(
        self, opened: OpenSignUp, own: list[Customer], others: list[Customer] | None = None
    ) -> Settled | Unsettled | None:
        """Link the oldest that is still there: a list may show what is deleted by now."""
        for each in sorted(own, key=_oldest_first):
            found = self.customers.retrieve(each.id)
            if not isinstance(found, Done):
                return opened.fail(found)
            if found.result is not None and self._is_own(found.result):
                return opened.link(found.result.id, Reason.CUSTOMER_FOUND)
            if found.result is not None and others is not None:
                has_it = (found.result.email or "").lower() == str(opened.email).lower()
                others += [found.result] if has_it else []
        return None

    def _others(self, opened: OpenSignUp, others: list[Customer]) -> Settled | Unsettled | None:
        """Decide on the customers of others' that have the address."""
        if not others or self.creates is Creates.NEVER:
            return None
        registrant = self._registered_as(str(opened.email))
        registered = [each for each in others if registrant and each.belongs_to(registrant)]
        if registered:
            return self._adopted(opened, Adoption(registered[0].id, registrant))
        verified = self.signup.email_verified
        if may_adopt(self.policy.existing_customer, verified=verified, others=others):
            return self._adopted(opened, Adoption(others[0].id))
        is_an_account = len(others) == 1 and others[0].is_of_a_user(self.signup.user.tenant)
        redirect = self._linking_page() if is_an_account else None
        in_the_way = tuple(each.id for each in others)
        return opened.turn_down(Reason.EMAIL_IN_USE, in_the_way, redirect)

    def _linking_page(self) -> str | None:
        """Return the way out if the address, verified here, is another account's of this tenant."""
        return self.linking_page(self.signup.user) if self.signup.email_verified else None

    def _adopted(self, opened: OpenSignUp, adoption: Adoption) -> Settled | Unsettled:
        """Link a customer that is to name the user; it has to wait for a create under way."""
        if opened.lease.has_create_under_way(self.run.clock.time()):
            return opened.fail(Unknown())
        begun = self.ledger.begin_adoption(opened.lease, adoption)
        if isinstance(begun, Busy):
            return opened.ended(Reason.IN_PROGRESS)
        opened.lease = begun
        claimed = self._claimed(opened, adoption)
        if claimed is not None:
            return claimed
        reason = Reason.EMAIL_IN_USE if opened.email else Reason.LINK_MISMATCH
        return opened.turn_down(reason, (adoption.customer_id,))

    def _claimed(self, opened: OpenSignUp, adoption: Adoption) -> Settled | Unsettled | None:
        """Claim the customer before it is changed; None where it cannot be had.

        So two users cannot adopt it. The claim stays: an update whose answer was lost may still be
        on its way.
        """
        user = self.signup.user
        with self.run.step("claim"):
            claimed = self.ledger.claim(user, adoption)
        opened.lease = replace(opened.lease, sends_update=claimed)
        if not claimed:
            opened.lease = replace(opened.lease, adopting=None)
            return None
        adopted = self.customers.adopt(adoption.customer_id, user)
        if isinstance(adopted, Refused) and opened.lease.has_settled(self.run.clock.time()):
            # Stripe never takes it, and nothing of an earlier try is on its way: it is in the way.
            opened.lease = replace(opened.lease, adopting=None, sends_update=False)
            return None
        if not isinstance(adopted, Done):
            return opened.fail(adopted)
        if not adopted.result.belongs_to(user):
            return opened.fail(Unknown())
        return opened.link(adopted.result.id, Reason.CUSTOMER_FOUND)

    # Step 7

    def _is_to_create(self, lease: Lease) -> bool:
        if self.creates is Creates.IF_BEGUN:
            return lease.was_sent or lease.admitted
        return self.creates is Creates.ALWAYS

    def _without_customer(
        self, opened: OpenSignUp, *, is_gone: bool = False
    ) -> Settled | Unsettled:
        """Let the user have a customer that falls to them, or none; not while one may come."""
        if self.heir_to is not None:
            return self._adopted(opened, self.heir_to)
        if opened.lease.has_create_under_way(self.run.clock.time()):
            return opened.fail(Unknown())
        return opened.close(is_gone=is_gone)

    def _created_customer(self, opened: OpenSignUp) -> Customer | Settled | Unsettled:
        """Create under the attempt's key; where that is of no use any more, under the next one.

        A new attempt could make a second customer, so it is taken only when nothing under the old
        key can be under way any more, and right after a look-up that found none.
        """
        new = NewCustomer.of(self.signup, str(opened.email), self.policy.customer_fields)
        created: Customer | Failure | Spent = KeyMismatch()
        if opened.lease.key_makes(new.email, self.run.clock.time()):
            created = self._created(opened)
        if isinstance(created, Customer):
            return created
        if self._has_been_mended(created, opened.lease, new):
            created = KeyMismatch()
        if not isinstance(created, KeySpent | KeyMismatch):
            return opened.fail(created)
        if isinstance(created, KeyMismatch):
            opened.lease = opened.lease.mismatched()
        if not self._has_ended(opened.lease, created):
            return opened.fail(created)
        existing = self._existing_customer(opened)
        return existing if existing is not None else self._next_attempt(opened, new)

    def _has_been_mended(self, created: Spent | Failure, lease: Lease, new: NewCustomer) -> bool:
        """Return whether Stripe refuses what was frozen, and the profile has something else now."""
        is_refused = isinstance(created, Refused) and created.param != "email"
        return is_refused and lease.create != new

    def _has_ended(self, lease: Lease, spent: Spent) -> bool:
        """Return whether nothing under the key is under way, and the list shows what it made.

        A saved answer proves the first; Stripe's list may be a little behind it.
        """
        if isinstance(spent, KeyMismatch):
            return lease.has_settled(self.run.clock.time())
        if self.run.remaining_for_stripe() <= LIST_LAG_SECONDS:
            return False
        with self.run.step("wait"):
            self.run.clock.sleep(LIST_LAG_SECONDS)
        return True

    def _next_attempt(self, opened: OpenSignUp, new: NewCustomer) -> Customer | Unsettled:
        raised = self.ledger.next_attempt(opened.lease, new)
        if isinstance(raised, Busy):
            return opened.ended(Reason.IN_PROGRESS)
        opened.lease, self.run.attempt = raised, raised.attempt
        created = self._created(opened)
        return created if isinstance(created, Customer) else opened.fail(created)

    def _created(self, opened: OpenSignUp) -> Customer | Spent | Failure:
        """Send the frozen create; the answer is looked at before it is believed."""
        before = opened.lease
        opened.lease = lease = before.sending()
        if lease.create is None:
            raise AssertionError("a create is frozen before it is sent")
        created = self.customers.create(lease.create, lease.idempotency_key())
        if isinstance(created, NOTHING_CHANGED):
            opened.lease = before
        if not isinstance(created, Done):
            return created
        if not self._is_own(created.result):
            return Unknown()
        if not created.replayed:
            return created.result
        # A replayed answer tells of the past: the customer may have been deleted since.
        found = self.customers.retrieve(created.result.id)
        if not isinstance(found, Done):
            return found
        return found.result if found.result and self._is_own(found.result) else KeySpent()


def _oldest_first(customer: Customer) -> tuple[int, str]:
    return customer.created, customer.id


def _has_the_form_of_an_address(email: str) -> bool:
    """Catch what could not be looked up safely; the rest is for Stripe to judge."""
    name, _, domain = email.rpartition("@")
    return bool(name and domain) and email.isprintable() and " " not in email
