"""Beats: the canary, a customer that is nobody's, is changed to see it come through as an event."""

from collections.abc import Container

from customerlink.model.address import lowered

BEAT = "auth0_sync_beat"
"""The canary's metadata: when it was changed last."""

PAUSE_SECONDS = 14 * 60
"""A warm function sends the next beat no sooner: of the repair's runs every third one does, also
where they come a little apart."""


def canary_address(stack: str) -> str:
    """Return the address by which the canary is found: no mail ever goes to that domain."""
    return lowered(f"customerlink@{stack}.invalid")


def is_canary(metadata: Container[str]) -> bool:
    """Return whether a customer with the canary's address is it, by the keys of its metadata."""
    return BEAT in metadata
