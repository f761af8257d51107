"""One reading of a profile's values, whoever delivers the profile.

Identity providers, custom databases and imports put anything into it. A reader returns None for
what is absent, and raises `OddValueError` for what is there and not as expected: the caller counts
it as absent, and says so by the field's name. tests/fixtures/profile-values.json has what is read
how, for this module and for the Actions alike.
"""

from datetime import UTC, datetime

from customerlink.model.errors import CustomerLinkError

TOO_LONG_AN_EMAIL = 512
"""Characters from which an address is refused: Stripe's `email` ends at 512."""


class OddValueError(CustomerLinkError):
    """A value that is there, and is not what its field is for."""


def text(value: object) -> str | None:
    """Read a text that UTF-8, DynamoDB and Stripe can take; an empty one is absent."""
    if value is None or value == "":
        return None
    # A lone surrogate is JSON's (half an emoji, where a name was cut off), and no Unicode text.
    if not isinstance(value, str) or "\0" in value or not _is_unicode(value):
        raise OddValueError
    return value


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
    return not any("\ud800" <= character <= "\udfff" for character in value)
