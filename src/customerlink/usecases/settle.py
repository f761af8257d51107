"""The one way in: whatever makes, moves or refuses a user's link settles the record first.

Open the record, finish what was begun, look under every address that counts, then decide. Login,
registration, checkout, account linking, repair and backfill differ in what they ask for, and in
whether they may refuse; not in how they get there. docs/architecture.md has the protocol's table.
"""

from collections.abc import Callable
from enum import StrEnum

from customerlink.model.address import has_the_form_of_one
from customerlink.model.customer import Customer, NewCustomer, can_be_named, may_adopt
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.frozen import frozen, replace
from customerlink.model.instruction import Reason
from customerlink.model.policy import Policy, VerifiedEmail
from customerlink.model.sign_up_record import Adoption, Busy, Lease, Linked
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, User, stood_in_for
from customerlink.ports.customers import Customers, Unknown
from customerlink.ports.ledger import Ledger
from customerlink.ports.run import Run
from customerlink.usecases.adopt import Candidate, adopt, finish_begun_adoption, inherit
from customerlink.usecases.check_link import Stale, check_profile, check_record, link_candidate
from customerlink.usecases.create_customer import create_customer
from customerlink.usecases.find_customer import link_own_customer, note_own_customer
from customerlink.usecases.open_sign_up import OpenSignUp, Settled, Unsettled
from customerlink.usecases.own_registration import registrant_of, take_over

