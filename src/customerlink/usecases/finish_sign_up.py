"""Open sign-ups whose users have left: finished without them."""

from collections.abc import Callable
from enum import StrEnum

from customerlink.model.instruction import Reason
from customerlink.model.signup import SignUp
from customerlink.model.user import User
from customerlink.ports.profiles import Profiles
from customerlink.usecases.open_sign_up import PASSING, Settled
from customerlink.usecases.provision_existing import GONE, provision_existing
from customerlink.usecases.settle import Settling


class FinishStatus(StrEnum):
    """How it ended."""

    FINISHED = "finished"
    """The user has a customer and the profile says so, or nothing had been begun."""
    DENIED = "denied"
    """Something stands in the way, and the next login is told what."""
    GONE = "gone"
    """There is no such user any more."""
    FAILED = "failed"
    """For the next time: an outage, or a create that may be under way."""


def finish(
    user: User, profiles: Profiles, settling: Callable[[SignUp], Settling]
) -> tuple[FinishStatus, Reason]:
    """Settle a record that stays open, and take it out of the index of open sign-ups.

    Whatever stands in the way is not refused here: who gets in is for a login to decide.
    """
    # A registration that Auth0 refused after it was decided here has no user to wait for.
    is_registration = user.registration_id is not None
    outcome = GONE if is_registration else provision_existing(user, profiles, settling)
    if outcome.reason in PASSING:
        return FinishStatus.FAILED, outcome.reason
    if outcome == GONE or not isinstance(outcome, Settled):
        closed = settling(SignUp(user, logins_count=0)).close(is_gone=outcome == GONE)
        if closed.reason in PASSING:
            return FinishStatus.FAILED, closed.reason
        return FinishStatus.GONE if outcome == GONE else FinishStatus.DENIED, outcome.reason
    # The profile was right all along: so the record, which is still open, learns of it.
    if outcome.reason is Reason.ALREADY_LINKED and outcome.customer_id is not None:
        settling(SignUp(user, logins_count=0)).record(outcome.customer_id)
    return FinishStatus.FINISHED, outcome.reason
