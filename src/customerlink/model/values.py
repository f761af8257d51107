"""One reading of a profile's values, whoever delivers the profile.

Identity providers, custom databases and imports put anything into it. A reader returns None for
what is absent, and raises `OddValueError` for what is there and not as expected: the caller counts
it as absent, and says so by the field's name. tests/fixtures/profile-values.json has what is read
how, for this module and for the Actions alike.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from customerlink.model.errors import CustomerLinkError

ODD = "(odd)"
"""What stands where an id is expected, and what is there is no text: it is nobody's."""

TOO_LONG_AN_EMAIL = 512
"""Characters from which an address is refused: Stripe's `email` ends at 512."""


class OddValueError(CustomerLinkError):
    """A value that is there, and is not what its field is for."""


class Reader:
    """Reads an object's fields; `dropped` are the paths of those that count as absent."""

    def __init__(
        self, values: Mapping[str, object], path: str = "", dropped: list[str] | None = None
    ) -> None:
        """Take the object, and where in the whole it stands."""
        self._values, self._path = values, path
        self.dropped: list[str] = [] if dropped is None else dropped

    def __call__[Value](self, name: str, reader: Callable[[object], Value]) -> Value | None:
        """Return a field; None where it is absent, or odd."""
        try:
            return reader(self._values.get(name))
        except OddValueError:
            self.dropped.append(f"{self._path}{name}")
            return None

    def get(self, name: str) -> object:
        """Return what is there."""
        return self._values.get(name)

    def within(self, name: str) -> "Reader":
        """Return an object's reader; whatever else is there (custom databases) counts as empty."""
        value = self._values.get(name)
        if not isinstance(value, Mapping | None):
            self.dropped.append(f"{self._path}{name}")
        inside = value if isinstance(value, Mapping) else {}
        return Reader(inside, f"{self._path}{name}.", self.dropped)


def text(value: object) -> str | None:
    """Read a text that UTF-8, DynamoDB and Stripe can take; an empty one is absent."""
    if value is None or value == "":
        return None
    # A lone surrogate is JSON's (half an emoji, where a name was cut off), and no Unicode text.
    if not isinstance(value, str) or "\0" in value or not _is_unicode(value):
        raise OddValueError
    return value


def id_in(
    read: Reader, name: str, reader: Callable[[object], str | None] | None = None
) -> str | None:
    """Read an id, which counts as another one's, not as absent, where it is odd."""
    value = read(name, reader or text)
    return ODD if value is None and read.get(name) not in (None, "") else value


def address(value: object) -> str | None:
    """Read an email address, without the blanks around it."""
    found = (text(value) or "").strip()
    if len(found) >= TOO_LONG_AN_EMAIL:
        raise OddValueError
    return found or None


def flag(value: object) -> bool:
    """Read a yes or no; `"true"` is what Sign in with Apple and Cognito deliver for True.

    Nothing but these two is a yes: whether an address is verified decides whose it is.
    """
    match value:
        case bool():
            return value
        case "true":
            return True
        case None | "" | "false":
            return False
        case _:
            raise OddValueError


def moment(value: object) -> datetime | None:
    """Read an ISO 8601 time, as Auth0 gives one; without a zone it is UTC."""
    found = text(value)
    if found is None:
        return None
    try:
        read = datetime.fromisoformat(found)
    except ValueError:
        raise OddValueError from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
