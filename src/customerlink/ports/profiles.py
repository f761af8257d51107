"""Auth0's users, as a use case asks for them."""

from collections.abc import Mapping
from typing import Any, Protocol


class Profiles(Protocol):
    """The tenant's users."""

    def get(self, user_id: str) -> dict[str, Any] | None:
        """Read a user, consistently; None for one who is gone."""
        ...

    def merge_app_metadata(self, user_id: str, changes: Mapping[str, str | None]) -> bool:
        """Merge these keys into a user's `app_metadata`; False when the user is gone."""
        ...
