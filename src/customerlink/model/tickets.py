"""A link ticket: proof that somebody has just logged in, carried by the browser to the shop.

It is a message signed the Standard Webhooks way, in one string: time, payload, signature. Its
message id is none that an Action uses, so neither passes for the other.
"""

import base64
import binascii
import json
import secrets
from collections.abc import Iterable

from customerlink.model.frozen import frozen
from customerlink.model.signature import SigningSecret, is_signed, sign
from customerlink.model.user import Tenant, User, UserId

TICKET_SECONDS = 600
"""Time enough to log in to the other account."""

_ID = "link-ticket"
_PARTS = 3


@frozen
class Ticket:
    """Who logged in, and what makes the ticket single."""

    user: User
    nonce: str


def issue(secret: SigningSecret, user: User, now: float) -> str:
    """Make a ticket: letters, digits, `-`, `_` and `.`, no address among them."""
    claims = {"tenant": user.tenant, "user_id": user.user_id, "nonce": secrets.token_hex(16)}
    payload = json.dumps(claims).encode()
    headers = sign(secret, _ID, int(now), payload)
    signature = base64.b64decode(headers["webhook-signature"].removeprefix("v1,"))
    return ".".join((str(int(now)), _text(payload), _text(signature)))


def redeem(valid: Iterable[SigningSecret], ticket: str, now: float) -> Ticket | None:
    """Read a ticket; None unless one of the secrets signed it, not more than 600 s ago."""
    parts = ticket.split(".")
    if len(parts) != _PARTS or not ticket.isascii():
        return None
    try:
        payload, signature = (
            base64.urlsafe_b64decode(each + "=" * (-len(each) % 4)) for each in parts[1:]
        )
    except (binascii.Error, ValueError):
        return None
    headers = {
        "webhook-id": _ID,
        "webhook-timestamp": parts[0],
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
    if not is_signed(valid, headers, payload, now=now, tolerance=TICKET_SECONDS):
        return None
    # Read only now that it is known to be ours.
    claims = json.loads(payload)
    return Ticket(User(Tenant(claims["tenant"]), UserId(claims["user_id"])), claims["nonce"])


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
