"""A message read field by field: what is wrong is named by its path, and never quoted."""

from collections.abc import Mapping

from customerlink.model.documents import json_object
from customerlink.model.frozen import field, frozen
from customerlink.model.user import UserId
from customerlink.model.values import OddValueError, Reader, text

LONGEST = 1024 * 1024
"""Characters of a message: SQS takes no longer one."""

LONGEST_USER_ID = 255

_WRONG_TYPE = "has the wrong type"


@frozen
class Unreadable:
    """A message that is no event: which field is at fault and how, never its value."""

    field: str
    problem: str

    def __str__(self) -> str:
        """Return the sentence for the log."""
        return f"{self.field} {self.problem}"


class UnreadableError(Exception):
    """Ends the reading of a message."""

    def __init__(self, name: str, problem: str) -> None:
        """Take the field's path, and what is wrong with it."""
        super().__init__()
        self.unreadable = Unreadable(name, problem)


@frozen
class Fields:
    """An object of the message; raise `UnreadableError` for what is missing, or no such thing."""

    values: Mapping[str, object] = field(repr=False)
    path: str = ""

    @classmethod
    def of_text(cls, body: str) -> "Fields":
        """Read a message's body."""
        document = json_object(body, LONGEST)
        if isinstance(document, str):
            raise UnreadableError("body", document)
        return cls(document)

    def reader(self) -> Reader:
        """Return what reads the fields that end nothing where they are odd."""
        return Reader(self.values)

    def inner(self, name: str) -> "Fields":
        """Return an object."""
        found = self.found(name)
        if found is None:
            raise self._fail(name, "is missing")
        return found

    def found(self, name: str) -> "Fields | None":
        """Return an object; None where there is none."""
        value = self.values.get(name)
        if not isinstance(value, Mapping | None):
            raise self._fail(name, _WRONG_TYPE)
        return None if value is None else Fields(value, f"{self.path}{name}.")

    def text(self, name: str) -> str:
        """Return a text that is not empty."""
        found = self.found_text(name)
        if found is None:
            raise self._fail(name, "is missing")
        return found

    def found_text(self, name: str) -> str | None:
        """Return a text; None where there is none, or an empty one."""
        try:
            return text(self.values.get(name))
        except OddValueError:
            raise self._fail(name, _WRONG_TYPE) from None

    def flag(self, name: str) -> bool:
        """Return a yes or no."""
        value = self.values.get(name)
        if not isinstance(value, bool):
            raise self._fail(name, "is missing" if value is None else _WRONG_TYPE)
        return value

    def user_id(self) -> UserId:
        """Return the id of a user."""
        found = self.text("user_id")
        if len(found) > LONGEST_USER_ID:
            raise self._fail("user_id", f"is longer than {LONGEST_USER_ID} characters")
        return UserId(found)

    def metadata(self) -> dict[str, str]:
        """Return the metadata's texts; what is none, as of a key that was not there, is absent."""
        found = self.reader().within("metadata")
        read = {key: found(key, text) for key in self.metadata_keys()}
        return {key: value or "" for key, value in read.items()}

    def metadata_keys(self) -> frozenset[str]:
        """Return the keys, of what was not there before as well."""
        metadata = self.values.get("metadata")
        return frozenset(metadata) if isinstance(metadata, Mapping) else frozenset()

    def field_names(self) -> frozenset[str]:
        """Return the names of a customer's fields, those in its metadata among them."""
        inside = {f"metadata.{key}" for key in self.metadata_keys()}
        return frozenset(inside.union(self.values))

    def _fail(self, name: str, problem: str) -> UnreadableError:
        return UnreadableError(f"{self.path}{name}", problem)
