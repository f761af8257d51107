"""What the Action reports of a login, parsed and frozen.

Both forms of the wire contract's body are read: the Action's own, and the whole `event` object of
Auth0's post-login trigger (https://auth0.com/docs/customize/actions/explore-triggers/
signup-and-login-triggers/login-trigger/post-login-event-object). Unknown fields are ignored.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import UTC, datetime
from enum import StrEnum

from customerlink.model.customer_fields import flattened
from customerlink.model.frozen import frozen
from customerlink.model.user import CustomerId, Tenant, User, UserId, registrant_id, registration_id

WIRE_VERSION = 1
TOO_LONG_AN_EMAIL = 512
"""Characters from which an address is refused: Stripe's `email` ends at 512."""

# The tenant's name is a part of the ledger's keys, which end at 2,048 bytes.
_TENANT = re.compile(r"[A-Za-z0-9._-]{1,128}")
_MAX_USER_ID = 255
MAX_BODY_BYTES = 64 * 1024
_WRONG_TYPE = "has the wrong type"


class Marker(StrEnum):
    """The values of `app_metadata.stripe_signup`."""

    UNFINISHED = "unfinished"
    EXEMPT = "exempt"


@frozen
class SignUp:
    """One login as the Action reports it; absent profile fields are None."""

    user: User
    logins_count: int
    email: str | None = None
    email_verified: bool = False
    name: str | None = None
    created_at: datetime | None = None
    customer_id: CustomerId | None = None
    marker: Marker | None = None
    strategy: str | None = None
    connection: str | None = None
    registration_id: str | None = None
    """By which a user of the registration flow is known to the customer made before."""
    profile: Mapping[str, str] = field(default_factory=dict, compare=False)
    """The profile's plain values by their paths, for the customer's fields."""
    tries: int = 1


@frozen
class InvalidRequest:
    """A body that is no sign-up: which field is at fault and how, never its value."""

    field: str
    problem: str

    def __str__(self) -> str:
        """Return the sentence for the answer's `detail`."""
        return f"{self.field} {self.problem}"


class _MalformedError(Exception):
    def __init__(self, field: str, problem: str) -> None:
        self.invalid = InvalidRequest(field, problem)


def parse(body: bytes) -> SignUp | InvalidRequest:
    """Read a request body; anything but a well-formed report comes back as `InvalidRequest`."""
    return _parsed(body, lambda event: _sign_up(event, _user(event), _logins_count(event)))


def parse_registration(body: bytes) -> SignUp | InvalidRequest:
    """Read what the pre-user-registration Action reports: as yet there is no `user_id`.

    The user is the registrant; one without an address has an empty id.
    """
    return _parsed(body, _registration)


def parse_registered(body: bytes) -> SignUp | InvalidRequest:
    """Read what the post-user-registration Action reports: a user before the first login."""
    return _parsed(body, lambda event: _sign_up(event, _user(event), 0))


def _parsed(body: bytes, read: Callable[["_Fields"], SignUp]) -> SignUp | InvalidRequest:
    try:
        event = _Fields(_json_object(body))
        event.expect_version()
        return read(event)
    except _MalformedError as malformed:
        return malformed.invalid


