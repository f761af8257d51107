"""Auth0's users, as a use case asks for them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from customerlink.model.profile import Profile


class Identities(Protocol):
    """What only a search over all users tells: it may miss what was written just now."""

    def primary_of(self, user_id: str) -> Profile | None:
        """Return the user of whom a linked account is a part."""
        ...

    def with_customer(self, customer_id: str) -> Sequence[Profile]:
        """Return all whose profile has a customer's id, whatever their address."""
        ...


class Profiles(Protocol):
    """The tenant's users."""

    def get(self, user_id: str) -> Profile | None:
        """Read a user, consistently; None for one who is gone."""
        ...

    def with_address(self, email: str) -> Sequence[Profile]:
        """Return all who have an address, which several connections' users may; consistently."""
        ...

    def merge_app_metadata(self, user_id: str, changes: Mapping[str, str | None]) -> bool:
        """Merge these keys into a user's `app_metadata`; False when the user is gone."""
        ...


class TenantUsers(Profiles, Identities, Protocol):
    """The tenant's users, whichever way they are asked for."""


class ErasableUsers(TenantUsers, Protocol):
    """The tenant's users, for who may delete them."""

    def delete(self, user_id: str) -> None:
        """Delete a user, if there is one, with all accounts that were linked into theirs."""
        ...
