"""What lets the watch look at a tenant and test the endpoint, and what it is to find there.

Whoever has it can read Actions and send self-tests: it signs no report, and changes nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import field

from customerlink.model.actions import LOGIN
from customerlink.model.documents import json_object
from customerlink.model.errors import ConfigurationError
from customerlink.model.frozen import frozen
from customerlink.model.notes import Note, read_notes
from customerlink.model.secret import SELF_TEST_KEY, Auth0Client, text_of
from customerlink.model.signature import SigningSecret

SCOPE = "read:actions"
"""All that the watch's application may do."""

ACTIONS, NOTES = "actions", "installed_actions"


@frozen
class WatchSecret:
    """The secret, parsed; neither key shows in its `repr`."""

    client: Auth0Client
    self_test_key: str = field(repr=False)
    actions: Mapping[str, str]
    """The Actions' names by what they are: a trigger, or verify-email."""
    notes: Mapping[str, Note]
    """By the Actions' ids: a copy of what the deployment's secret has of these."""

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
        return cls(client, key, actions, dict(read_notes(document.get(NOTES))))

    def signing(self) -> SigningSecret:
        """Return the key of self-tests."""
        return SigningSecret.parse(self.self_test_key)

    def with_note(self, action_id: str, note: Note) -> "WatchSecret":
        """Return it with what was seen of an Action's secrets."""
        notes = {**self.notes, action_id: note}
        return WatchSecret(self.client, self.self_test_key, self.actions, notes)

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
        )


def _names(found: object) -> dict[str, str]:
    """Read the Actions' names; without that of the Login flow's nothing would be watched."""
    names = found if isinstance(found, dict) else {}
    if LOGIN not in names or not all(isinstance(each, str) for each in names.values()):
        raise ConfigurationError(f"the secret's field {ACTIONS} is missing or wrong")
    return names
