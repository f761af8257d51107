"""What becomes of the customer of a user who is gone: a table."""

from dataclasses import replace
from typing import Any

import pytest
from tests.fakes import ADA

from customerlink.model.customer import DESCRIPTION, Customer
from customerlink.model.customer_values import LiveCustomer
from customerlink.model.deleted_user import Part, SeenGone, part
from customerlink.model.listed_customer import Absence
from customerlink.model.sync import SyncReason
from customerlink.model.sync_policy import DeletedUsers, SyncPolicy
from customerlink.model.usage import Subscriptions
from customerlink.model.user import CustomerId

KEEP, UNLINK, DELETE = DeletedUsers
OWN = LiveCustomer(Customer(CustomerId("cus_1"), ADA.user_id, ADA.tenant), {}, DESCRIPTION)
GONE = SeenGone(ADA, is_there=False, is_linked=False, customer=OWN)


def live(**changes: Any) -> LiveCustomer:
    """Return the user's customer, changed."""
    return replace(OWN, customer=replace(OWN.customer, **changes))


@pytest.mark.parametrize(
    ("seen", "policy", "act", "reason"),
    [
        # Who is back, and who is a part of somebody.
        (replace(GONE, is_there=True), DELETE, Part.NOTHING, SyncReason.IN_ORDER),
        (replace(GONE, is_there=True, is_linked=True), UNLINK, Part.NOTHING, SyncReason.IN_ORDER),
        (replace(GONE, is_linked=True), DELETE, Part.FOLLOW, SyncReason.USER_GONE),
        (replace(GONE, is_linked=True, customer=None), UNLINK, Part.FOLLOW, SyncReason.USER_GONE),
        # By policy.
        (GONE, KEEP, Part.NOTHING, SyncReason.USER_GONE),
        (GONE, UNLINK, Part.UNLINK, SyncReason.USER_GONE),
        (GONE, DELETE, Part.DELETE, SyncReason.USER_GONE),
        # What is not there, or nobody's, or somebody else's.
        (replace(GONE, customer=None), DELETE, Part.NOTHING, SyncReason.USER_GONE),
        (replace(GONE, customer=Absence.DELETED), DELETE, Part.NOTHING, SyncReason.USER_GONE),
        (replace(GONE, customer=Absence.UNKNOWN), DELETE, Part.HOLD, SyncReason.MISSING),
        (replace(GONE, customer=Absence.OTHER_MODE), UNLINK, Part.HOLD, SyncReason.MISSING),
        (replace(GONE, customer=live(auth0_user_id=None)), DELETE, Part.NOTHING, None),
        (replace(GONE, customer=live(auth0_user_id="auth0|bob")), UNLINK, Part.NOTHING, None),
        (replace(GONE, customer=live(auth0_tenant="other")), DELETE, Part.NOTHING, None),
        # A part of another account's by now.
        *(
            (
                replace(GONE, customer=live(superseded_by="cus_2"), **more),
                policy,
                Part.NOTHING,
                None,
            )
            for policy in (UNLINK, DELETE)
            for more in ({}, {"is_claimed": True}, {"subscriptions": Subscriptions.LIVE})
        ),
        # The shop's own, as far as anybody can tell, is let go of and no more.
        (replace(GONE, customer=replace(OWN, description="a regular")), DELETE, Part.UNLINK, None),
        (replace(GONE, customer=replace(OWN, description=None)), DELETE, Part.UNLINK, None),
        (replace(GONE, customer=live(auth0_tenant=None)), DELETE, Part.UNLINK, None),
        (replace(GONE, is_claimed=True), DELETE, Part.UNLINK, None),
        (
            replace(GONE, is_claimed=True, customer=live(registration_id="f" * 32)),
            DELETE,
            Part.DELETE,
            None,
        ),
        # What money is in.
        (replace(GONE, customer=replace(OWN, has_balance=True)), DELETE, Part.HOLD, None),
        (replace(GONE, customer=replace(OWN, has_balance=True)), UNLINK, Part.UNLINK, None),
        (replace(GONE, subscriptions=Subscriptions.LIVE), DELETE, Part.HOLD, SyncReason.SUBSCRIBED),
        (
            replace(GONE, subscriptions=Subscriptions.HIDDEN),
            DELETE,
            Part.HOLD,
            SyncReason.SUBSCRIBED,
        ),
        (replace(GONE, subscriptions=Subscriptions.LIVE), UNLINK, Part.UNLINK, None),
    ],
)
def test_decision(
    seen: SeenGone, policy: DeletedUsers, act: Part, reason: SyncReason | None
) -> None:
    """Nothing is deleted but what a sign-up made, of one who is gone, and that nobody needs."""
    assert part(seen, policy)[0] is act
    assert reason in (None, part(seen, policy)[1])


@pytest.mark.parametrize(
    ("policy", "days", "seconds"),
    [(DELETE, 30, 30 * 86_400), (DELETE, 1, 86_400), (UNLINK, 30, 3_600), (UNLINK, 1, 3_600)],
)
def test_grace(policy: DeletedUsers, days: int, seconds: float) -> None:
    """A deletion waits for days; what can be mended, for the search to catch up."""
    assert SyncPolicy(deleted_users=policy, deleted_users_days=days).grace_seconds == seconds
