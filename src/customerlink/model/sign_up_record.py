"""The sign-up record and the email lock: what is durable about a sign-up, and its rules.

A record goes `open` → `linked` or `refused`, which opens again at the next try; `linked` does only
when its customer turns out to be gone. Taking the lease raises `epoch`, the fencing
token: every later write names the epoch that it belongs to, so an invocation whose lease was taken
over (a zombie) changes nothing.

Only an admission (a login, a registration) refuses. Whatever runs without the person closes the
record, so that a login takes no notice of it: unless an admission opened it before, or was refused.
"""

import hashlib
import json
from enum import StrEnum

from customerlink.model.customer import NewCustomer
from customerlink.model.frozen import field, frozen, replace
from customerlink.model.instruction import Reason
from customerlink.model.user import CustomerId, User

SKEW_SECONDS = 2.0
"""By no more than that two clocks differ."""

RECORD_LEASE_SECONDS = 15.0
"""Outlives the function's time-out (8 s) by more than two clocks may differ."""

LATEST_EFFECT_SECONDS = 60.0
"""That Stripe carries out nothing later than so long after it was sent is an assumption."""

EMAIL_LOCK_SECONDS = LATEST_EFFECT_SECONDS + 10.0
"""Outlives a create whose answer was lost and that Stripe may still be carrying out.

It counts from its taking, the effect from the sending, which may be the budget later.
It is not given back after a link: Stripe's list, which the next one with the address asks, need not
have the customer yet."""

SETTLED_SECONDS = EMAIL_LOCK_SECONDS + 10.0
"""After so long no create is under way any more; clocks may differ, and it was sent a bit later."""

LOGIN_SECONDS = 3600.0
"""Auth0 ends a log-in that takes longer (https://auth0.com/docs/troubleshoot/product-lifecycle/
past-migrations/migrate-to-1-hour-expiration); the profile is written at its end."""

KEY_LIFETIME_SECONDS = 23 * 3600.0
"""Stripe keeps an idempotency key for at least 24 h (https://docs.stripe.com/api/
idempotent_requests); an hour less leaves room for clocks and for the call itself."""

GONE_SECONDS = 30 * 24 * 3600.0
"""So long the record of a user who is gone is kept: its key has the id, and its attempt keeps the
idempotency keys that were used from being used again, which Stripe has forgotten by then."""

_A_DAY = 24 * 3600.0

LIST_LAG_SECONDS = 1.5
"""How far Stripe's list may be behind what has been created, where no lock bridges it."""


class State(StrEnum):
    """Where a sign-up stands."""

    OPEN = "open"
    LINKED = "linked"
    REFUSED = "refused"
    """It ended without a customer; with a `reason`, if an admission was refused."""


@frozen
class Adoption:
    """That a customer is to name the record's user, and whom it named instead, if anybody."""

    customer_id: CustomerId
    instead_of: User | None = None
    address: str | None = field(default=None, repr=False, compare=False)
    """The customer's, where that is what speaks for it: it has to be that still when it begins."""
    gone_since: float | None = None
    """Since when whom it named is gone, if that is what speaks for it: who is there again, and has
    claimed the customer since, keeps it."""

    def is_over(self, now: float) -> bool:
        """Return whether the record that says so of whom it named may be gone soon, by its age."""
        since = self.gone_since
        return since is not None and now - since > GONE_SECONDS - _A_DAY


