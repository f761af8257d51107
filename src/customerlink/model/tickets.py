"""A link ticket: proof that somebody has just logged in to a second account, in one browser.

The browser carries it from Auth0 to the shop's linking page and from there to the shop's API: JSON
in base64url, and an HMAC by a key that has no other use and that no Action knows. The HMAC's key
is derived for this purpose, as itsdangerous' salt does, and several keys are valid at once.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Collection, Iterable
from datetime import datetime

from customerlink.model.frozen import field, frozen
from customerlink.model.user import Tenant, User, UserId

TICKET_SECONDS = 600
"""Time enough to log in to the other account."""

FRESH_SECONDS = 300
"""How long ago a log-in may be that proves an account."""

CLOCKS_SECONDS = 30
"""By so much Auth0's clock and ours may differ."""

STATE_PARAMETER = "ext-customerlink-state"
"""What a log-in page puts into `/authorize`: the digest of a state that only its browser has."""

KNOWN_SECONDS = 330
"""So old a key is before it signs: by then every function has fetched it (`secrets_manager`)."""

_PURPOSE = b"customerlink.link-ticket.v2"
_KEY = r"ltk_(\d{1,12})_([A-Za-z0-9+/]{43,}={0,2})"
_KEY_BYTES = 32
_DIGEST = r"[A-Za-z0-9_-]{43}"
_PARTS = 2


@frozen
class TicketKey:
    """A key of link tickets, `ltk_<when it was made, unix seconds>_<base64>`."""

    made_at: int
    key: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: object) -> "TicketKey | None":
        """Read one; None for what is none, since no log-in may fail for it."""
        found = re.fullmatch(_KEY, text) if isinstance(text, str) else None
        try:
            key = base64.b64decode(found[2], validate=True) if found else b""
        except binascii.Error:
            return None
        return cls(int(found[1]), key) if found and len(key) >= _KEY_BYTES else None

    def digest(self, payload: str) -> bytes:
        """Sign a payload, by a key that is derived for this purpose."""
        purpose = hmac.digest(self.key, _PURPOSE, hashlib.sha256)
        return hmac.digest(purpose, payload.encode(), hashlib.sha256)


@frozen
class Ticket:
    """Who logged in and when, in which browser, and what makes the ticket single."""

    user: User
    nonce: str
    browser: str
    """The digest of the state that the log-in began with."""
    issued_at: int

    def is_of(self, state: str) -> bool:
        """Return whether the one who has this state began the log-in."""
        return hmac.compare_digest(digest_of(state), self.browser)

    def is_borne_out_by(self, last_login: datetime | None) -> bool:
        """Return whether Auth0 knows of the log-in, by what it says of the user's last one.

        https://auth0.com/docs/manage-users/user-accounts/user-profiles/user-profile-structure: a
        log-in counts before the Actions run, whatever they make of it.
        """
        earliest = self.issued_at - FRESH_SECONDS - CLOCKS_SECONDS
        return last_login is not None and last_login.timestamp() >= earliest


def new_ticket_key(now: float) -> str:
    """Make a key, as the secret has it."""
    return f"ltk_{int(now)}_{base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}"


def signing_key(keys: Collection[TicketKey], now: float) -> TicketKey | None:
    """Return the newest key that every function knows by now, else the oldest; None of none."""
    by_age = sorted(keys, key=lambda each: each.made_at)
    known = [each for each in by_age if each.made_at <= now - KNOWN_SECONDS]
    return next(iter([*known[-1:], *by_age]), None)


def digest_of(state: str) -> str:
    """Return what a log-in page sends of its state: the SHA-256, in base64url."""
    return _text(hashlib.sha256(state.encode()).digest())


def is_digest(text: str) -> bool:
    """Return whether a text has the form of such a digest."""
    return re.fullmatch(_DIGEST, text) is not None


def issue(key: TicketKey, user: User, browser: str, now: float) -> str:
    """Make a ticket: letters, digits, `-`, `_` and `.`, no address in clear among them."""
    claims = {
        "tenant": user.tenant,
        "user_id": user.user_id,
        "browser": browser,
        "at": int(now),
        "nonce": secrets.token_hex(16),
    }
    payload = _text(json.dumps(claims).encode())
    return f"{payload}.{_text(key.digest(payload))}"


def redeem(valid: Iterable[TicketKey], ticket: str, now: float) -> Ticket | None:
    """Read a ticket; None unless one of the keys signed it, not more than 600 s ago."""
    parts = ticket.split(".")
    if len(parts) != _PARTS or not ticket.isascii():
        return None
    payload, signature = parts
    # Every key is tried, so that the time taken tells nothing.
    matches = [hmac.compare_digest(_text(each.digest(payload)), signature) for each in valid]
    if not any(matches):
        return None
    # Read only now that it is known to be ours.
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    if not -CLOCKS_SECONDS <= now - claims["at"] <= TICKET_SECONDS:
        return None
    user = User(Tenant(claims["tenant"]), UserId(claims["user_id"]))
    return Ticket(user, claims["nonce"], claims["browser"], claims["at"])


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
