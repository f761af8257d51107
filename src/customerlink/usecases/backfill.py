"""Users without a customer, one by one: what the command line and the state machine share."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from customerlink.model.candidate import NO_ADDRESS, Prospect
from customerlink.model.failure import Failure
from customerlink.model.instruction import Reason
from customerlink.model.policy import ExistingCustomer, Policy, VerifiedEmail
from customerlink.model.rates import A_USER
from customerlink.model.row import Row
from customerlink.model.signup import SignUp
from customerlink.model.told import told_customer
from customerlink.model.user import User, is_customer_id
from customerlink.ports.profiles import Profiles
from customerlink.ports.rate import Rates, take_turns
from customerlink.usecases.open_sign_up import PASSING, Settled, Unsettled
from customerlink.usecases.provision_existing import provision_existing
from customerlink.usecases.rows import RowFailed, Seen
from customerlink.usecases.settle import Settling


class BackfillStatus(StrEnum):
    """What became of a user."""

    CREATED = "created"
    FOUND = "found"
    """The user's own customer was there already."""
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Backfilled:
    """One user, done with."""

    user_id: str
    status: BackfillStatus
    why: str
    customer_id: str | None = None
    may_pass: bool = True
    """Whether another try may mend what failed."""
    seen: Seen = field(default=Seen.UP, compare=False)
    """What it says of Stripe and the ledger."""
    failure: Failure | None = field(default=None, compare=False)
    """Where it failed."""

    @classmethod
    def of(cls, user_id: str, done: "Backfilled | RowFailed") -> "Backfilled":
        """Return what became of a user, an exception included."""
        if isinstance(done, RowFailed):
            may_pass, where = done.may_pass, done.failure
            return cls(
                user_id, BackfillStatus.FAILED, done.reason, may_pass=may_pass, failure=where
            )
        return done

    def row(self) -> Row:
        """Return it as a row."""
        return Row(self.user_id, self.status, self.why)

    def line(self) -> str:
        """Return it as JSON."""
        row = {"user_id": self.user_id, "fate": self.status, "why": self.why}
        return json.dumps(row | {"customer_id": self.customer_id}) + "\n"

    @classmethod
    def read(cls, line: str | bytes) -> "Backfilled":
        """Read what `line` gave; raise `ValueError` for a line that is not whole."""
        row = json.loads(line)
        return cls(row["user_id"], BackfillStatus(row["fate"]), row["why"], row["customer_id"])


_WHY = {
    Reason.USER_GONE: "the user is gone",
    Reason.EMAIL_MISSING: NO_ADDRESS,
    Reason.DEFERRED: "the address is not verified",
    Reason.CUSTOMER_UNUSABLE: "Stripe refuses what the profile has",
}


_UNASKED = frozenset({Reason.USER_GONE, Reason.EMAIL_MISSING, Reason.DEFERRED, Reason.IN_PROGRESS})
"""Ends before Stripe is asked."""


def provision_one(
    user: User, profiles: Profiles, settling: Callable[[SignUp], Settling], rates: Rates
) -> Backfilled:
    """Give a user a customer, and write the link into the profile."""
    # All turns first: what is read before a wait may be stale after it.
    take_turns(rates, A_USER)
    outcome = provision_existing(user, profiles, settling)
    user_id = user.user_id
    if isinstance(outcome, Settled):
        fate = (
            BackfillStatus.CREATED
            if outcome.reason is Reason.CUSTOMER_CREATED
            else BackfillStatus.FOUND
        )
        return Backfilled(user_id, fate, str(outcome.reason), outcome.customer_id)
    fate = BackfillStatus.FAILED if outcome.reason in PASSING else BackfillStatus.SKIPPED
    seen, failure = seen_by(outcome), outcome.failure
    why = f"{why_not(outcome)}: {failure}" if failure else why_not(outcome)
    return Backfilled(user_id, fate, why, seen=seen, failure=failure)


def foreseen(prospect: Prospect, policy: Policy) -> Backfilled:
    """Return what would become of a user, as far as a comparison tells: nothing is asked."""
    user_id, known = prospect.candidate.user_id, prospect.candidate.known
    why = _foreseen_obstacle(prospect, policy)
    if why is not None:
        return Backfilled(user_id, BackfillStatus.SKIPPED, why)
    if known:
        return Backfilled(user_id, BackfillStatus.FOUND, f"{known[0]} names nobody", known[0])
    return Backfilled(user_id, BackfillStatus.CREATED, str(Reason.CUSTOMER_CREATED))


def _foreseen_obstacle(prospect: Prospect, policy: Policy) -> str | None:
    """Say why a user would have no customer: in the order in which the pipeline asks."""
    known = prospect.candidate.known
    if not prospect.has_email:
        return _WHY[Reason.EMAIL_MISSING]
    if policy.verified_email is VerifiedEmail.REQUIRED and not prospect.is_verified:
        return _WHY[Reason.DEFERRED]
    is_adopted = policy.existing_customer is ExistingCustomer.ADOPT and prospect.is_verified
    unusable = [each for each in known if not is_customer_id(each)]
    if unusable:
        return why_not(Unsettled(Reason.CUSTOMER_UNUSABLE, in_the_way=tuple(unusable)))
    if known and not (is_adopted and prospect.is_free):
        return why_not(Unsettled(Reason.EMAIL_IN_USE, in_the_way=known))
    return f"{prospect.before} has the address, and comes before" if prospect.before else None


def seen_by(outcome: Settled | Unsettled) -> Seen:
    """Return what an end says of Stripe and the ledger."""
    if outcome.reason is Reason.PROVISIONING_FAILED:
        return Seen.DOWN
    return Seen.NOTHING if outcome.reason in _UNASKED else Seen.UP


def why_not(outcome: Unsettled) -> str:
    """Say why a user has no customer by now."""
    in_the_way = [*map(told_customer, outcome.in_the_way)]
    if in_the_way and outcome.reason is Reason.CUSTOMER_UNUSABLE:
        return f"{in_the_way[0]} cannot be linked"
    if in_the_way:
        return f"the address has {' '.join(in_the_way)}"
    return _WHY.get(outcome.reason, str(outcome.reason))
