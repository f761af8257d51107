"""What is remembered of a user's fields: what was written last, as digests and never as values."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import field, replace

from customerlink.model.frozen import frozen
from customerlink.model.user import CustomerId, User

DIGITS = 16
DAY_SECONDS = 24 * 3600.0

SYNC_LEASE_SECONDS = 100.0
"""Outlives what an invocation may take (30 s), and a write of its whose answer was lost (70 s)."""

_PURPOSE = b"customer-link: what a customer's field held"
_NAME = b"which key"


@frozen
class Digests:
    """A deployment's digests of values, which nobody can try without its key."""

    key: bytes = field(repr=False)

    @classmethod
    def keyed(cls, secret: bytes) -> "Digests":
        """Derive the key from a secret, which has other uses and is not told by it."""
        return cls(hmac.digest(secret, _PURPOSE, hashlib.sha256))

    @property
    def name(self) -> str:
        """Return what tells this key from any other."""
        return hmac.digest(self.key, _NAME, hashlib.sha256).hex()[:DIGITS]

    def of(self, target: str, value: str) -> str:
        """Return the digest of a field's value."""
        seed = json.dumps([target, value]).encode()
        return hmac.digest(self.key, seed, hashlib.sha256).hex()[:DIGITS]


@frozen
class Memory:
    """What earlier reconciliations of one user have left."""

    customer_id: CustomerId | None = None
    """The customer that the rest counts for."""
    applied: Mapping[str, str] = field(default_factory=dict)
    """By field: the digest of Auth0's value that Stripe had last."""
    writing: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By field: digests of what was about to be written, until the field is settled."""
    corrections: tuple[float, ...] = ()
    """When what was edited in Stripe was written over."""
    keyed_by: str = ""

    def readable_by(self, digests: Digests) -> "Memory":
        """Return it; without the digests of another key, which would pass for other values."""
        if self.keyed_by == digests.name:
            return self
        return replace(self, applied={}, writing={}, keyed_by=digests.name)

    def corrections_since(self, moment: float) -> tuple[float, ...]:
        """Return those that are younger."""
        return tuple(each for each in self.corrections if each > moment)


@frozen
class SyncLease:
    """The right to reconcile a user, for `epoch` and until somebody takes it over."""

    user: User
    epoch: int
    memory: Memory
