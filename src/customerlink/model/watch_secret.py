"""What lets the watch look at a tenant and test the endpoint, and what it is to find there.

Whoever has it can read Actions and send self-tests: it signs no report, and changes nothing.
"""

import json
from collections.abc import Mapping

from customerlink.model.actions import LOGIN, TRIGGERS, VERIFY_EMAIL
from customerlink.model.documents import json_object
from customerlink.model.errors import ConfigurationError
from customerlink.model.frozen import field, frozen, replace
from customerlink.model.notes import Note, read_notes
from customerlink.model.secret import SELF_TEST_KEY, Auth0Client, text_of
from customerlink.model.signature import SigningSecret

SCOPE = "read:actions"
"""All that the watch's application may do."""

ACTIONS, NOTES, PRINTS = "actions", "installed_actions", "declared_prints"


@frozen
class WatchSecret:
    """The secret, parsed; neither key shows in its `repr`."""

    client: Auth0Client
    self_test_key: str = field(repr=False)
    actions: Mapping[str, str]
    """The Actions' names by what they are: a trigger, or verify-email."""
    notes: Mapping[str, Note]
    """By the Actions' ids: a copy of what the deployment's secret has of these."""
    prints: tuple[str, ...] = ()
    """Where another tool declares the Actions: of the settings that it may have set."""

    @classmethod
    def parse(cls, text: str) -> "WatchSecret":
        """Read the JSON document; `ConfigurationError` names the field that is missing or wrong."""
        document = json_object(text)
        if isinstance(document, str):
            raise ConfigurationError(f"the secret {document}")
        key = text_of(document, SELF_TEST_KEY)
        try:
            SigningSecret.parse(key)
        except ConfigurationError:
            raise ConfigurationError(f"the secret's field {SELF_TEST_KEY} is wrong") from None
        client, actions = Auth0Client.of(document), _names(document.get(ACTIONS))
        notes, prints = dict(read_notes(document.get(NOTES))), _prints(document.get(PRINTS, []))
        return cls(client, key, actions, notes, prints)

    def signing(self) -> SigningSecret:
        """Return the key of self-tests."""
        return SigningSecret.parse(self.self_test_key)

    def with_note(self, action_id: str, note: Note) -> "WatchSecret":
        """Return it with what was seen of an Action's secrets."""
        return replace(self, notes={**self.notes, action_id: note})

    def without(self, *kinds: str) -> "WatchSecret":
        """Return it for what has been taken out by us: these are not looked for any more."""
        kept = {each: name for each, name in self.actions.items() if each not in kinds}
        return replace(self, actions=kept)

    def text(self) -> str:
        """Return the JSON document, as `parse` reads it."""
        return json.dumps(
            {
                "domain": self.client.url.removeprefix("https://"),
                "client_id": self.client.client_id,
                "client_secret": self.client.client_secret,
                SELF_TEST_KEY: self.self_test_key,
                ACTIONS: dict(self.actions),
                NOTES: {action_id: each.document() for action_id, each in self.notes.items()},
            }
            | ({PRINTS: self.prints} if self.prints else {})
        )


def _names(found: object) -> dict[str, str]:
    """Read the Actions' names; without that of the Login flow's nothing would be watched."""
    names = found if isinstance(found, dict) else {}
    is_known = {LOGIN} <= names.keys() <= {*TRIGGERS, VERIFY_EMAIL}
    if not is_known or not all(isinstance(each, str) and each.strip() for each in names.values()):
        raise ConfigurationError(f"the secret's field {ACTIONS} is missing or wrong")
    return names


def _prints(found: object) -> tuple[str, ...]:
    """Read the prints; one that is none would let everything pass, or nothing."""
    if not isinstance(found, list) or not all(isinstance(each, str) and each for each in found):
        raise ConfigurationError(f"the secret's field {PRINTS} is wrong")
    return tuple(found)
