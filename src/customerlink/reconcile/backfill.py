"""Users without a customer, one by one: what the command line and the state machine share."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from customerlink.adapters.auth0_management import Users
from customerlink.instruction import Decision, Instruction, Reason
from customerlink.reconcile.bucket import Pace
from customerlink.reconcile.provision import Provisioner


class Fate(StrEnum):
    """What became of a user."""

    CREATED = "created"
    FOUND = "found"
    """The user's own customer was there already."""
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Done:
    """One user, done with."""

    user_id: str
    fate: Fate
    why: str
    customer_id: str | None = None

    def line(self) -> str:
        """Give it as JSON."""
        row = {"user_id": self.user_id, "fate": self.fate, "why": self.why}
        return json.dumps(row | {"customer_id": self.customer_id}) + "\n"


def provision_one(
    user: dict[str, Any], provisioner: Provisioner, users: Users, auth0: Pace
) -> Done:
    """Give a user of the export's form a customer, and write the link into the profile."""
    user_id = str(user["user_id"])
    if provisioner.policy.customer_fields.paths():
        # The export holds no more of a profile than every customer gets.
        auth0.take()
        user = users.get(user_id) or user
    outcome = provisioner.provision(user)
    if not isinstance(outcome, Instruction):
        return Done(user_id, Fate.SKIPPED, outcome)
    if outcome.decision is not Decision.CONTINUE:
        is_passing = outcome.reason in (Reason.PROVISIONING_FAILED, Reason.IN_PROGRESS)
        return Done(user_id, Fate.FAILED if is_passing else Fate.SKIPPED, str(outcome.reason))
    auth0.take()
    customer_id = outcome.app_metadata.get("stripe_customer_id")
    if not users.merge_app_metadata(user_id, dict(outcome.app_metadata)):
        return Done(user_id, Fate.SKIPPED, "the user is gone", customer_id)
    created = outcome.reason is Reason.CUSTOMER_CREATED
    fate = Fate.CREATED if created else Fate.FOUND
    return Done(user_id, fate, str(outcome.reason), customer_id)
