"""Whose a customer is: whom its metadata names, what became of them, who else has its id."""

from enum import StrEnum

from customerlink.model.frozen import frozen
from customerlink.model.listed_customer import ListedCustomer
from customerlink.model.profile import Profile
from customerlink.model.user import Tenant, User, UserId
from customerlink.ports.profiles import Identities, Profiles

DECIDE = "a person has to decide"
RUNNING = "somebody signs up right now: again in a minute"


class Owner(StrEnum):
    """What is known of whom a customer names."""

    NOBODY = "nobody"
    REGISTRATION = "a registration"
    ELSEWHERE = "another tenant's user"
    ODD = "no user_id of Auth0's"
    GONE = "a user who is gone"
    LINKED = "an account that was linked into another"
    THERE = "a user"


@frozen
class Ownership:
    """Whom a customer names."""

    owner: Owner
    user: User | None = None
    profile: Profile | None = None
    """The user's own; of a linked account, the primary's."""


def owner_of(
    customer: ListedCustomer, tenant: Tenant, profiles: Profiles, identities: Identities
) -> Ownership:
    """Look at Auth0 for whom a customer names; gone is only who is no part of anybody either."""
    named = customer.auth0_user_id
    if customer.auth0_tenant not in (None, tenant):
        return Ownership(Owner.ELSEWHERE)
    if named is None:
        return Ownership(Owner.REGISTRATION if customer.registration_id else Owner.NOBODY)
    if "|" not in named:
        # A hand's slip: Auth0 refuses to look for it, which proves nothing.
        return Ownership(Owner.ODD)
    user = User(tenant, UserId(named))
    profile = profiles.get(named)
    if profile is not None:
        return Ownership(Owner.THERE, user, profile)
    primary = _primary(customer, named, profiles, identities)
    return Ownership(Owner.LINKED if primary else Owner.GONE, user, primary)


def is_gone(
    user: User, customer: ListedCustomer, profiles: Profiles, identities: Identities
) -> bool:
    """Return whether a user was deleted, and is no part of anybody; not of what is no user's id."""
    named = user.user_id
    if "|" not in named or profiles.get(named) is not None:
        return False
    return _primary(customer, named, profiles, identities) is None


def other_with(
    customer: ListedCustomer, user_id: str, profiles: Profiles, identities: Identities
) -> UserId | None:
    """Return another user whose profile has the customer's id, and so the same right to it.

    A profile that has an id and no marker looks linked: its logins would ask nobody.
    """
    # The search lags; who has the address is told at once.
    near = profiles.with_address(customer.email) if customer.email else ()
    found = [*near, *identities.with_customer(customer.id)]
    others = (each for each in found if each.user_id != user_id)
    return next((each.user_id for each in others if each.customer_id == customer.id), None)


def _primary(
    customer: ListedCustomer, named: str, profiles: Profiles, identities: Identities
) -> Profile | None:
    # The search lags behind a link of just now; who has the address is told at once.
    near = profiles.with_address(customer.email) if customer.email else ()
    found = next((each for each in near if each.linked(named)), None)
    return found or identities.primary_of(named)
