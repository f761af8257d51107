"""What the Action reports of a login, parsed and frozen.

Both forms of the wire contract's body are read: the Action's own, and the whole `event` object of
Auth0's post-login trigger (https://auth0.com/docs/customize/actions/explore-triggers/
signup-and-login-triggers/login-trigger/post-login-event-object). Unknown fields are ignored.

Only what says who logs in, and for the how manieth time, may refuse a report: nobody is kept out by
an odd profile. Whatever else is not as expected counts as absent, and its name is kept for the log.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum

from customerlink.model.customer_fields import flattened
from customerlink.model.documents import LONGEST_BYTES, json_object
from customerlink.model.frozen import field, frozen
from customerlink.model.locales import Locales, locale_list, locales
from customerlink.model.tickets import CLOCKS_SECONDS, FRESH_SECONDS, STATE_PARAMETER, is_digest
from customerlink.model.trust import Trust, primary_connection, provider_in
from customerlink.model.user import (
    CustomerId,
    Tenant,
    User,
    UserId,
    is_customer_id,
    is_tenant,
    registrant_id,
    registration_id,
)
from customerlink.model.values import (
    ODD,
    OddValueError,
    Reader,
    address,
    flag,
    id_in,
    moment,
    text,
)

WIRE_VERSION = 1
ODD_ID = CustomerId(ODD)
"""What stands where a profile has its customer's id, and is none. No customer has it: whose the
user's customer is, is for a person to decide."""

_MAX_USER_ID = 255
_WRONG_TYPE = "has the wrong type"
_DATABASE = "auth0"


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
    """As a connection says that is believed (`model.trust`)."""
    name: str | None = None
    created_at: datetime | None = None
    customer_id: CustomerId | None = None
    marker: Marker | None = None
    strategy: str | None = None
    connection: str | None = None
    """The one that the address is of: somebody may log in by an account that was linked."""
    registration_id: str | None = None
    """By which a user of the registration flow is known to the customer made before."""
    profile: Mapping[str, str] = field(default_factory=dict, compare=False)
    """The profile's plain values by their paths, for the customer's fields."""
    browser: str | None = None
    """The digest of the state that the log-in began with, in the browser that has that state."""
    authenticated_at: datetime | None = None
    locales: Locales = ()
    """In which languages the person reads, the one that is liked best first."""
    tries: int = 1
    dropped: tuple[str, ...] = ()
    """The paths of what counts as absent, since it is not what the field is for."""

    @property
    def has_odd_email(self) -> bool:
        """Return whether the profile has something for an address that is none."""
        return "user.email" in self.dropped

    def is_fresh(self, now: float) -> bool:
        """Return whether somebody has just proved who they are; a session's renewal is no proof."""
        if self.authenticated_at is None:
            return False
        age = now - self.authenticated_at.timestamp()
        return -CLOCKS_SECONDS <= age <= FRESH_SECONDS + CLOCKS_SECONDS


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


def parse(body: bytes, trust: Trust) -> SignUp | InvalidRequest:
    """Read a request body; anything but a well-formed report comes back as `InvalidRequest`."""
    return _parsed(body, lambda event: _of_user(event, _user(event), _logins_count(event), trust))


def parse_registration(body: bytes, trust: Trust) -> SignUp | InvalidRequest:
    """Read what the pre-user-registration Action reports: as yet there is no `user_id`.

    The user is the registrant; one without an address has an empty id.
    """
    return _parsed(body, lambda event: _registration(event, trust))


def parse_registered(body: bytes, trust: Trust) -> SignUp | InvalidRequest:
    """Read what the post-user-registration Action reports: a user before the first login."""
    return _parsed(body, lambda event: _of_user(event, _user(event), 0, trust))


def _parsed(body: bytes, read: Callable[["_Fields"], SignUp]) -> SignUp | InvalidRequest:
    try:
        event = _Fields(_json_object(body))
        event.expect_version()
        return read(event)
    except _MalformedError as malformed:
        return malformed.invalid


def _json_object(body: bytes) -> dict[str, object]:
    document = json_object(body)
    if isinstance(document, str):
        raise _MalformedError("body", document)
    return document


def _registration(event: "_Fields", trust: Trust) -> SignUp:
    tenant, user = _tenant(event.section("tenant")), event.section("user")
    connection = event.section("connection")
    name = connection.required_text("name")
    email = user.reader()("email", address)
    who = registrant_id(registration_id(tenant, name, email)) if email else UserId("")
    # Nobody registers but with a database or by a code: which of them, an old report leaves out.
    strategy = connection.reader()("strategy", text) or _DATABASE
    is_believed = trust.believes(strategy, name)
    return _sign_up(event, User(tenant, who), 1, is_believed=is_believed)


def _of_user(event: "_Fields", who: User, logins_count: int, trust: Trust) -> SignUp:
    is_believed = trust.believes_user(who.user_id, event.section("user").reader())
    return _sign_up(event, who, logins_count, is_believed=is_believed)


def _user(event: "_Fields") -> User:
    user = event.section("user")
    return User(_tenant(event.section("tenant")), UserId(_required_id(user)))


def _logins_count(event: "_Fields") -> int:
    return event.section("stats").required_integer("logins_count")


