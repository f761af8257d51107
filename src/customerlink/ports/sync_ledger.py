"""The port to what the ledger remembers of the life after the sign-up: one item for each user."""

from typing import Protocol

from customerlink.model.sync_memory import Hints, Memory, SyncLease
from customerlink.model.user import CustomerId, User


class SyncLedger(Protocol):
    """The port, for one invocation.

    Every method raises `LedgerUnavailableError` when the ledger did not answer in time.
    """

    def recall(self, user: User) -> Memory:
        """Return what is remembered of a user, for who changes nothing."""
        ...

    def take(self, user: User) -> SyncLease | None:
        """Take the lease on a user; None while another invocation has it."""
        ...

    def remember(self, lease: SyncLease, memory: Memory) -> bool:
        """Write down what is about to be written; False if the lease is another's or ended."""
        ...

    def give_back(self, lease: SyncLease, memory: Memory) -> bool:
        """Write down what came of it, and end the lease; False if it was taken over.

        Of who was parked meanwhile, when they are due and the hints stay as they are.
        """
        ...

    def mark_renaming(self, user: User, customer_id: CustomerId) -> bool:
        """Note in the sign-up's record that its customer is to name the user again.

        It stays linked, and a login that opens it finishes what was begun. False unless it links
        this very customer.
        """
        ...

    def end_renaming(self, user: User, customer_id: CustomerId) -> None:
        """Take the mark out again, unless the record has been opened since."""
        ...

    def forget(self, lease: SyncLease) -> bool:
        """Remember nothing of a user any more, who is gone; False if the lease was taken over.

        Who was parked meanwhile is looked at once more.
        """
        ...

    def park(self, user: User, due_at: float, hints: Hints, held: str | None = None) -> None:
        """Let a user be looked at from some time on, whoever has the lease: no event is lost.

        What is due earlier stays so. It may be repeated.
        """
        ...
