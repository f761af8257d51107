"""The invariants of the life after the sign-up, 14 to 21, judged at every write and at rest.

What a person does is an edit; whether sync may write over it, and whether a difference may stay, is
decided here by what has happened, and not by what the ledger remembers.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulation.auth0 import TENANT, Auth0, User
from tests.simulation.dashboards import PERSON
from tests.simulation.outside import Body, World
from tests.simulation.reconciling import Attempt

from customerlink.model.address import lowered
from customerlink.model.customer import DESCRIPTION
from customerlink.model.policy import ExistingCustomer
from customerlink.model.sync import WRITTEN, SyncAct, Verdict
from customerlink.model.sync_memory import CORRECTIONS_A_DAY, DAY_SECONDS
from customerlink.model.sync_policy import (
    DeletedUsers,
    EditedCustomers,
    EmailChanges,
    SyncPolicy,
)
from customerlink.usecases.synced import Synced, SyncOutcome

FIELDS = ("email", "name")
QUIET = 200.0
SKEWS = 10.0
"""Clocks differ: a day is shorter for one of them."""

_SETTLED = {Verdict.AGREED, Verdict.EDITED, Verdict.REPORTED, Verdict.CONTESTED}
DELETE = DeletedUsers.DELETE
_FRESH = {"get", "read", "look", "update"}
"""What may stand between the last look at both sides and a write."""


@dataclass(frozen=True)
class Edit:
    """What a person, or a third program, wrote into a customer's field."""

    at: float
    value: str