def _json_object(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        # A body of nothing but brackets nests deeper than Python goes.
        raise _MalformedError("body", "is not JSON") from None
    if not isinstance(document, dict):
        raise _MalformedError("body", "is not an object")
    return document


def _registration(event: "_Fields") -> SignUp:
    tenant, user = _tenant(event.object("tenant")), event.object("user")
    connection = event.object("connection").text("name", required=True) or ""
    email = _email(user)
    who = registrant_id(registration_id(tenant, connection, email)) if email else UserId("")
    return _sign_up(event, User(tenant, who), 1)


def _user(event: "_Fields") -> User:
    user = event.object("user")
    return User(_tenant(event.object("tenant")), UserId(_required_id(user)))


def _logins_count(event: "_Fields") -> int:
    return event.object("stats").integer("logins_count")


def _sign_up(event: "_Fields", who: User, logins_count: int) -> SignUp:
    user, connection = event.object("user"), event.object("connection", required=False)
    metadata = user.metadata("app_metadata")
    return SignUp(
        user=who,
        logins_count=logins_count,
        email=_email(user),
        email_verified=user.boolean("email_verified"),
        name=user.text("name"),
        created_at=_created_at(user),
        customer_id=_customer_id(metadata),
        marker=_marker(metadata),
        strategy=connection.text("strategy"),
        connection=connection.text("name"),
        registration_id=metadata.text("stripe_registration_id"),
        profile=user.flattened(),
        tries=event.integer("try", absent=1),
    )


def _tenant(tenant: "_Fields") -> Tenant:
    value = tenant.text("id", required=True)
    if value is None or not _TENANT.fullmatch(value):
        raise _MalformedError("tenant.id", "is not the name of a tenant")
    return Tenant(value)


def _required_id(user: "_Fields") -> str:
    return user.text("user_id", required=True, longest=_MAX_USER_ID) or ""


def _email(user: "_Fields") -> str | None:
    return user.text("email", longest=TOO_LONG_AN_EMAIL - 1)


def _created_at(user: "_Fields") -> datetime | None:
    value = user.text("created_at")
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise _MalformedError("user.created_at", "is not an ISO 8601 time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _customer_id(metadata: "_Fields") -> CustomerId | None:
    value = metadata.text("stripe_customer_id")
    return CustomerId(value) if value else None


def _marker(metadata: "_Fields") -> Marker | None:
    value = metadata.get("stripe_signup")
    return next((marker for marker in Marker if marker == value), None)


class _Fields:
    """An object of the body, read field by field; a wrong one is named by its path."""

    def __init__(self, values: dict[str, object], path: str = "") -> None:
        self._values = values
        self._path = path

    def get(self, name: str) -> object:
        return self._values.get(name)

    def _fail(self, name: str, problem: str) -> _MalformedError:
        return _MalformedError(f"{self._path}{name}", problem)

    def expect_version(self) -> None:
        if self.integer("version", absent=WIRE_VERSION) != WIRE_VERSION:
            raise self._fail("version", f"is not {WIRE_VERSION}")

    def flattened(self) -> dict[str, str]:
        return flattened(self._values)

    def object(self, name: str, *, required: bool = True) -> "_Fields":
        value = self.get(name)
        if value is None and not required:
            value = {}
        if not isinstance(value, dict):
            raise self._fail(name, "is missing" if value is None else _WRONG_TYPE)
        return _Fields(value, f"{self._path}{name}.")

    def metadata(self, name: str) -> "_Fields":
        """Return `app_metadata`; custom databases may deliver anything there: taken as empty."""
        value = self.get(name)
        return _Fields(value if isinstance(value, dict) else {}, f"{self._path}{name}.")

    def text(
        self, name: str, *, required: bool = False, longest: int = MAX_BODY_BYTES
    ) -> str | None:
        value = self.get(name)
        if value in (None, "") and not required:
            return None
        if not isinstance(value, str):
            raise self._fail(name, "is missing" if value is None else _WRONG_TYPE)
        if not value:
            raise self._fail(name, "is empty")
        if len(value) > longest:
            raise self._fail(name, f"is longer than {longest} characters")
        # A lone surrogate is JSON's, but no text that UTF-8, DynamoDB or Stripe could take.
        if "\0" in value or not _is_unicode(value):
            raise self._fail(name, "holds a character that is no text")
        return value

    def integer(self, name: str, absent: int | None = None) -> int:
        value = self.get(name)
        if value is None:
            value = absent
        if value is None:
            raise self._fail(name, "is missing")
        # Not isinstance: in Python, true is an int.
        if type(value) is not int:
            raise self._fail(name, _WRONG_TYPE)
        # JavaScript's integers end there, so a larger one has lost digits on its way.
        if not 0 <= value < 2**53:
            raise self._fail(name, "is out of range")
        return value

    def boolean(self, name: str) -> bool:
        value = self.get(name)
        if not isinstance(value, bool | None):
            raise self._fail(name, _WRONG_TYPE)
        return value is True


def _is_unicode(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)
