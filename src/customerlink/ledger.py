"""The sign-up record and the email lock: what is durable about a sign-up, and the port to it.

A record goes `open` → `linked` or `refused`; `refused` opens again at the next login, `linked`
only when its customer turns out to be gone. Taking the lease raises `epoch`, the fencing token:
every later write names the epoch that it belongs to, so an invocation whose lease was taken over
(a zombie) changes nothing.
"""

import hashlib
import json
from dataclasses import replace
from enum import StrEnum
from typing import Protocol

from customerlink.frozen import frozen
from customerlink.instruction import Reason
from customerlink.user import CustomerId, User

RECORD_LEASE_SECONDS = 15.0
"""Outlives the function's time-out (8 s) by more than two clocks may differ."""

EMAIL_LOCK_SECONDS = 60.0
"""Outlives a create whose answer was lost and that Stripe may still be carrying out."""

SETTLED_SECONDS = EMAIL_LOCK_SECONDS + 10.0
"""After so long no create is under way any more; clocks may differ, and it was sent a bit later."""

KEY_LIFETIME_SECONDS = 23 * 3600.0
"""Stripe keeps an idempotency key for at least 24 h (https://docs.stripe.com/api/
idempotent_requests); an hour less leaves room for clocks and for the call itself."""


class State(StrEnum):
    """Where a sign-up stands."""

    OPEN = "open"
    LINKED = "linked"
    REFUSED = "refused"


@frozen
class Lease:
    """The right to carry a sign-up on, for `epoch` and until somebody takes it over.

    `emails` are all addresses (lower case) under which the unfinished sign-up may have made a
    customer; `untried` is the one among them that no earlier create was sent with; `attempt` is
    what the idempotency key is derived from. `last_write` is when an invocation that may have sent
    a create last wrote the record, `mismatched_at` when Stripe first said that the key stands for
    other parameters.
    """

    user: User
    epoch: int
    attempt: int
    attempt_since: float
    emails: frozenset[str] = frozenset()
    untried: str | None = None
    last_write: float = 0.0
    mismatched_at: float | None = None
    refused: Reason | None = None
    """How the sign-up ended the last time that it was refused."""
    adopting: CustomerId | None = None
    """The customer whose adoption has begun."""
    has_tried: bool = False
    """Whether a create may have been sent in this epoch."""

    def trying(self) -> "Lease":
        """Give the lease as it is once a create may have been sent."""
        return replace(self, has_tried=True)

    def last_tried(self, now: float) -> float:
        """Give what `last_write` is for the next invocation, if this one ends here.

        One that sent nothing leaves it as it was, or logins that only wait for an earlier create
        would put off its end for ever.
        """
        return now if self.has_tried else self.last_write

    def idempotency_key(self) -> str:
        """Derive the key of this attempt's create: 77 characters, no personal data."""
        seed = json.dumps([self.user.tenant, self.user.user_id, self.attempt])
        return f"customerlink-{hashlib.sha256(seed.encode()).hexdigest()}"

    def key_may_be_forgotten(self, now: float) -> bool:
        """Tell whether Stripe may have dropped the key, so that repeating it would create anew."""
        return now - self.attempt_since > KEY_LIFETIME_SECONDS

    def has_create_under_way(self, now: float) -> bool:
        """Tell whether a create of an earlier invocation may still be under way."""
        is_first = self.emails <= {self.untried}
        return not is_first and now - self.last_write <= SETTLED_SECONDS

    def has_settled(self, now: float) -> bool:
        """Tell whether every earlier request under the key must have ended by now.

        A mismatch proves that the key was claimed before it: nothing new starts under it since.
        """
        claimed_before = self.last_write if self.mismatched_at is None else self.mismatched_at
        return now - claimed_before > SETTLED_SECONDS


@frozen
class Linked:
    """The sign-up ended: the recorded link, and the epoch that it was recorded in."""

    customer_id: CustomerId
    epoch: int


@frozen
class Busy:
    """Another invocation holds the sign-up."""


class Ledger(Protocol):
    """The port to the ledger, for one invocation.

    Every method raises `LedgerUnavailableError` when the ledger did not answer in time. A write
    that finds its lease taken over changes nothing and answers False or `Busy`.
    """

    def knows(self, user: User) -> bool:
        """Tell whether the user has a sign-up record, read consistently."""
        ...

    def open(self, user: User, email: str | None) -> Lease | Linked | Busy:
        """Take the sign-up's lease and note the address, before anything is done with it."""
        ...

    def reopen(self, user: User, stale: Linked, email: str | None) -> Lease | Busy:
        """Start over, with the next attempt, when the recorded customer is gone."""
        ...

    def next_attempt(self, lease: Lease) -> Lease | Busy:
        """Raise the attempt; only after a look-up found no customer of the user's."""
        ...

    def link(self, lease: Lease, customer_id: CustomerId) -> bool:
        """Record the link and forget the addresses."""
        ...

    def refuse(self, lease: Lease, reason: Reason) -> None:
        """Record that the sign-up was refused, and forget its address if it is untried.

        The next login opens it again.
        """
        ...

    def release(self, lease: Lease, *, mismatched: bool = False) -> None:
        """Give the lease back without an outcome, so that the next login need not wait.

        An untried address is forgotten.
        `mismatched` notes when the key was first found to stand for other parameters.
        """
        ...

    def lock_email(self, lease: Lease, email: str) -> bool:
        """Take the lock on an address; False while another sign-up has it."""
        ...

    def claim(self, lease: Lease, customer_id: CustomerId, instead_of: User | None = None) -> bool:
        """Claim a customer that names nobody, for good, and note that its adoption begins.

        False when another user has the claim, unless it is the one who is replaced.
        """
        ...

    def unlock_email(self, lease: Lease, email: str) -> None:
        """Give the lock back, if this lease still has it."""
        ...
