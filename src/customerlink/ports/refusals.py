"""What the ledger has of refusals, as an operator asks for it: for many users at once."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from customerlink.model.instruction import Reason
from customerlink.model.user import UserId


class Refusals(Protocol):
    """The refusals of one tenant's users; trouble that does not pass by itself is raised."""

    def of(self, users: Sequence[UserId]) -> Mapping[UserId, Reason]:
        """Return why sign-ups of these users ended without a customer, where one did."""
        ...
