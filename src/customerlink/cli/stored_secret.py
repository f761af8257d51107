"""The deployment's secret as the command line reads and writes it."""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from customerlink.cli.errors import CliError, Exit
from customerlink.model.errors import ConfigurationError
from customerlink.model.keys import StripeKey
from customerlink.model.log_names import LogNames
from customerlink.model.notes import Note, read_notes
from customerlink.model.secret import SELF_TEST_KEY, TICKET_KEYS, log_names, subscriptions_key
from customerlink.model.signature import SigningSecret
from customerlink.model.tickets import TicketKey

STRIPE_KEY, SIGNING_SECRETS = "stripe_restricted_key", "action_signing_secrets"
NOTES = "installed_actions"
"""The notes of what install saw; the functions, whose secret it is, pass over them."""
LOG_KEY = "log_key"


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A version of the deployment's secret; fields that are not ours are kept as they are."""

    stripe_key: str | None = field(default=None, repr=False)
    signing_secrets: tuple[str, ...] = field(default=(), repr=False)
    others: dict[str, Any] = field(default_factory=dict, repr=False)
    made_at: datetime | None = None
    notes: Mapping[str, Note] = field(default_factory=dict)
    """By the Actions' ids: a stack may serve several tenants."""
    version: str | None = field(default=None, compare=False)
    ticket_keys: tuple[str, ...] = field(default=(), repr=False)
    self_test_key: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str, made_at: datetime) -> "StoredSecret":
        """Read the JSON document; a `CliError` names the field that has an unknown shape."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            raise _unknown_shape("it is not JSON") from None
        if not isinstance(document, dict):
            raise _unknown_shape("it is not a JSON object")
        key = document.pop(STRIPE_KEY, None)
        signing, tickets = (document.pop(each, []) for each in (SIGNING_SECRETS, TICKET_KEYS))
        test_key = document.pop(SELF_TEST_KEY, None)
        notes = dict(read_notes(document.pop(NOTES, {})))
        try:
            if key is not None:
                StripeKey(key if isinstance(key, str) else "")
            if not isinstance(signing, list) or not all(isinstance(each, str) for each in signing):
                raise _unknown_shape(f"{SIGNING_SECRETS} is no list of texts")
            for each in signing:
                SigningSecret.parse(each)
            if test_key is not None and not _is_signing_secret(test_key):
                raise _unknown_shape(f"{SELF_TEST_KEY} is no whsec_ secret")
        except ConfigurationError as error:
            raise _unknown_shape(str(error)) from None
        if not isinstance(tickets, list) or not all(TicketKey.parse(each) for each in tickets):
            raise _unknown_shape(f"{TICKET_KEYS} is no list of keys for link tickets")
        return cls(
            key,
            tuple(signing),
            document,
            made_at,
            notes,
            ticket_keys=tuple(tickets),
            self_test_key=test_key,
        )

    @property
    def subscriptions_key(self) -> StripeKey | None:
        """Return the key that reads subscriptions, if somebody has put one in."""
        return subscriptions_key(self.others)

    def age(self, now: float) -> float:
        """Return the seconds since this version was put in."""
        return now - self.made_at.timestamp() if self.made_at else 0.0

    def text(self) -> str:
        """Return the JSON document."""
        notes = {name: each.document() for name, each in self.notes.items()}
        ours = {
            STRIPE_KEY: self.stripe_key,
            SIGNING_SECRETS: list(self.signing_secrets),
            TICKET_KEYS: list(self.ticket_keys),
            SELF_TEST_KEY: self.self_test_key,
            NOTES: notes,
        }
        return json.dumps({**self.others, **{name: each for name, each in ours.items() if each}})

    def with_key(self, key: str) -> "StoredSecret":
        """Return it with another Stripe key."""
        return replace(self, stripe_key=key)

    def with_signing(self, *secrets: str) -> "StoredSecret":
        """Return it with these signing secrets and no others."""
        return replace(self, signing_secrets=secrets)

    def with_note(self, action_id: str, note: Note) -> "StoredSecret":
        """Return it with what was seen of an Action's secrets."""
        return replace(self, notes={**self.notes, action_id: note})

    def with_log_key(self) -> "StoredSecret":
        """Return it with the key of the users' names in logs: its own, or a new one."""
        return replace(self, others={LOG_KEY: secrets.token_hex(32), **self.others})

    def log_names(self) -> LogNames:
        """Return what the functions' logs call users."""
        return log_names(self.others.get(LOG_KEY), self.stripe_key or "")

    def with_ticket_keys(self, *keys: str) -> "StoredSecret":
        """Return it with these keys for link tickets and no others."""
        return replace(self, ticket_keys=keys)

    def with_self_test_key(self) -> "StoredSecret":
        """Return it with a key for self-tests: its own, or a new one."""
        return replace(self, self_test_key=self.self_test_key or new_signing_secret())


def new_signing_secret() -> str:
    """Make a secret as the Standard Webhooks specification has it."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def _is_signing_secret(text: object) -> bool:
    try:
        SigningSecret.parse(str(text))
    except ConfigurationError:
        return False
    return isinstance(text, str)


def _unknown_shape(why: str) -> CliError:
    fix = "Look at it in the AWS console; nothing was changed."
    return CliError(f"The secret has an unknown shape: {why}.", fix, Exit.REFUSED)
