"""What becomes of the customer of a user who is gone: a pure function of what was seen.

Once their time has come, that is: `SyncPolicy.grace_seconds` after they were found to be gone.
"""

from enum import StrEnum

from customerlink.model.customer_values import LiveCustomer
from customerlink.model.frozen import frozen
from customerlink.model.listed_customer import Absence
from customerlink.model.sync import SyncReason
from customerlink.model.sync_policy import DeletedUsers
from customerlink.model.usage import Subscriptions
from customerlink.model.user import User


class Part(StrEnum):
    """What is done."""

    NOTHING = "nothing"
    """The user is back, or nothing is left that names them."""
    FOLLOW = "follow"
    """The account was linked into another one, and so its customer follows."""
    UNLINK = "unlink"
    DELETE = "delete"
    HOLD = "hold"


@frozen
class SeenGone:
    """A user who was found to be gone, and their customer: all read right before."""

    user: User
    is_there: bool
    is_linked: bool
    """Whether the account is a part of another one."""
    customer: LiveCustomer | Absence | None
    is_claimed: bool = False
    """Whether the ledger has it that somebody adopted the customer."""
    subscriptions: Subscriptions = Subscriptions.NONE
    is_anothers: bool = False
    """Whether another user's profile has its id."""


def part(seen: SeenGone, policy: DeletedUsers) -> tuple[Part, SyncReason]:
    """Say what is to be done, and why."""
    if seen.is_there:
        return Part.NOTHING, SyncReason.IN_ORDER
    if seen.is_linked:
        return Part.FOLLOW, SyncReason.USER_GONE
    if isinstance(seen.customer, LiveCustomer):
        return _with(seen.customer, seen, policy)
    # A wrong key makes all customers seem to be missing.
    is_over = seen.customer in (None, Absence.DELETED)
    missing = Part.HOLD, SyncReason.MISSING
    return (Part.NOTHING, SyncReason.USER_GONE) if is_over else missing


def _with(live: LiveCustomer, seen: SeenGone, policy: DeletedUsers) -> tuple[Part, SyncReason]:
    # By now it may be a part of another account's.
    is_kept = policy is DeletedUsers.KEEP or live.customer.superseded_by is not None
    if is_kept or not live.customer.belongs_to(seen.user):
        return Part.NOTHING, SyncReason.USER_GONE
    # Whoever edits metadata may let it name a user whose customer it never was.
    if seen.is_anothers:
        return Part.HOLD, SyncReason.MISMATCHED
    if policy is DeletedUsers.UNLINK or is_the_shops(live, seen):
        return Part.UNLINK, SyncReason.USER_GONE
    if live.has_balance:
        return Part.HOLD, SyncReason.HAS_BALANCE
    if seen.subscriptions is not Subscriptions.NONE:
        return Part.HOLD, SyncReason.SUBSCRIBED
    return Part.DELETE, SyncReason.USER_GONE


def is_the_shops(live: LiveCustomer, seen: SeenGone) -> bool:
    """Return whether a sign-up did not make the customer, as far as anybody can tell.

    What a registration made is claimed too, by its user's first login.
    """
    is_adopted = seen.is_claimed and live.customer.registration_id is None
    return is_adopted or not live.is_ours(seen.user.tenant)
