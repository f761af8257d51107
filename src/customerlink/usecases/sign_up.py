"""The sign-up: who is new, what the ledger and Stripe make of it, and what the Action is told.

Steps 2 to 8 of the pipeline are the same for everybody who settles a user's record (`settle`);
the first one, and the answer, are an admission's own.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.frozen import frozen, replace
from customerlink.model.instruction import (
    Instruction,
    Reason,
    deferred,
    deferred_to_checkout,
    denied,
    linked,
    not_new,
    registered,
)
from customerlink.model.policy import ExistingUsers, OnFailure, ProvisionAt
from customerlink.model.signup import Marker, SignUp
from customerlink.usecases.open_sign_up import PASSING, Settled, Unsettled
from customerlink.usecases.settle import Creates, Settling

EXEMPT_FROM_AGE = timedelta(hours=1)
"""A younger account may have another login on its way to the ledger, so it is not exempt yet."""

# What a record may say of the last admission without the person having been kept out.
_NO_DENIALS = (None, Reason.DEFERRED)


@frozen
class Provisioning:
    """One sign-up on its way through the pipeline, over what settles its record."""

    settling: Settling

    @property
    def signup(self) -> SignUp:
        """Return the login, or the registration, that was reported."""
        return self.settling.signup

    def instruction(self) -> Instruction:
        """Decide on a login; every outcome is an instruction, failures included."""
        # 1. New user?
        try:
            if not self._is_new():
                return not_new(exempt=self._is_exempt())
        except LedgerUnavailableError:
            # Nobody can be asked: an outage keeps out only who is signing up.
            return not_new(exempt=False)
        return self._told(self.settling)

    def at_registration(self) -> Instruction:
        """Decide on a registration: the same pipeline, for a user who has no `user_id` yet."""
        self._note_installation()
        if self.signup.email is None:
            is_odd = self.signup.has_odd_email
            return denied(Reason.EMAIL_INVALID if is_odd else Reason.EMAIL_MISSING)
        instruction = self._told(self.settling)
        if instruction.customer_id is None:
            # There is no profile yet: a marker would only be one more thing to be wrong.
            return replace(instruction, app_metadata={}, redirect=None)
        registration = self.signup.user.registration_id or ""
        return registered(instruction.customer_id, instruction.reason, registration)

    def after_registration(self) -> Instruction:
        """Let the registration's customer name the user, who has a `user_id` by now.

        That runs beside the first login, and without the person: it refuses nobody.
        """
        if self.signup.customer_id is None:
            return not_new(exempt=False)
        never = Creates.NEVER
        return self._told(replace(self.settling, is_admission=False, creates=never))

    def _is_new(self) -> bool:
        """Return whether this is a sign-up.

        Auth0 counts denied logins too, so the count alone would let a denied user in; and a second
        tab can overtake the first, whose account may be older than an hour (an import, an
        invitation).
        """
        signup = self.signup
        if signup.logins_count == 1 or signup.marker is Marker.UNFINISHED:
            self._note_installation()
            return True
        if signup.customer_id is not None:
            return False
        if self.settling.policy.existing_users is ExistingUsers.PROVISION:
            return True
        with self.settling.run.trace.step("has_record"):
            return (
                self.settling.ledger.has_record(signup.user) or self._is_younger_than_deployment()
            )

    def _is_younger_than_deployment(self) -> bool:
        created, installed = self.signup.created_at, self.settling.ledger.installed_at()
        return created is not None and created.timestamp() >= installed

    def _is_exempt(self) -> bool:
        """Return whether later logins need not ask.

        Who is not new is of an account from before the installation.
        """
        created = self.signup.created_at
        if self.signup.customer_id is not None or created is None:
            return False
        now = datetime.fromtimestamp(self.settling.run.clock.time(), UTC)
        return now - created > EXEMPT_FROM_AGE

    def _note_installation(self) -> None:
        """Let the deployment's first report be noted, whatever it is; it may also be the next."""
        trace = self.settling.run.trace
        with suppress(LedgerUnavailableError), trace.aside(), trace.step("installed_at"):
            self.settling.ledger.installed_at()

    def _told(self, settling: Settling) -> Instruction:
        """Settle the record, and say what the Action is to do."""
        is_at_checkout = settling.policy.provision_at is ProvisionAt.CHECKOUT
        if is_at_checkout and self.signup.customer_id is None:
            return deferred_to_checkout()
        outcome = settling.settle()
        if isinstance(outcome, Settled):
            return self._let_in(outcome)
        if outcome.reason is Reason.DEFERRED:
            return deferred()
        if outcome.reason in PASSING:
            return self._without_outcome(outcome)
        return replace(denied(outcome.reason), redirect=outcome.redirect)

    def _let_in(self, settled: Settled) -> Instruction:
        if settled.customer_id is None:
            return not_new(exempt=False)
        return linked(settled.customer_id, settled.reason)

    def _without_outcome(self, outcome: Unsettled) -> Instruction:
        """Deny, or by policy let the user in for now, and finish later.

        Whoever was denied before stays denied, and so does a profile whose id is in doubt. Where
        the ledger could not be asked, a marker may stand for a denial; a login that is neither a
        first one nor marked goes on unmarked.
        """
        signup, is_recorded = self.signup, outcome.is_recorded
        is_marked = signup.marker is Marker.UNFINISHED
        is_signing_up = is_marked or signup.logins_count == 1
        if not is_signing_up and (outcome.is_linked or not is_recorded):
            return not_new(exempt=False)
        may_be_denied = is_marked if not is_recorded else outcome.refused not in _NO_DENIALS
        is_kept_out = may_be_denied or signup.customer_id is not None
        if self.settling.policy.on_failure is OnFailure.DENY or is_kept_out:
            return denied(outcome.reason)
        return deferred()