class SyncOracle:
    """Looks at everything that happens after a sign-up."""

    def __init__(self, world: World, auth0: Auth0, violated: Callable[[str], None]) -> None:
        """Know what the tenant's users are like."""
        self.world, self.auth0, self.violated = world, auth0, violated
        self.policy = SyncPolicy()
        self.chosen: list[SyncPolicy] = []
        """Every policy that was in force."""
        self.gone: dict[str, float] = {}
        """Who was deleted, and when."""
        self.subscribed: dict[str, float] = {}
        """Which customer has a subscription, and since when."""
        self.restores = False
        """Whether the policy ever was to write edits over."""
        self.attempts: defaultdict[str, list[Attempt]] = defaultdict(list)
        self.edits: dict[tuple[str, str], Edit] = {}
        """By customer and field: what a person wrote last, and nobody over it."""
        self.had: defaultdict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
        """By user and field: the values that Auth0 had, and since when."""
        self.settled: dict[tuple[str, str], tuple[str, str]] = {}
        """By user and field: customer and value that both sides were known to have."""
        self._settled_at: dict[tuple[str, str], float] = {}
        """When whoever knew it had read the user: who read earlier may end later."""
        self.about: dict[str, str] = {}
        """The customer that a user's last reconciliation was about."""
        self.sent: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        """By customer and field: what was sent since; what stands there may be that."""
        self.changes: Counter[str] = Counter()
        """By user: what has changed outside, sign-ups among it."""
        self.writers: defaultdict[str, set[int]] = defaultdict(set)
        self.corrections: defaultdict[str, dict[int, float]] = defaultdict(dict)
        """By user: the attempts that wrote over an edit, and when."""

    def watch_policy(self, policy: SyncPolicy) -> None:
        """Note what the policy of the moment allows from now on."""
        self.policy = policy
        self.chosen.append(policy)
        self.restores |= policy.edited_customers is EditedCustomers.RESTORE

    # What changes outside

    def user_changed(self, user: User) -> None:
        """Note what a profile has by now."""
        self.changes[user.user_id] += 1
        for name in FIELDS:
            value, known = auth0_value(user, name), self.had[user.user_id, name]
            if not known or known[-1][1] != value:
                known.append((self.world.scheduler.now, value))

    def customer_made(self, customer: Body) -> None:
        """Note a sign-up."""
        self.changes[str(customer["metadata"].get("auth0_user_id"))] += 1

    def customer_changed(self, before: Body, after: Body | None, by: object) -> None:
        """Note an edit, or judge a write."""
        if isinstance(by, Attempt):
            if after is None:
                self._judge_deletion(by, before)
            else:
                self._written(by, before, after)
            return
        self.changes[str(before["metadata"].get("auth0_user_id"))] += 1
        if after is None:
            return
        for name in FIELDS:
            if before[name] == after[name]:
                continue
            if by == PERSON:
                value = stripe_value(after, name)
                self.edits[before["id"], name] = Edit(self.world.scheduler.now, value)
            else:
                self.edits.pop((before["id"], name), None)

    # What a reconciliation does

    def begun(self, attempt: Attempt) -> None:
        """Note that there is one."""
        self.attempts[attempt.user_id].append(attempt)

    def called(
        self, attempt: Attempt, name: str, target: str, params: Mapping[str, Any] | None
    ) -> None:
        """Check that a write follows upon a look, with nothing in between that takes its time."""
        if name != "update" or params is None or {*params} == {"metadata"}:
            return
        trail = attempt.trail
        if trail[:1] != ["get"] or not {*trail} <= _FRESH or "look" not in trail:
            self.violated(f"12: {attempt} writes {target} without a look right before: {trail}")
        attempt.sent.append((self.world.scheduler.now, params))
        for field in FIELDS:
            if field in params:
                self.sent[target, field].add(params[field])

    def merged(self, attempt: Attempt, user_id: str, changes: Mapping[str, str | None]) -> None:
        """Check 17, and that a link is written for its own user only."""
        seen = attempt.seen
        if "stripe_customer_id" in changes and changes["stripe_customer_id"] is None:
            is_it = attempt.read is None or attempt.read.customer_id in (None, seen.get("id"))
            if attempt.is_foreign or not seen.get("deleted") or not is_it:
                self.violated(f"17: {attempt} clears the link of {user_id}")

    def ended(self, attempt: Attempt) -> None:
        """Note what both sides are known to have."""
        synced = attempt.synced
        if synced is None or synced.decision is None:
            return
        if synced.decision.verdicts:
            self._is_about(attempt, str(synced.decision.customer_id))
        if synced.outcome is SyncOutcome.AGAIN:
            return
        self._judge_enrolled(attempt.user_id, synced)
        for name, verdict in synced.decision.verdicts.items():
            customer_id = str(synced.decision.customer_id)
            wrote = [params for _, params in attempt.sent if name in params]
            is_later = attempt.read_since >= self._settled_at.get((attempt.user_id, name), 0.0)
            if is_later and (verdict in _SETTLED or (wrote and verdict in WRITTEN)):
                self._settled_at[attempt.user_id, name] = attempt.read_since
                value = folded(name, str(synced.decision.values.get(name, "")))
                self.settled[attempt.user_id, name] = customer_id, value
                self.sent[customer_id, name].clear()

    def _is_about(self, attempt: Attempt, customer_id: str) -> None:
        """Note whose values count from now on: in another's place, what a customer has is known."""
        if self.about.get(attempt.user_id, customer_id) != customer_id:
            for name in FIELDS:
                seen = stripe_value(attempt.seen, name)
                self.settled[attempt.user_id, name] = customer_id, seen
        self.about[attempt.user_id] = customer_id

    def _judge_enrolled(self, user_id: str, synced: Synced) -> None:
        """Check that a link which was found true is recorded: it may be lost from the profile."""
        decision = synced.decision
        live = {each["id"] for each in self.world.stripe.live_customers()}
        # Of what was true when they were read, a person may have taken one away meanwhile.
        if user_id in self.gone or (decision and decision.customer_id not in live):
            return
        is_true = decision is not None and decision.act in (SyncAct.COMPARE, SyncAct.LINK)
        if is_true and synced.outcome is not SyncOutcome.HELD and not self._recorded(user_id):
            self.violated(f"15: the link of {user_id} is true, and not recorded")

    def _recorded(self, user_id: str) -> str | None:
        record = self.world.table.items.get(f"signup#{TENANT}#{user_id}", {})
        found: str | None = record.get("customer_id", {}).get("S")
        return found

    def _known_to(self, user_id: str) -> set[str | None]:
        """Return what an account's record is linked to, or was about to be when it was opened."""
        record = self.world.table.items.get(f"signup#{TENANT}#{user_id}", {})
        return {record.get(each, {}).get("S") for each in ("customer_id", "adopting")}

    def _written(self, attempt: Attempt, before: Body, after: Body) -> None:
        if before["metadata"] != after["metadata"]:
            if "auth0_user_id" in after["metadata"]:
                self._judge_naming(attempt, before)
            else:
                self._judge_parting(attempt, before, DeletedUsers.UNLINK)
            return
        if not attempt.sent:
            # An adoption that is repeated changes nothing.
            return
        self._judge_whose(attempt, before, after)
        self._judge_alone(attempt)
        self.writers[attempt.user_id].add(attempt.number)
        changed = [name for name in FIELDS if before[name] != after[name]]
        if all(attempt.seen.get(name) == after[name] for name in FIELDS):
            self.violated(f"19: {attempt} writes what it saw to be there")
        for name in changed:
            edit = self.edits.pop((before["id"], name), None)
            value = stripe_value(after, name)
            self._judge_value(attempt, name, value)
            if edit is not None and edit.at <= attempt.looks[-1]:
                self._judge_edit(attempt, name, value, edit)

    def _judge_whose(self, attempt: Attempt, before: Body, after: Body) -> None:
        """Check 14: whose the customer was when it was looked at last, and what is written."""
        seen, metadata = attempt.seen, attempt.seen.get("metadata", {})
        is_theirs = metadata.get("auth0_user_id") == attempt.user_id
        is_it = seen.get("id") == before["id"] and "superseded_by" not in metadata
        if not is_it or not is_theirs:
            self.violated(f"14: {attempt} writes {before['id']}, which is not {attempt.user_id}'s")
        kept = {k: v for k, v in before.items() if k not in (*FIELDS, "metadata")}
        if any(after[k] != v for k, v in kept.items()):
            self.violated(f"14: {attempt} writes what is the shop's")

    def _judge_deletion(self, attempt: Attempt, before: Body) -> None:
        """Check 18: whose it was, that they are gone for long enough, and that nothing is open."""
        self._judge_parting(attempt, before, DeletedUsers.DELETE)
        customer_id = before["id"]
        began = self.subscribed.get(customer_id, float("inf"))
        is_registered = "auth0_registration_id" in before["metadata"]
        is_claimed = f"adoption#{customer_id}" in self.world.table.items and not is_registered
        users = self.auth0.users.values()
        is_carried = any(each.metadata.get("stripe_customer_id") == customer_id for each in users)
        is_ours = before["description"] == DESCRIPTION and not (is_claimed or is_carried)
        if began < attempt.started or before["balance"] or not is_ours:
            self.violated(f"18: {attempt} deletes {customer_id}, which is still of use")

    def _judge_parting(self, attempt: Attempt, before: Body, at_least: DeletedUsers) -> None:
        """Check of a customer that names nobody any more, or is deleted, that its user is gone."""
        user_id, now = str(before["metadata"].get("auth0_user_id")), self.world.scheduler.now
        chosen = [each for each in self.chosen if each.deleted_users in (at_least, DELETE)]
        grace = min((each.grace_seconds for each in chosen), default=float("inf"))
        since = self.gone.get(user_id, float("inf"))
        is_linked = any(user_id in each.identities for each in self.auth0.users.values())
        if user_id != attempt.user_id or is_linked or now < since + grace - SKEWS:
            self.violated(f"18: {attempt} lets go of {before['id']}, which is {user_id}'s")

    def may_let_go(self, user_id: str) -> bool:
        """Return whether a user is gone; the rest is judged with the attempt."""
        return user_id in self.gone

    def user_deleted(self, user: User) -> None:
        """Note since when a user is gone."""
        self.gone[user.user_id] = self.world.scheduler.now

    def _judge_naming(self, attempt: Attempt, before: Body) -> None:
        """Check 14 where a customer names somebody by it: nobody's is the user's by its record.

        Or those of an account which was linked to it, or it to: following finishes an adoption that
        was begun. Whose it may be after somebody else is for the oracle of sign-ups to judge.
        """
        accounts = {attempt.user_id}
        for user_id, user in {**self.auth0.gone, **self.auth0.users}.items():
            if attempt.user_id in {user_id, *user.identities}:
                accounts |= {user_id, *user.identities}
        is_nobodys = not {"auth0_user_id", "auth0_registration_id"} & {*before["metadata"]}
        claim = self.world.table.items.get(f"adoption#{before['id']}", {})
        is_claimed = claim.get("holder", {}).get("S") in {f"{TENANT}#{each}" for each in accounts}
        adopts = self.world.policy.existing_customer is ExistingCustomer.ADOPT
        is_theirs = adopts or any(before["id"] in self._known_to(each) for each in accounts)
        if is_nobodys and not (is_claimed and is_theirs):
            self.violated(f"14: {attempt} takes {before['id']}, which is nobody's")

    def _judge_alone(self, attempt: Attempt) -> None:
        """Check that nobody looks while a write is under way: they would decide by what changes."""
        sent = attempt.sent[0][0]
        others = [each for each in self.attempts[attempt.user_id] if each is not attempt]
        if any(look > sent for each in others for look in each.looks):
            self.violated(f"a write of {attempt} lands after another one has looked")

    def _judge_value(self, attempt: Attempt, name: str, value: str) -> None:
        known = self.had[attempt.user_id, name]
        ended = [moment for moment, _ in known[1:]] + [float("inf")]
        since = [
            each for (_, each), end in zip(known, ended, strict=True) if end > attempt.read_since
        ]
        if value not in since:
            self.violated(f"15: {attempt} writes a {name} that {attempt.user_id} has not")
        is_believed = any(each.email_changes is EmailChanges.ANY for each in self.chosen)
        is_verified = attempt.read is not None and attempt.read.email_verified
        if name == "email" and not (is_believed or is_verified):
            self.violated(f"15: {attempt} writes an address that is not verified")

    def _judge_edit(self, attempt: Attempt, name: str, value: str, edit: Edit) -> None:
        """Check 16: what a person wrote gives way to a later change, or by policy."""
        user_id, customer_id = attempt.user_id, str(attempt.seen["id"])
        # Of a customer that is new to sync nobody knows what it had before (docs: not covered).
        if self.about.get(user_id, customer_id) != customer_id:
            return
        # Whoever ended without a word may have noted another value than Auth0 has by now.
        quiet = [each for each in self.attempts[user_id] if not is_over(each) and each.looks]
        if any(self._auth0_at(each, name) != value for each in quiet if each is not attempt):
            return
        # What has changed in Auth0 since then is what an edit gives way to.
        if self.had[user_id, name][-1][0] > edit.at:
            return
        known = self.settled.get((user_id, name))
        former = {each for _, each in self.had[user_id, name]}
        may_be_a_former = known is None and edit.value in former
        if may_be_a_former or known not in (None, (customer_id, value)):
            return
        if edit.value in self.sent[customer_id, name]:
            return
        if self.restores:
            self._judge_corrections(attempt)
        else:
            self.violated(f"16: {attempt} writes over the {name} that a person wrote")

    def _auth0_at(self, attempt: Attempt, name: str) -> str:
        """Return what Auth0 had when an attempt read it."""
        known = self.had[attempt.user_id, name]
        before = [value for since, value in known if since <= attempt.read_since]
        return (before or [known[0][1]])[-1]

    def _judge_corrections(self, attempt: Attempt) -> None:
        """Check the cap of 19; several fields are written over at once."""
        known, since = self.corrections[attempt.user_id], self.world.scheduler.now - DAY_SECONDS
        known.setdefault(attempt.number, self.world.scheduler.now)
        number = sum(each > since + SKEWS for each in known.values())
        if number > CORRECTIONS_A_DAY:
            self.violated(f"19: {attempt.user_id} is corrected for the {number}th time in a day")

    def is_moving(self, holder: Body, address: str) -> bool:
        """Return whether a customer's own user has another address, or has had for a moment."""
        user_id = str(holder["metadata"].get("auth0_user_id"))
        recently, known = self.world.scheduler.now - 2 * QUIET, self.had[user_id, "email"]
        if user_id not in self.auth0.users and self.gone.get(user_id, 0.0) < recently:
            return False
        return known[-1][1] != address or known[-1][0] > recently

    def acknowledged(self, user_id: str, since: float) -> None:
        """Check 21: whoever a message is about was looked at since, or the ledger owes a look."""
        looked = any(each.started >= since and is_over(each) for each in self.attempts[user_id])
        item = self.world.table.items.get(f"sync#{TENANT}#{user_id}", {})
        if not looked and "is_open" not in item:
            self.violated(f"21: an event of {user_id} is lost")

    def trespassed(self, owner: str, key: str) -> None:
        """Check 20: only sync asks for what sync remembers, and who gives a customer away."""
        if key.startswith("sync#") and not owner.startswith(("sync", "reassign")):
            self.violated(f"20: {owner} asks for {key}")


def is_over(attempt: Attempt) -> bool:
    """Return whether a reconciliation ended, and needs no other try."""
    return attempt.synced is not None and attempt.synced.outcome is not SyncOutcome.AGAIN


def folded(name: str, value: str) -> str:
    """Return a value as it is compared."""
    return lowered(value) if name == "email" else value


def auth0_value(user: User, name: str) -> str:
    """Return what a profile has, as it is compared."""
    return folded(name, (user.email or "") if name == "email" else user.full_name)


def stripe_value(customer: Mapping[str, Any], name: str) -> str:
    """Return what a customer has, likewise."""
    return folded(name, customer[name] or "")