# The other tab's sign-up mostly ends within a second; a look-up of the record costs some 5 ms.
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
    known: tuple[CustomerId, ...] = ()
    """Customers to look at beside those that Stripe lists under the user's addresses."""
    heir_to: Adoption | None = None
    """A customer that becomes the user's where there is none of their own."""
    linking_page: Callable[[SignUp], str | None] = lambda _: None
    """Returns where somebody goes whose address another of their accounts may have."""

    def settle(self) -> Settled | Unsettled:
        """Carry out steps 2 to 8 of the pipeline; every outcome is a value, failures included."""
        outcome = self._settled()
        if isinstance(outcome, Settled) or outcome.reason is not Reason.PROVISIONING_FAILED:
            return outcome
        return replace(outcome, failure=self.run.trace.failure)

    def _settled(self) -> Settled | Unsettled:
        if not can_be_named(self.signup.user):
            return Unsettled(Reason.CUSTOMER_UNUSABLE)

        # 2. Data integrity
        checked = self._checked_link()
        if checked is not None:
            return checked

        # 3. Email
        reason = self._without_address()
        if reason is not None:
            return self._turned_away(reason)

        # 4. Open the sign-up
        return self._with_lease(self.signup.email, self._decided)

    def close(self, *, is_gone: bool) -> Settled | Unsettled:
        """End the sign-up of a user who cannot have a customer, once none can be under way."""

        def closed(opened: OpenSignUp) -> Settled | Unsettled:
            begun = finish_begun_adoption(opened, is_gone=is_gone)
            stopped = begun or (note_own_customer(opened) if is_gone else None)
            return stopped or self._without_customer(opened, is_gone=is_gone)

        return self._with_lease(None, closed)

    def record(self, customer_id: CustomerId) -> Settled | Unsettled:
        """Let the ledger learn of a link that was found to be true on both sides."""
        return self._with_lease(
            None, lambda opened: opened.link(customer_id, Reason.ALREADY_LINKED)
        )

    def _decided(self, opened: OpenSignUp) -> Settled | Unsettled:
        # First of all: a look-up before an update that is on its way would see what it changes.
        begun = finish_begun_adoption(opened)
        if begun is not None:
            return begun

        # 5. Lock the email
        stopped = self._locked(opened)
        if stopped is not None:
            return stopped

        # 6. Existing customer? Under the lock: before it, somebody could create in between.
        existing = self._existing_customer(opened)
        if existing is not None:
            return existing

        # 7. Create the customer
        if not self._is_to_create(opened.lease):
            return self._without_customer(opened)
        new = NewCustomer.of(self.signup, str(opened.email), self.policy.customer_fields)
        created = create_customer(opened, new, self._existing_customer)
        if not isinstance(created, Customer):
            return created

        # 8. Record the link
        return opened.link(created.id, Reason.CUSTOMER_CREATED)

    # Step 2

    def _checked_link(self) -> Settled | Unsettled | None:
        """Look at the link that the profile carries; None without one, or where it counts not."""
        if self.signup.customer_id is None:
            return None
        given = self.signup.customer_id
        checked = check_profile(self.signup, given, self.customers, self.policy)
        if not isinstance(checked, Candidate):
            return checked
        is_registrations = checked.instead_of is not None
        email = None if is_registrations else self.signup.email

        def linked(opened: OpenSignUp) -> Settled | Unsettled:
            return link_candidate(opened, self.signup, checked, self.policy, self.known)

        named = self._with_lease(email, linked)
        if isinstance(named, Settled) and is_registrations:
            return Settled(named.customer_id, Reason.ALREADY_LINKED)
        if isinstance(named, Settled) and named.customer_id != given:
            # The user has another one: which of the two is right is for a person to decide.
            return Unsettled(Reason.LINK_MISMATCH)
        return named

    # Step 3

    def _without_address(self) -> Reason | None:
        email = self.signup.email
        if self.creates is Creates.NEVER:
            return None
        if email is None:
            return Reason.EMAIL_INVALID if self.signup.has_odd_email else Reason.EMAIL_MISSING
        if not has_the_form_of_one(email):
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
        self.run.trace.attempt = opened.lease.attempt  # for the log, whatever becomes of it
        try:
            return decide(opened)
        except LedgerUnavailableError:
            return opened.ended(Reason.PROVISIONING_FAILED)

    def _opened(self, email: str | None) -> OpenSignUp | Settled | Unsettled:
        """Take the lease, or answer with the recorded link, or with what became of the wait."""
        wait = _FIRST_WAIT_SECONDS
        opened = self._open(email)
        while isinstance(opened, Busy) and self.run.deadline.remaining_for_stripe() > wait:
            with self.run.trace.step("wait"):
                self.run.clock.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
            opened = self._open(email)
        return Unsettled(Reason.IN_PROGRESS, opened.refused) if isinstance(opened, Busy) else opened

    def _open(self, email: str | None) -> OpenSignUp | Busy | Settled | Unsettled:
        """Take the lease, replay a recorded link, or start over where its customer is gone."""
        user, create, now = self.signup.user, self._create_for(email), None
        with self.run.trace.step("open"):
            opened = self.ledger.open(user, create, admission=self.is_admission)
        if isinstance(opened, Linked):
            checked = check_record(self.signup, opened, self.customers)
            if not isinstance(checked, Stale):
                return checked
            now, opened = checked.now, self.ledger.reopen(user, opened, create)
        if isinstance(opened, Busy):
            return opened
        ports = self.ledger, self.customers, self.run
        sign_up = OpenSignUp(opened, email, *ports, is_admission=self.is_admission)
        sign_up.recorded = now
        return sign_up

    def _create_for(self, email: str | None) -> NewCustomer | None:
        if email is None or self.creates is Creates.NEVER:
            return None
        return NewCustomer.of(self.signup, email, self.policy.customer_fields)

    # Step 5

    def _locked(self, opened: OpenSignUp) -> Settled | Unsettled | None:
        """Lock the address; None once this sign-up has it, or needs none."""
        if self.creates is Creates.NEVER:
            return None
        holder = opened.lock()
        if holder == self.signup.user:
            # A later invocation of this very sign-up has it, or a lock that ends later.
            return opened.fail(Unknown())
        registrant = registrant_of(self.signup, str(opened.email))
        if holder is not None and registrant is not None and holder == registrant:
            stopped = self._after_registration(opened, registrant)
            if stopped is not None:
                return stopped
            holder = opened.lock()
        if holder is None:
            return None
        known = stood_in_for(holder)
        found = self._existing_customer(opened, known) if known else None
        if found is not None:
            # An address that is being written in lower case keeps nobody from their own customer.
            return found
        is_an_account = holder.registration_id is None
        redirect = self._linking_page() if is_an_account else None
        return opened.turn_down(Reason.EMAIL_IN_USE, redirect=redirect)

    def _after_registration(
        self, opened: OpenSignUp, registrant: User
    ) -> Settled | Unsettled | None:
        """Finish the user's own registration, whose end nobody knows; None if nothing came of it.

        Its outcome is the user's, who may have a customer of their own by now.
        """
        own = link_own_customer(opened, self.known)
        if not isinstance(own, list):
            return own
        signup = replace(self.signup, user=registrant, customer_id=None, registration_id=None)
        begun = Creates.IF_BEGUN
        of_registrant = replace(self, signup=signup, is_admission=False, creates=begun, known=())
        taken = take_over(opened, registrant, of_registrant.settle())
        return self._others(opened, taken) if isinstance(taken, list) else taken

    # Step 6

    def _existing_customer(
        self, opened: OpenSignUp, *known: CustomerId
    ) -> Settled | Unsettled | None:
        """Decide on the customers that there are: the user's own first."""
        found = link_own_customer(opened, known + self.known)
        return self._others(opened, found) if isinstance(found, list) else found

    def _others(self, opened: OpenSignUp, others: list[Customer]) -> Settled | Unsettled | None:
        """Decide on the customers of others' that have the address."""
        if not others or self.creates is Creates.NEVER:
            return None
        registrant = registrant_of(self.signup, str(opened.email))
        registered = [each for each in others if registrant and each.belongs_to(registrant)]
        if registered:
            return adopt(opened, Candidate(registered[0], registrant))
        if may_adopt(self.policy.existing_customer, self.signup, others):
            return adopt(opened, Candidate(others[0]))
        is_an_account = len(others) == 1 and others[0].is_of_a_user(self.signup.user.tenant)
        redirect = self._linking_page() if is_an_account else None
        in_the_way = tuple(each.id for each in others)
        return opened.turn_down(Reason.EMAIL_IN_USE, in_the_way, redirect)

    def _linking_page(self) -> str | None:
        """Return the way out if the address, verified here, is another account's of this tenant."""
        return self.linking_page(self.signup) if self.signup.email_verified else None

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
            return inherit(opened, self.heir_to)
        if opened.lease.has_create_under_way(self.run.clock.time()):
            return opened.fail(Unknown())
        return opened.close(is_gone=is_gone)
