"""What both sides have come to once nothing is left to do: invariants 15 and 19."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.simulation.auth0 import User
from tests.simulation.outside import Body
from tests.simulation.sync_oracle import (
    FIELDS,
    Edit,
    SyncOracle,
    auth0_value,
    is_over,
    stripe_value,
)

from customerlink.model.address import lowered
from customerlink.model.sync import WRITTEN, Decision, SyncAct, Verdict
from customerlink.model.sync_memory import CORRECTIONS_A_DAY
from customerlink.model.sync_policy import EmailChanges, SyncPolicy


@dataclass(frozen=True)
class Rest:
    """A world at rest: every event was dealt with, and no lease is left."""

    oracle: SyncOracle
    decisions: Mapping[str, Decision]
    """What sync would do, by user."""

    def judge(self) -> None:
        """Look at every user whose link is true."""
        for user in self.oracle.auth0.users.values():
            customer = self._linked(user)
            if customer is not None:
                self._judge_count(user)
                self._judge_fields(user, customer)

    def _judge_count(self, user: User) -> None:
        """Check 19: one write for each change, and for each whose answer was lost another one."""
        attempts = self.oracle.attempts[user.user_id]
        lost = sum(bool(each.sent) and not is_over(each) for each in attempts)
        allowed = self.oracle.changes[user.user_id] + lost + 1
        writers = len(self.oracle.writers[user.user_id])
        if writers > allowed:
            self.oracle.violated(f"19: {writers} writes for {user.user_id} by {allowed} changes")

    def _judge_fields(self, user: User, customer: Body) -> None:
        """Check 15."""
        for name in FIELDS:
            wanted, found = usable(user, name, self.oracle.policy), stripe_value(customer, name)
            if wanted is None or found == wanted:
                continue
            why = self._why_not(user, customer, name, wanted)
            if why is not None:
                text = f"15: the {name} of {customer['id']} is {found}, not {wanted}: {why}"
                self.oracle.violated(text)

    def _linked(self, user: User) -> Body | None:
        """Return the user's customer, if the link is true."""
        live = {each["id"]: each for each in self.oracle.world.stripe.live_customers()}
        found = live.get(str(user.metadata.get("stripe_customer_id")))
        if found is None or "superseded_by" in found["metadata"]:
            return None
        return found if found["metadata"].get("auth0_user_id") == user.user_id else None

    def _why_not(self, user: User, customer: Body, name: str, wanted: str) -> str | None:
        """Return why a difference must not be; None where it may stay."""
        decision = self.decisions[user.user_id]
        verdict = decision.verdicts.get(name)
        if decision.act in (SyncAct.WAIT, SyncAct.HOLD):
            return f"sync would {decision.act}: {decision.reason}"
        if verdict in WRITTEN:
            is_taken = name == "email" and self._is_taken(wanted, customer["id"])
            return None if is_taken else "it is not at rest"
        if verdict is Verdict.UNKNOWN and (user.user_id, name) not in self.oracle.settled:
            return self._why_known(user, customer, name)
        edit = self.oracle.edits.get((customer["id"], name))
        if edit is None:
            return f"nobody has edited it, and sync says {verdict}"
        if verdict is Verdict.CONTESTED:
            has_cap = len(self.oracle.corrections[user.user_id]) >= CORRECTIONS_A_DAY
            return None if has_cap else "it was not corrected three times"
        return self._why_edit_is_over(user, name, wanted, edit)

    def _why_known(self, user: User, customer: Body, name: str) -> str | None:
        """Return why somebody knows which is newer: an event has said what Auth0 had before."""
        ignored = any(each.email_changes is EmailChanges.IGNORE for each in self.oracle.chosen)
        is_untold = name == "email" and ignored
        if (customer["id"], name) in self.oracle.edits or is_untold:
            return None
        former = [value for _, value in self.oracle.had[user.user_id, name][:-1]]
        is_former = stripe_value(customer, name) in former
        return "an event has said that Auth0 had it before" if is_former else None

    def _why_edit_is_over(self, user: User, name: str, wanted: str, edit: Edit) -> str | None:
        had = self.oracle.had[user.user_id, name]
        at_edit = {value for since, value in had if since <= edit.at}
        return None if wanted in at_edit else "Auth0 has changed it since it was edited"

    def _is_taken(self, address: str, but_for: str) -> bool:
        """Return whether somebody has an address who keeps it: who is to move would share it."""
        live = self.oracle.world.stripe.live_customers()
        having = {each["id"] for each in live if lowered(each["email"] or "") == address}
        decisions = self.decisions.values()
        moving = {str(each.customer_id) for each in decisions if "email" in each.writes}
        return bool(having - moving - {but_for})


def usable(user: User, name: str, policy: SyncPolicy) -> str | None:
    """Return what the customer is to have; None where Auth0 has nothing to go by."""
    value = auth0_value(user, name)
    if name == "email" and policy.email_changes is EmailChanges.IGNORE:
        return None
    is_believed = name != "email" or user.is_verified or policy.email_changes is EmailChanges.ANY
    return value if value and is_believed else None
