"""Open sign-ups whose users have left: finished without them."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Protocol

from customerlink.instruction import Decision, Instruction, Reason, linked
from customerlink.ledger import Lease, Ledger
from customerlink.provisioning import Provisioning
from customerlink.reconcile.profile import unfinished
from customerlink.signup import SignUp
from customerlink.user import CustomerId, User


class End(StrEnum):
    """How it ended."""

    FINISHED = "finished"
    """The user has a customer, and the profile says so."""
    DENIED = "denied"
    """Refused: the next login is told why."""
    GONE = "gone"
    """There is no such user any more."""
    FAILED = "failed"
    """For the next time: an outage, or by policy an address that is not verified yet."""


class Profiles(Protocol):
    """The tenant's users."""

    def get(self, user_id: str) -> dict[str, Any] | None:
        """Read a user, consistently; None for one who is gone."""
        ...

    def merge_app_metadata(self, user_id: str, changes: Mapping[str, str | None]) -> bool:
        """Merge these keys into a user's `app_metadata`; False when the user is gone."""
        ...


def finish(
    user: User,
    users: Profiles,
    ledger: Ledger,
    pipeline: Callable[[SignUp], Provisioning],
) -> tuple[End, Reason]:
    """Run the pipeline for a user as the tenant has them now, and write what it says.

    A login of the user's at the same moment is another invocation of the same pipeline: the ledger
    lets one of them create.
    """
    # A registration that Auth0 refused after it was decided here has no user to wait for.
    profile = None if user.registration_id else users.get(user.user_id)
    if profile is None:
        return _closed(user, ledger)
    instruction = pipeline(unfinished(user, profile)).instruction()
    if instruction.reason is Reason.ALREADY_LINKED:
        instruction = _recorded(user, ledger, CustomerId(profile["customer_id"]))
    if instruction.reason is Reason.DEFERRED:
        return End.FAILED, Reason.DEFERRED
    if instruction.decision is Decision.CONTINUE:
        if not users.merge_app_metadata(user.user_id, instruction.app_metadata):
            return End.GONE, Reason.USER_GONE
        return End.FINISHED, instruction.reason
    is_passing = instruction.reason in (Reason.PROVISIONING_FAILED, Reason.IN_PROGRESS)
    return End.FAILED if is_passing else End.DENIED, instruction.reason


def _closed(user: User, ledger: Ledger) -> tuple[End, Reason]:
    """End the sign-up of a user who was deleted; what it made shows as `orphaned` in verify."""
    lease = ledger.open(user, None)
    if not isinstance(lease, Lease):
        return End.FAILED, Reason.IN_PROGRESS
    ledger.refuse(lease, Reason.USER_GONE)
    return End.GONE, Reason.USER_GONE


def _recorded(user: User, ledger: Ledger, customer_id: CustomerId) -> Instruction:
    """Record a link that is true on both sides already."""
    lease = ledger.open(user, None)
    if isinstance(lease, Lease):
        ledger.link(lease, customer_id)
    return linked(customer_id, Reason.ALREADY_LINKED)