@frozen
class Lease:
    """The right to carry a sign-up on, for `epoch` and until somebody takes it over.

    `attempt` is what the idempotency key is derived from, `create` the parameters that are frozen
    with it since `attempt_since`, and `was_sent` whether an earlier invocation may have sent them.
    `last_write` is when an invocation that may have sent a create, or an adoption's update, last
    wrote the record.
    """

    user: User
    epoch: int
    attempt: int
    attempt_since: float
    create: NewCustomer | None = None
    was_sent: bool = False
    last_write: float = 0.0
    admitted: bool = False
    """Whether an admission opened the record, so that the next login takes notice of it."""
    refused: Reason | None = None
    """How an admission ended the last time that it was refused."""
    adopting: Adoption | None = None
    """The adoption that has begun."""
    sends_create: bool = False
    """Whether a create may have been sent in this epoch."""
    sends_update: bool = False
    """Whether an adoption's update may have been."""
    was_gone: bool = False
    """Whether the user was gone, and may be there again: what names them may be promised."""
    had: CustomerId | None = None
    """The customer of one who was gone: what names them still is theirs, whatever the address."""
    earlier_emails: frozenset[str] = field(default=frozenset(), repr=False)
    """What a record of release 0.1 has in place of `create`: where its customer may be found."""

    def sending(self) -> "Lease":
        """Return the lease as it is once a create may have been sent."""
        return replace(self, sends_create=True)

    def mismatched(self) -> "Lease":
        """Return the lease as it is once Stripe has said that the key stands for other parameters.

        This epoch's create did nothing, and one that an earlier release sent may be under way.
        """
        return replace(self, sends_create=False, was_sent=True)

    def last_tried(self, now: float) -> float:
        """Return what `last_write` is for the next invocation, if this one ends here.

        One that sent nothing leaves it as it was, or logins that only wait for an earlier create
        would put off its end for ever.
        """
        return now if self.sends_create or self.sends_update else self.last_write

    def idempotency_key(self) -> str:
        """Derive the key of this attempt's create: 77 characters, no personal data."""
        # Of the attempt, never of the epoch: whoever takes the lease over has to send the same key,
        # or a create whose answer was lost is made a second time.
        seed = json.dumps([self.user.tenant, self.user.user_id, self.attempt])
        return f"customerlink-{hashlib.sha256(seed.encode()).hexdigest()}"

    def emails(self) -> frozenset[str]:
        """Return the addresses under which the unfinished sign-up may have made a customer."""
        return self.earlier_emails | ({self.create.email} if self.create else set())

    def key_makes(self, email: str, now: float) -> bool:
        """Return whether the key may be used (again), and gives a customer with this address.

        Stripe may have dropped an old key, so that repeating it would create anew.
        """
        if self.create is None or self.create.email != email:
            return False
        # What was never sent is new to Stripe, however long ago it was frozen.
        return not self.was_sent or now - self.attempt_since <= KEY_LIFETIME_SECONDS

    def has_settled(self, now: float) -> bool:
        """Return whether what earlier invocations sent must have ended by now."""
        return now - self.last_write > SETTLED_SECONDS

    def has_create_under_way(self, now: float) -> bool:
        """Return whether a create of an earlier invocation may still be under way."""
        return self.was_sent and not self.has_settled(now)

    def drops_create(self) -> bool:
        """Return whether nobody sent the create, so that it is forgotten when the lease ends."""
        return not (self.was_sent or self.sends_create)

    def leaves_nothing(self) -> bool:
        """Return whether the record is as good as none: new, nobody's who waits, nothing sent."""
        # Deleting any other would let its first attempt's key be used anew.
        is_new = (self.epoch, self.attempt) == (1, 1) and not self.admitted
        return is_new and self.drops_create() and not (self.adopting or self.sends_update)


@frozen
class Linked:
    """The sign-up ended: the recorded link, and the epoch that it was recorded in."""

    customer_id: CustomerId
    epoch: int


@frozen
class Busy:
    """Another invocation holds the sign-up; how an admission was refused before, if it was."""

    refused: Reason | None = None


@frozen
class Standing:
    """Where a user's record stands, as somebody sees it who does not open it."""

    is_held: bool = False
    """Whether an invocation is at it right now."""
    customer_id: CustomerId | None = None
    """The customer that it links, or is about to."""
    is_settled: bool = True
    """Whether what was sent for it must have ended by now."""
    is_told: bool = True
    """Whether the log-in that it was written in must have ended at Auth0, which waits for more."""
    is_open: bool = False
    """Whether a sign-up is under way, or waits to be finished."""
    had: CustomerId | None = None
    """The customer of one who was found to be gone before their sign-up had ended."""


@frozen
class HeldLock:
    """Whose sign-up keeps an address from others, and until when at the latest."""

    holder: User
    until: float


@frozen
class Lock:
    """Who has the lock on an address, and whether that is this invocation."""

    holder: User
    is_mine: bool = True
    is_new: bool = False
    """Whether nobody had it. One that the same user had may guard what was made a moment ago."""
