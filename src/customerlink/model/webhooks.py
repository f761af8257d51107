"""What either side posts to us, where no EventBridge stands between: what of it is let through.

It is what the rules of the template let through (`UsersChangedRule`, `CustomersChangedRule`), and
comes in their envelope, so that whoever reads the queue reads one kind of message.
"""

import json
from collections.abc import Mapping
from enum import StrEnum

from customerlink.model.beats import BEAT
from customerlink.model.events import LEFT_OF_A_PROFILE, OF_AUTH0, USER_KEYS, EventKind
from customerlink.model.frozen import frozen
from customerlink.model.message_fields import LONGEST

LONGEST_BYTES = 4 * 1024 * 1024
"""As much as is read of an event: a person may write a lot into a profile, which it has twice."""

_FIELDS = ("email", "name", "phone", "preferred_locales")
_METADATA = (*USER_KEYS, BEAT)
_ABOUT = ("type", "a0tenant", "a0purpose")


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
    def message(self) -> str:
        """Return the message for the queue; without the profile, if it were too long with it.

        Who it is about is a reason to look. Written anew, a letter may take six.
        """
        whole = json.dumps(self._enveloped(self.event))
        is_lean = len(whole) > LONGEST and self.sender is Sender.AUTH0
        return json.dumps(self._enveloped(self._without_profile)) if is_lean else whole

    @property
    def is_followed(self) -> bool:
        """Return whether it is let through: by its sender's kinds alone, whatever it says."""
        if self.sender is Sender.AUTH0:
            return self._kind in OF_AUTH0
        if self._kind == EventKind.CUSTOMER_UPDATED:
            return self._is_of_a_followed_field
        return self._kind == EventKind.CUSTOMER_DELETED

    @property
    def _without_profile(self) -> dict[str, object]:
        user = _within(self.event, "data", "object")
        left = {name: user[name] for name in LEFT_OF_A_PROFILE if name in user}
        kept = {name: self.event[name] for name in _ABOUT if name in self.event}
        return {**kept, "data": {"object": left}}

    def _enveloped(self, event: Mapping[str, object]) -> dict[str, object]:
        source = f"customerlink.webhook/{self.sender}"
        return {"source": source, "detail-type": self._kind, "detail": event}

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
