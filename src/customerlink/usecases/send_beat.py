"""A beat: a change of the canary's, of which Stripe tells as of any other customer's.

Whether it comes through is counted at the other end; an alarm takes silence for a way that is cut.
"""

from enum import StrEnum

from customerlink.model.beats import is_canary
from customerlink.model.customer import Customer
from customerlink.ports.canaries import Canaries
from customerlink.ports.customers import Done, Failure, Refused


class BeatEnd(StrEnum):
    """How the sending ended."""

    SENT = "sent"
    NO_CANARY = "no_canary"
    """Nobody has made it, or somebody has deleted it: it is made by who switches events on."""
    FAILED = "failed"
    """Where and how, the trace of the run has."""


def send_beat(canaries: Canaries, address: str, at: str) -> BeatEnd:
    """Change the canary, if there is one; none is made here."""
    found = canaries.list_by_email(address)
    if not isinstance(found, Done):
        return BeatEnd.FAILED
    for each in found.result:
        if is_canary(each.metadata_keys):
            return _sent(canaries.beat(each.id, at))
    return BeatEnd.NO_CANARY


def _sent(changed: Done[Customer] | Failure) -> BeatEnd:
    if isinstance(changed, Done):
        return BeatEnd.SENT
    # Deleted since it was listed.
    return BeatEnd.NO_CANARY if changed == Refused("id") else BeatEnd.FAILED
