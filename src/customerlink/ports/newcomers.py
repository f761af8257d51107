"""The port to whom the tenant has made, until somebody has reported their first login."""

from typing import Protocol

from customerlink.model.user import User


class Newcomers(Protocol):
    """The port; every method raises `LedgerUnavailableError` without an answer."""

    def note(self, user: User, due_at: float) -> None:
        """Remember a user until a unix time at least; it may be repeated."""
        ...

    def told(self, user: User) -> None:
        """Look at a user no more, however often it is repeated that they were made then."""
        ...

    def forget(self, user: User) -> None:
        """Remember a user no longer."""
        ...

    def has_record(self, user: User) -> bool:
        """Return whether a report of the user's has led to a sign-up."""
        ...
