"""What install and rotate saw of an Action's secrets after they had set them.

Auth0 never tells a secret's value, but when it was last set. So the note holds a print of what was
set, and that time. It is in the deployment's secret, and not in the Action's code, which other
tools export and import without the secrets.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from customerlink.model.actions import DENIAL_TEXTS, SIGNING_SECRET, URL

PRINT_LENGTH = 32
"""The characters of a print."""


@dataclass(frozen=True, slots=True)
class Note:
    """A note about one Action."""

    settings: str
    """The print of what was set."""
    updated_at: Mapping[str, str]
    """When, by Auth0's clock, for each secret."""
    texts: str | None = None
    """The print of the denials' texts that were set; None where none were."""

    @classmethod
    def parse(cls, document: object) -> "Note | None":
        """Read a note; None for what is none, as if nobody had noted anything."""
        match document:
            case {"settings": str(settings), "updated_at": dict(dates)} if all(
                isinstance(each, str) for each in dates.values()
            ):
                texts = document.get("texts") if isinstance(document, dict) else None
                return cls(settings, dates, texts if isinstance(texts, str) else None)
        return None

    def document(self) -> dict[str, object]:
        """Return it as `parse` reads it."""
        texts = {"texts": self.texts} if self.texts else {}
        return {"settings": self.settings, "updated_at": dict(self.updated_at), **texts}

    def changed(self, secrets: Mapping[str, str]) -> tuple[str, ...]:
        """Name those of our secrets that were set anew since, or whose time is not known."""
        return tuple(
            each
            for each in (URL, SIGNING_SECRET)
            if not secrets.get(each) or secrets[each] != self.updated_at.get(each)
        )

    def has_texts(self, secrets: Mapping[str, str], texts: str) -> bool:
        """Return whether an Action has these texts for denials; of none, whether none are ours."""
        if not texts:
            return self.texts is None
        set_at = secrets.get(DENIAL_TEXTS)
        is_as_set = set_at is not None and set_at == self.updated_at.get(DENIAL_TEXTS)
        return is_as_set and self.texts == _print(texts)

    def with_texts_of(self, earlier: "Note") -> "Note":
        """Return it for an Action whose texts for denials were left as they are."""
        seen = {name: at for name, at in earlier.updated_at.items() if name == DENIAL_TEXTS}
        return replace(self, updated_at={**self.updated_at, **seen}, texts=earlier.texts)


def noted(secrets: Mapping[str, str], url: str, signing_secret: str, texts: str = "") -> Note:
    """Note what was set just now, and the times that Auth0 answered."""
    names = (URL, SIGNING_SECRET, *([DENIAL_TEXTS] if texts else []))
    seen = {each: secrets[each] for each in names if each in secrets}
    return Note(fingerprint(url, signing_secret), seen, _print(texts) if texts else None)


def read_notes(document: object) -> Iterator[tuple[str, Note]]:
    """Read the notes by their Actions' ids; an odd one is left out."""
    for action_id, each in document.items() if isinstance(document, dict) else ():
        if note := Note.parse(each):
            yield action_id, note


def fingerprint(url: str, signing_secret: str) -> str:
    """Return a print of the settings, which tells nothing of a secret of 24 random bytes."""
    return _print(f"{url}\n{signing_secret}")


def _print(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:PRINT_LENGTH]
