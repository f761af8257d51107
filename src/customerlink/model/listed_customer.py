"""A Stripe customer as an operator's listing has one, whoever made it."""

from enum import StrEnum

from customerlink.model.address import is_same_address
from customerlink.model.customer import DESCRIPTION
from customerlink.model.frozen import field, frozen
from customerlink.model.profile import Profile
from customerlink.model.user import CustomerId, Tenant, User, is_tenant

ABANDONED_AFTER_SECONDS = 24 * 3600
"""A younger customer's registration may still be under way."""


NOT_VERIFIED = "the user has not verified an address"
OTHER_ADDRESS = "user and customer have different addresses"
SERVED = "the stack serves the tenant that the customer names"


class Absence(StrEnum):
    """Why a customer cannot be retrieved."""

    DELETED = "deleted"
    UNKNOWN = "unknown"
    OTHER_MODE = "other_mode"
    """Stripe's other mode has one with this id."""


@frozen
class ListedCustomer:
    """What a comparison and a repair need of a customer; the ids are as its metadata has them."""

    id: CustomerId
    email: str | None = field(default=None, repr=False)
    auth0_user_id: str | None = None
    auth0_tenant: str | None = None
    registration_id: str | None = None
    superseded_by: str | None = None
    description: str | None = field(default=None, repr=False)
    created: int = 0
    is_used: bool = False
    """Whether it has a balance, an invoice, or a means to pay."""

    def names(self, user: User) -> bool:
        """Return whether the metadata names this user (of this tenant, where it names one)."""
        return self.auth0_user_id == user.user_id and self.auth0_tenant in (None, user.tenant)

    def tenant_instead(self, user: User) -> Tenant | None:
        """Return under which other tenant's name it names this user; None where under none."""
        name = self.auth0_tenant or user.tenant
        is_another = name != user.tenant and is_tenant(name) and self.superseded_by is None
        return Tenant(name) if is_another and self.auth0_user_id == user.user_id else None

    def is_ours(self, tenant: Tenant) -> bool:
        """Return whether a sign-up of the tenant's made it, and nobody has changed that."""
        return self.description == DESCRIPTION and self.auth0_tenant == tenant

    def is_nobodys(self, tenant: Tenant) -> bool:
        """Return whether it names no user and no registration, and is no other tenant's.

        Whatever stands in our own places and names none of these is for a person to judge.
        """
        names = (self.auth0_user_id, self.registration_id, self.superseded_by)
        return names == (None, None, None) and self.auth0_tenant in (None, tenant)

    def why_not_adoptable(self, tenant: Tenant, profile: Profile) -> str | None:
        """Say what speaks against letting it name the user whose profile has its id.

        None where nothing does: both sides have the address, and the user has verified it.
        """
        if not self.is_nobodys(tenant):
            return "the customer names somebody by now"
        if not (profile.email and profile.email_verified):
            return NOT_VERIFIED
        if not is_same_address(self.email, profile.email):
            return OTHER_ADDRESS
        return None

    def why_not_removable(self, tenant: Tenant, now: float) -> str | None:
        """Say what speaks against deleting a registration's customer: nothing may have come of it.

        None where nothing does.
        """
        if not self.is_ours(tenant) or self.auth0_user_id is not None:
            return "the customer is not a registration's of this tenant, or was changed"
        if now - self.created < ABANDONED_AFTER_SECONDS:
            return "the customer is younger than a day"
        return "the customer was used" if self.is_used else None
