"""The kinds of difference between Auth0's users and Stripe's customers."""

from dataclasses import dataclass
from enum import StrEnum


class Drift(StrEnum):
    """What a user, or a customer that names one, is found to be."""

    LINKED = "linked"
    EXEMPT = "exempt"
    DENIED = "denied"
    UNLINKED = "unlinked"
    UNRECORDED = "unrecorded"
    DANGLING = "dangling"
    WRONG_MODE = "wrong_mode"
    UNNAMED = "unnamed"
    OTHER_TENANT = "other_tenant"
    MISMATCHED = "mismatched"
    DUPLICATE = "duplicate"
    ORPHANED = "orphaned"
    UNCLAIMED = "unclaimed"
    ABANDONED = "abandoned"
    SUPERSEDED = "superseded"
    EMAIL_DRIFT = "email_drift"
    LETTER_CASE = "letter_case"


UNTOLD = frozenset({Drift.LINKED, Drift.EXEMPT, Drift.SUPERSEDED})
"""Kinds that are counted, and of which there is nothing more to tell."""

IN_ORDER = UNTOLD | {Drift.DENIED}
"""Kinds that are no difference."""

WITHOUT_CUSTOMER = (Drift.UNLINKED, Drift.DENIED, Drift.EXEMPT)
"""Kinds of users without a customer, whom a backfill tries."""

MEANING = {
    Drift.LINKED: "user and customer name each other",
    Drift.EXEMPT: "policy leaves the user without a customer",
    Drift.DENIED: "the user has no customer, and was refused at the last login",
    Drift.UNLINKED: "the user has no customer",
    Drift.UNRECORDED: "a customer names the user, whose profile has no id",
    Drift.DANGLING: "the profile's customer is deleted, or was never there",
    Drift.WRONG_MODE: "the profile's customer is of Stripe's other mode",
    Drift.UNNAMED: "the profile's customer names nobody",
    Drift.OTHER_TENANT: "the user's customer names the user, and another tenant",
    Drift.MISMATCHED: "the profile's customer names somebody else, or the id is no id",
    Drift.DUPLICATE: "several customers name the user, or have the address",
    Drift.ORPHANED: "the customer names a user that is gone",
    Drift.UNCLAIMED: "the profile's customer names the user's registration still",
    Drift.ABANDONED: "a registration's customer, and no user came of it",
    Drift.SUPERSEDED: "an account that was linked had it; the primary has another",
    Drift.EMAIL_DRIFT: "user and customer have different addresses",
    Drift.LETTER_CASE: "the customer's address has capitals, so no sign-up can see it",
}

REPAIR = {
    Drift.LINKED: "nothing",
    Drift.EXEMPT: "nothing",
    Drift.DENIED: "nothing: the next login, and a backfill, try again",
    Drift.UNLINKED: "create a customer, through the pipeline",
    Drift.UNRECORDED: "write the customer's id into the profile",
    Drift.DANGLING: "if it was deleted: take the id out of the profile, then as unlinked",
    Drift.WRONG_MODE: "take the id out of the profile, then as unlinked",
    Drift.UNNAMED: "let it name the user, who has verified the address that it has",
    Drift.OTHER_TENANT: "let it name this tenant, if that name was wrong",
    Drift.MISMATCHED: "nothing by itself: somebody has to decide whose it is",
    Drift.DUPLICATE: "a merge plan to read; nothing is deleted in Stripe",
    Drift.ORPHANED: "of a linked account: as linking does; otherwise nothing by itself",
    Drift.UNCLAIMED: "let the customer name the user",
    Drift.ABANDONED: "delete it, if it is ours, a day old, and was never used",
    Drift.SUPERSEDED: "nothing",
    Drift.EMAIL_DRIFT: "give the customer the user's address",
    Drift.LETTER_CASE: "write the address in lower case, unless another customer has that",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One user or one customer that is not in order."""

    drift: Drift
    user_id: str | None
    customer_id: str | None
    detail: str
    """More ids where there are any; never an address."""
    obstacle: str = ""
    """What repair would stop at, and a person has to look at."""
