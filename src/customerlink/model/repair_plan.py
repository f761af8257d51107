"""A plan: one action a line, with its reason and what it expects to find when it is carried out."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from customerlink.model.drift import Drift, Finding
from customerlink.model.errors import CustomerLinkError
from customerlink.model.user import is_customer_id


class Act(StrEnum):
    """What repair can do; `DECIDE` is for somebody to read, and is never carried out."""

    RECORD = "record"
    """Write the customer's id into the profile."""
    PROVISION = "provision"
    """Run the sign-up's pipeline, ledger included."""
    CLEAR = "clear"
    """Take the customer's id out of the profile, and mark the sign-up unfinished."""
    SET_EMAIL = "set_email"
    """Give the customer the user's address."""
    LOWER_EMAIL = "lower_email"
    """Write the customer's address in lower case."""
    CLAIM = "claim"
    """Let a registration's customer name the user whose profile has its id."""
    ADOPT = "adopt"
    """Let a customer that names nobody name the user whose profile has its id."""
    RENAME = "rename"
    """Let a customer that names the user under another tenant's name do so under this one's."""
    FOLLOW = "follow"
    """Let a linked account's customer become the primary's, or be superseded by it."""
    REMOVE = "remove"
    """Delete a registration's customer that was never used."""
    DECIDE = "decide"


ACT = {
    Drift.UNRECORDED: Act.RECORD,
    Drift.UNLINKED: Act.PROVISION,
    Drift.DANGLING: Act.CLEAR,
    Drift.WRONG_MODE: Act.CLEAR,
    Drift.EMAIL_DRIFT: Act.SET_EMAIL,
    Drift.LETTER_CASE: Act.LOWER_EMAIL,
    Drift.UNNAMED: Act.ADOPT,
    Drift.OTHER_TENANT: Act.RENAME,
    Drift.MISMATCHED: Act.DECIDE,
    Drift.DUPLICATE: Act.DECIDE,
    Drift.ORPHANED: Act.DECIDE,
    Drift.UNCLAIMED: Act.CLAIM,
    Drift.ABANDONED: Act.REMOVE,
}

SAFE = (Drift.UNRECORDED, Drift.UNCLAIMED)
"""Repaired unless others are named: nothing is made, nothing is taken away."""

_AFTERWARDS = {True: Drift.UNRECORDED, False: Drift.UNLINKED}
"""What a user is found to be whose id was taken out: whether a customer names them or not."""


class PlanError(CustomerLinkError):
    """A line of a plan cannot be read; the message names the line."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line: it holds ids, and no address."""

    act: Act
    drift: Drift
    user_id: str | None
    customer_id: str | None
    reason: str

    def line(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))


def planned(findings: Iterable[Finding]) -> Iterator[Step]:
    """Plan what mends each finding: a pure function of what was found."""
    for each in findings:
        if each.drift not in ACT:
            continue
        act = ACT[each.drift]
        reason = str(each.drift)
        if each.drift is Drift.UNLINKED and each.detail:
            # Somebody has the address already: the pipeline would deny, so a person decides.
            act, reason = Act.DECIDE, f"unlinked, and the address has {each.detail}"
        elif each.drift is Drift.UNNAMED and each.detail:
            # Equal rights: which of the two users paid with it, only a person can find out.
            act, reason = Act.DECIDE, f"unnamed, and the profile of {each.detail} has it too"
        elif each.obstacle:
            # By the rule of the act, which would skip it.
            act, reason = Act.DECIDE, f"{each.drift}, and {each.obstacle}"
        elif each.customer_id and not is_customer_id(each.customer_id):
            # A digest stands for it (`model.told`), by which nothing can be changed.
            act, reason = Act.DECIDE, f"{each.drift}, and the customer cannot be linked"
        elif each.drift is Drift.ORPHANED and each.detail:
            # The secondary is no user any more: whoever logs in is the primary.
            reason = f"{each.user_id} is linked to {each.detail}"
            yield Step(Act.FOLLOW, each.drift, each.detail, each.customer_id, reason)
            continue
        elif act is Act.CLEAR:
            # The first of two steps: the user is as one without a customer then.
            reason = f"{each.drift}; then repair --kind {_AFTERWARDS[bool(each.detail)]}"
        elif each.detail:
            reason = f"{each.drift}: {each.detail}"
        yield Step(act, each.drift, each.user_id, each.customer_id, reason)


def read(lines: Iterable[str]) -> Iterator[Step]:
    """Read a plan, its lines or one document; raise `PlanError` before anything of it is given."""
    texts = [(number, text) for number, text in enumerate(lines, 1) if text.strip()]
    steps = [_step(number, row) for number, text in texts for row in _rows(number, text)]
    yield from steps


def _rows(number: int, text: str) -> list[object]:
    """Return what is on a line: a step, or a document's steps."""
    try:
        match json.loads(text):
            case {"plan": [*steps]}:
                return steps
            case {"links": int(links), **rest} if not rest and links is not True and links >= 0:
                # How many links there were, which model/plan_size.py reads.
                return []
            case step:
                return [step]
    except (ValueError, RecursionError):
        raise PlanError(f"line {number} of the plan cannot be read") from None


def _step(number: int, row: object) -> Step:
    try:
        # A plan may have been edited by hand: nothing of it is carried out unless all can be read.
        if not isinstance(row, Mapping):
            raise PlanError(f"line {number} of the plan is no object")
        user_id, customer_id = row["user_id"], row["customer_id"]
        if not all(each is None or isinstance(each, str) for each in (user_id, customer_id)):
            raise PlanError(f"line {number} of the plan has an id of a wrong type")
        act, drift = Act(row["act"]), Drift(row["drift"])
        return Step(act, drift, user_id, customer_id, str(row["reason"]))
    except (ValueError, KeyError, RecursionError):
        raise PlanError(f"line {number} of the plan cannot be read") from None
