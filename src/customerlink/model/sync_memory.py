"""What is remembered of a user's fields: what was written last, as digests and never as values.

And why nothing was done, and when the user is to be looked at again.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping

from customerlink.model.customer_values import Told, folded
from customerlink.model.frozen import field, frozen, replace
from customerlink.model.profile import Identity
from customerlink.model.user import CustomerId, User

DIGITS = 16
DAY_SECONDS = 24 * 3600.0

SYNC_LEASE_SECONDS = 100.0
"""Outlives what an invocation may take (30 s), and a write of its whose answer was lost (70 s)."""

CORRECTIONS_A_DAY = 3
"""So often one user's edits are written over: a program that writes back is not argued with."""

MOST_HINTS = 32
"""Of one field: who changes a name all day long does not fill the item."""

AGAIN_SECONDS = 300.0
"""After so long what was put off is looked at again: by then most of what passes has passed."""

LONGEST_HOLD_SECONDS = 7 * DAY_SECONDS
"""What nobody mends is looked at so often, for good: an address may become free after a month."""

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

    def edit(self, customer_id: CustomerId | None, name: str, value: str) -> str:
        """Return the digest of what a customer had: another one's says nothing of it."""
        return self.of(f"{customer_id} {name}", folded(name, value))

    def hints(self, told: Told) -> "Hints":
        """Return the digests of what either side had before, as it is compared."""
        auth0 = [
            (name, self.of(name, folded(name, value)))
            for each in told.hints
            for name, value in each.values.items()
        ]
        stripe = [
            (edited(name), self.edit(each.customer_id, name, value))
            for each in told.edits
            for name, value in each.values.items()
        ]
        hints: dict[str, frozenset[str]] = {}
        for name, digest in auth0 + stripe:
            hints[name] = hints.get(name, frozenset()) | {digest}
        return hints

    def account(self, identity: Identity) -> str:
        """Return the digest of an account that was linked to another one."""
        return self.of("identity", identity.user_id)


type Hints = Mapping[str, frozenset[str]]
"""Digests of what Auth0 had, by field; and of what Stripe had, by the field as edited."""


def edited(name: str) -> str:
    """Return under which name a field's former values in Stripe are kept."""
    return f"edited {name}"


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
    followed: frozenset[str] = frozenset()
    """Digests of the accounts that were linked to the user's, and whose customers have followed."""
    hints: Hints = field(default_factory=dict)
    """Of what either side had before, as events say, until something is applied."""
    held: str | None = None
    """Why nothing is done, until a person or the time mends it."""
    held_since: float | None = None
    due_at: float | None = None
    """When the user is looked at again without an event."""
    gone_since: float | None = None
    """When the user was found to be gone."""
    gone_until: float | None = None
    """When their time comes: for that day they are counted among the deletions."""

    def readable_by(self, digests: Digests) -> "Memory":
        """Return it; without the digests of another key, which would pass for other values."""
        if self.keyed_by == digests.name:
            return self
        return replace(self, applied={}, writing={}, followed=frozenset(), keyed_by=digests.name)

    def hinted(self, hints: Hints) -> "Memory":
        """Return it with more of what either side had before."""
        both = {
            name: self.hints.get(name, frozenset()) | hints.get(name, frozenset())
            for name in {*self.hints, *hints}
        }
        kept = {name: frozenset(sorted(each)[:MOST_HINTS]) for name, each in both.items()}
        return replace(self, hints=kept)

    def at_rest(self) -> "Memory":
        """Return it as it is once nothing is left to do."""
        return replace(self, held=None, held_since=None, due_at=None)

    def held_for(self, reason: str, now: float) -> "Memory":
        """Return it as it is while nothing is done: due after 1, 2, 4, then every 7 days."""
        known = self.held_since if self.held == reason else None
        since = now if known is None else known
        wait = min(now - since + DAY_SECONDS, LONGEST_HOLD_SECONDS)
        return replace(self, held=reason, held_since=since, due_at=now + wait)

    def put_off(self, now: float) -> "Memory":
        """Return it as it is after a try that another one may mend.

        What was not due has been asked for by somebody, who asks again.
        """
        return self if self.due_at is None else replace(self, due_at=now + AGAIN_SECONDS)

    def is_contested(self, now: float) -> bool:
        """Return whether somebody writes back what was corrected so often today."""
        return len(self._corrections_of_today(now)) >= CORRECTIONS_A_DAY

    def corrected(self, now: float) -> "Memory":
        """Return it with one more correction; older ones are forgotten."""
        return replace(self, corrections=(*self._corrections_of_today(now), now))

    def _corrections_of_today(self, now: float) -> tuple[float, ...]:
        return tuple(each for each in self.corrections if each > now - DAY_SECONDS)

    def of_one_who_is_gone(
        self, customer_id: CustomerId | None, since: float, until: float
    ) -> "Memory":
        """Return it as it is once their time is known; another customer's values count for none."""
        known = self if customer_id == self.customer_id else replace(self, applied={}, writing={})
        return replace(known, customer_id=customer_id, gone_since=since, gone_until=until)

    def waited_until(self, grace: float, now: float) -> float:
        """Return when the time of one who is gone comes.

        A grace that is made shorter does not call up those who were promised more.
        """
        since = now if self.gone_since is None else self.gone_since
        return max(since + grace, self.gone_until or 0.0)

    def of_one_who_is_there(self) -> "Memory":
        """Return it as it is whether the user was gone or not."""
        return replace(self, gone_since=None, gone_until=None)


@frozen
class SyncLease:
    """The right to reconcile a user, for `epoch` and until somebody takes it over."""

    user: User
    epoch: int
    memory: Memory
    parks: int = 0
    """How often the user had been parked: whoever does it meanwhile is not forgotten."""