def _sign_up(event: "_Fields", who: User, logins_count: int, *, is_believed: bool) -> SignUp:
    read = event.reader()
    user, connection = event.section("user").reader(read.dropped), read.within("connection")
    metadata = user.within("app_metadata")
    return SignUp(
        user=who,
        logins_count=logins_count,
        email=user("email", address),
        email_verified=bool(user("email_verified", flag)) and is_believed,
        name=user("name", text),
        created_at=user("created_at", moment),
        customer_id=customer_id_in(metadata),
        marker=metadata("stripe_signup", _marker),
        strategy=connection("strategy", text),
        connection=_own_connection(who, user, connection),
        registration_id=metadata("stripe_registration_id", text),
        profile=event.section("user").flattened(),
        browser=read.within("request").within("query")(STATE_PARAMETER, _digest),
        authenticated_at=read.within("authentication")("methods", _newest),
        locales=_locales(read),
        tries=read("try", _tries) or 1,
        dropped=tuple(dict.fromkeys(read.dropped)),
    )


def _own_connection(who: User, user: Reader, log_in: Reader) -> str | None:
    """Read which connection the address is of: the log-in's, unless that is another account's."""
    strategy, name = log_in("strategy", text), log_in("name", text)
    is_own = strategy in (None, provider_in(who.user_id)) or who.registration_id is not None
    return primary_connection(who.user_id, user) or (name if is_own else None)


def customer_id_in(metadata: Reader) -> CustomerId | None:
    """Read the customer's id in a profile's metadata; `ODD_ID` for what is there and is none."""
    value = id_in(metadata, "stripe_customer_id", _customer_id)
    return CustomerId(value) if value else None


def _customer_id(value: object) -> str | None:
    found = text(value)
    if found is not None and not is_customer_id(found):
        raise OddValueError
    return found


def _tenant(tenant: "_Fields") -> Tenant:
    value = tenant.required_text("id")
    if not is_tenant(value):
        raise _MalformedError("tenant.id", "is not the name of a tenant")
    return Tenant(value)


def _required_id(user: "_Fields") -> str:
    return user.required_text("user_id", longest=_MAX_USER_ID)


def _marker(value: object) -> Marker | None:
    if value in (None, ""):
        return None
    found = next((each for each in Marker if each == value), None)
    if found is None:
        raise OddValueError
    return found


def _digest(value: object) -> str | None:
    found = text(value)
    if found is not None and not is_digest(found):
        raise OddValueError
    return found


def _newest(value: object) -> datetime | None:
    """Read when somebody last authenticated, in this session or in this log-in."""
    methods = value if isinstance(value, list) else []
    times = [Reader(each)("timestamp", moment) for each in methods if isinstance(each, Mapping)]
    return max((each for each in times if each), default=None)


def _locales(read: Reader) -> Locales:
    """Read what the Action found in the event, or else the event's own fields, in its order."""
    reported = read("locale", locales)
    if reported:
        return reported
    transaction = read.within("transaction")
    asked, shown = transaction("ui_locales", locale_list), transaction("locale", locales)
    return (asked or ()) + (shown or ()) + (read.within("request")("language", locales) or ())


def _tries(value: object) -> int:
    if value is None:
        return 1
    # Not isinstance: in Python, true is an int.
    if type(value) is not int or value < 1:
        raise OddValueError
    return value


class _Fields:
    """An object of the body, read field by field; a wrong one is named by its path."""

    def __init__(self, values: Mapping[str, object], path: str = "") -> None:
        self._values = values
        self._path = path

    def reader(self, dropped: list[str] | None = None) -> Reader:
        """Return what reads the fields that refuse no report."""
        return Reader(self._values, self._path, dropped)

    def expect_version(self) -> None:
        if (
            self._values.get("version") is not None
            and self.required_integer("version") != WIRE_VERSION
        ):
            raise self._fail("version", f"is not {WIRE_VERSION}")

    def flattened(self) -> dict[str, str]:
        return flattened(self._values)

    def section(self, name: str) -> "_Fields":
        value = self._values.get(name)
        if not isinstance(value, dict):
            raise self._fail(name, "is missing" if value is None else _WRONG_TYPE)
        return _Fields(value, f"{self._path}{name}.")

    def required_text(self, name: str, *, longest: int = LONGEST_BYTES) -> str:
        value = self._values.get(name)
        if not isinstance(value, str):
            raise self._fail(name, "is missing" if value is None else _WRONG_TYPE)
        if not value:
            raise self._fail(name, "is empty")
        if len(value) > longest:
            raise self._fail(name, f"is longer than {longest} characters")
        try:
            return text(value) or ""
        except OddValueError:
            raise self._fail(name, "holds a character that is no text") from None

    def required_integer(self, name: str) -> int:
        value = self._values.get(name)
        if value is None:
            raise self._fail(name, "is missing")
        # Not isinstance: in Python, true is an int.
        if type(value) is not int:
            raise self._fail(name, _WRONG_TYPE)
        # JavaScript's integers end there, so a larger one has lost digits on its way.
        if not 0 <= value < 2**53:
            raise self._fail(name, "is out of range")
        return value

    def _fail(self, name: str, problem: str) -> _MalformedError:
        return _MalformedError(f"{self._path}{name}", problem)
