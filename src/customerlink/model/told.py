"""Ids as they may be printed and stored: a digest stands for what might be a person's address.

The same text has the same digest, and none passes for an id of Stripe's or Auth0's.
"""

import hashlib
import re

from customerlink.model.user import CUSTOMER_ID

USER_ID = re.compile(r"[A-Za-z0-9_.-]+\|.+")
"""A connection and a name. Whatever else stands in a customer's metadata may be anything."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{16}")


def digest(text: str) -> str:
    """Return a print of a text."""
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def told_customer(customer_id: str) -> str:
    """Return a customer's id, or the digest of one that a shop chose; a digest is its own."""
    is_told = CUSTOMER_ID.fullmatch(customer_id) or _DIGEST.fullmatch(customer_id)
    return customer_id if is_told else digest(customer_id)


def told_user(user_id: str) -> str:
    """Return a user's id, or the digest of what is none."""
    return user_id if USER_ID.fullmatch(user_id) else digest(user_id)
