"""A customer for a user who is not logging in: at the checkout, by backfill, by repair."""

from collections.abc import Callable

from customerlink.model.instruction import Reason, link_metadata
from customerlink.model.profile import unfinished
from customerlink.model.signup import SignUp
from customerlink.model.user import User
from customerlink.ports.profiles import Profiles
from customerlink.usecases.open_sign_up import Settled, Unsettled
from customerlink.usecases.settle import Settling

GONE = Unsettled(Reason.USER_GONE)
"""The tenant has no such user, or none any more."""


def provision_existing(
    user: User, profiles: Profiles, settling: Callable[[SignUp], Settling]
) -> Settled | Unsettled:
    """Settle the record of a user as the tenant has them now, and write the link.

    The profile is read right before: an export may be hours old, and its address somebody else's by
    now. Nobody is refused: a login at the same moment is another invocation of the same use case,
    and the ledger lets one of them create.
    """
    profile = profiles.get(user.user_id)
    if profile is None:
        return GONE
    outcome = settling(unfinished(user, profile)).settle()
    if not isinstance(outcome, Settled) or outcome.customer_id is None:
        return outcome
    # Last, and read again by nobody: should it fail, the record replays the link at the next login.
    link = link_metadata(outcome.customer_id)
    is_written = (profile.customer_id, profile.marker) == (outcome.customer_id, None)
    if not is_written and not profiles.merge_app_metadata(user.user_id, link):
        return GONE
    return outcome
