"""The ledger's items: their keys, and what is read of their attributes and written into them."""

import hashlib
from collections.abc import Mapping
from typing import Any

from customerlink.model.customer import NewCustomer
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import Adoption, Busy, Lease
from customerlink.model.user import CustomerId, Tenant, User, UserId

OPEN_INDEX = "OpenSignUps"
"""Sign-ups that are open, by `open_since`; a few at any time, so one partition holds them."""

INDEXED = "is_open, open_since"
"""The keys of that sparse index: an item without them is not in it."""

SYNC = "sync"
"""The index's other partition: who is to be looked at after the sign-up, by when that is due."""

CREATED = "created"
"""Likewise of whom the tenant has made: until somebody has reported their first login."""

ADOPTING = "adopting, instead_of, gone_since"
"""What a record has of an adoption that has begun."""

type Item = Mapping[str, Any]


def s(value: str) -> dict[str, str]:
    """Return a string as DynamoDB has it."""
    return {"S": str(value)}


def n(value: float) -> dict[str, str]:
    """Return a number as DynamoDB has it: times to the millisecond."""
    return {"N": str(value) if isinstance(value, int) else f"{value:.3f}"}


def record_key(user: User) -> Item:
    """Return the key of a user's sign-up record."""
    return {"pk": s(f"signup#{user.tenant}#{user.user_id}")}


def lock_key(tenant: Tenant, email: str) -> Item:
    """Return the key of an address's lock, which names nobody."""
    digest = hashlib.sha256(email.casefold().encode()).hexdigest()
    return {"pk": s(f"email#{tenant}#{digest}")}


def claim_key(customer_id: CustomerId) -> Item:
    """Return the key of the claim on a customer."""
    return {"pk": s(f"adoption#{customer_id}")}


def sync_key(user: User) -> Item:
    """Return the key of what is remembered of a user after the sign-up."""
    return {"pk": s(f"sync#{user.tenant}#{user.user_id}")}


def deletions_key(tenant: Tenant) -> Item:
    """Return the key of the count of a tenant's deletions."""
    return {"pk": s(f"deletions#{tenant}")}


def created_key(user: User) -> Item:
    """Return the key of what says that the tenant has made a user."""
    return {"pk": s(f"created#{user.tenant}#{user.user_id}")}


def holder(user: User) -> str:
    """Return who a claim says has the customer."""
    return f"{user.tenant}#{user.user_id}"


def holder_in(text: str) -> User:
    """Read what `holder` gave: there is no `#` in a tenant's name."""
    tenant, _, user_id = text.partition("#")
    return User(Tenant(tenant), UserId(user_id))


def lease_over(
    user: User, old: Item, create: NewCustomer | None, now: float, *, admitted: bool
) -> Lease:
    """Return the lease that an update of `old` took."""
    frozen_create, earlier = old.get("create"), old.get("emails", {}).get("SS", ())
    adopting = old.get("adopting")
    return Lease(
        user,
        epoch=int(old.get("epoch", n(0))["N"]) + 1,
        attempt=int(old.get("attempt", n(1))["N"]),
        attempt_since=float(old.get("attempt_since", n(now))["N"]),
        create=NewCustomer.read(frozen_create["S"]) if frozen_create else create,
        was_sent=bool(frozen_create or earlier),
        last_write=float(old.get("updated_at", n(0))["N"]),
        admitted=admitted,
        refused=refusal(old),
        adopting=_adoption(user.tenant, old) if adopting else None,
        was_gone="was_gone" in old,
        had=CustomerId(old["had"]["S"]) if "had" in old else None,
        earlier_emails=frozenset(earlier),
    )


def busy(item: Item) -> Busy:
    """Return what a record that another invocation holds tells of an earlier refusal."""
    return Busy(refusal(item))


def is_admitted(item: Item) -> bool:
    """Return whether an admission opened a record; True for an item of release 0.1."""
    return bool(item) and bool(item.get("admitted", {"BOOL": True})["BOOL"])


def freezing(create: NewCustomer | None) -> str:
    """Return the clauses that freeze a create, unless one is frozen already.

    `emails` is for the functions of release 0.1, which a deployment may go back to.
    """
    if create is None:
        return ""
    frozen_already = "if_not_exists(#create, :create), emails = if_not_exists(emails, :emails)"
    return f", #create = {frozen_already}"


def frozen_values(create: NewCustomer) -> dict[str, Any]:
    """Return the values of those clauses."""
    return {":create": s(create.text()), ":emails": {"SS": [create.email]}}


def refusal(item: Item) -> Reason | None:
    """Return how an admission was refused; None for a record without a reason.

    A release that was rolled back may have written a reason that this one does not know: it is a
    refusal all the same, and lets nobody in.
    """
    reason = item.get("reason", {}).get("S")
    if reason is None:
        return None
    return Reason(reason) if reason in Reason else Reason.PROVISIONING_FAILED


def adoption_values(adoption: Adoption) -> dict[str, Any]:
    """Return what `ADOPTING` is to have of an adoption; what it has not, is to go."""
    other, since = adoption.instead_of, adoption.gone_since
    return {
        ":adopting": s(adoption.customer_id),
        **({":instead_of": s(other.user_id)} if other else {}),
        **({":gone_since": n(since)} if since is not None else {}),
    }


def _adoption(tenant: Tenant, item: Item) -> Adoption:
    other = item.get("instead_of")
    instead_of = User(tenant, UserId(other["S"])) if other else None
    gone_since = float(item["gone_since"]["N"]) if "gone_since" in item else None
    return Adoption(CustomerId(item["adopting"]["S"]), instead_of, gone_since=gone_since)
