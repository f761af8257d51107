"""What either side posts to us, where no EventBridge stands between: what of it is let through.

It is what the rules of the template let through (`UsersChangedRule`, `CustomersChangedRule`), and
comes in their envelope, so that whoever reads the queue reads one kind of message.
"""

from collections.abc import Mapping
from enum import StrEnum

from customerlink.model.beats import BEAT
from customerlink.model.events import OF_AUTH0, USER_KEYS, EventKind
from customerlink.model.frozen import frozen

LONGEST_BYTES = 256 * 1024
"""As much as is read of an event: EventBridge takes no longer one of a partner's."""

_FIELDS = ("email", "name", "phone", "preferred_locales")
_METADATA = (*USER_KEYS, BEAT)


class Sender(StrEnum):
    """Who posts, and the last part of the path to which."""

    AUTH0 = "auth0"
    STRIPE = "stripe"


@frozen
class Posted:
    """An event of a sender who was recognised."""

    sender: Sender
    event: Mapping[str, object]

    @property
    def envelope(self) -> dict[str, object]:
        """Return the message for the queue."""
        source = f"customerlink.webhook/{self.sender}"
        return {"source": source, "detail-type": self._kind, "detail": self.event}

    @property
    def is_followed(self) -> bool:
        """Return whether it is let through: by its sender's kinds alone, whatever it says."""
        if self.sender is Sender.AUTH0:
            return self._kind in OF_AUTH0
        if self._kind == EventKind.CUSTOMER_UPDATED:
            return self._is_of_a_followed_field
        return self._kind == EventKind.CUSTOMER_DELETED

    @property
    def _kind(self) -> str:
        kind = self.event.get("type")
        return kind if isinstance(kind, str) else ""

    @property
    def _is_of_a_followed_field(self) -> bool:
        before = _within(self.event, "data", "previous_attributes")
        metadata = _within(before, "metadata")
        return not (before.keys().isdisjoint(_FIELDS) and metadata.keys().isdisjoint(_METADATA))


def _within(document: Mapping[str, object], *names: str) -> Mapping[str, object]:
    """Return the object at a path; empty where there is none."""
    for name in names:
        found = document.get(name)
        document = found if isinstance(found, Mapping) else {}
    return document
