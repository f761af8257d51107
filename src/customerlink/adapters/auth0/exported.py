"""Auth0's export of the users, each line read as the Management API's profiles are.

A line that cannot be read costs itself, and an odd field its line nothing else; both are named.
https://auth0.com/docs/manage-users/user-migration/bulk-user-exports
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from customerlink.model.documents import json_value
from customerlink.model.frozen import frozen
from customerlink.model.profile import ODD_IDENTITY, Profile
from customerlink.model.row import Row, RowOutcome
from customerlink.model.trust import Trust
from customerlink.model.user import CUSTOMER_ID
from customerlink.model.values import OddValueError, text

_TEXT = rb'"[ !#-\[\]-~]++"'
_ADDRESS = rb'"[!#-\[\]-~]{1,500}+"'
_CUSTOMER_ID = rb'"%b"' % CUSTOMER_ID.pattern.encode()
_NAME = rb'"[ !#-\[\]-~\x80-\xff]++"'
_SCALAR = rb'(?:"[ !#-\[\]-~]*+"|true|false|null|[1-9][0-9]{0,15}+)'
_OWN_IDENTITY = rb'\[\{"\w++": ?%b(?:, ?"\w++": ?%b)*+\}\]' % (_SCALAR, _SCALAR)
_FIELDS = {
    b"user_id": _TEXT,
    b"email": _ADDRESS,
    b"email_verified": rb"true|false",
    b"name": _NAME,
    b"customer_id": _CUSTOMER_ID,
    b"marker": _TEXT,
    b"identities": _OWN_IDENTITY,
}
# A field that there was before fails: by its number, since a name may not be used before its group.
_ONCE = rb'(?(%d)(?!)|"%b": ?(%b|null))'
_FIELD = b"|".join(_ONCE % (number, *each) for number, each in enumerate(_FIELDS.items(), 1))
# What the reader would give as it is, so that nearly every line can do without it. No account was
# linked, and every text is its own value.
_PLAIN = re.compile(rb"\{(?:(?:%b)(?:, ?(?!\})|(?=\})))+\}[ \t\r\n]*" % _FIELD)


@frozen
class Unread:
    """Why a line says nothing of any user."""

    reason: str


def clean_lines(
    lines: Iterable[bytes], note: Callable[[Row], None], trust: Trust
) -> Iterator[bytes]:
    """Return the users of an export, as `clean_line` has them; `note` is told what is odd."""
    is_believed = _believed_by(trust)
    for number, line in enumerate(lines, 1):
        plain = _PLAIN.fullmatch(line)
        if plain and is_believed(plain[1] or b"") and _is_utf8(line):
            yield line
        elif line.strip():
            yield from _read_with_care(number, line, note, trust)


def _believed_by(trust: Trust) -> Callable[[bytes], bool]:
    """Return what tells of a plain `user_id`, quotes included, that its strategy is believed.

    Else the line is read with care: a connection's name may be, or its `email_verified` is not.
    """

    @lru_cache(maxsize=64)
    def believes(strategy: bytes) -> bool:
        return trust.believes(strategy.decode(), None)

    return lambda user_id: believes(user_id[1:].partition(b"|")[0])


def _read_with_care(
    number: int, line: bytes, note: Callable[[Row], None], trust: Trust
) -> Iterator[bytes]:
    found = read(line, trust)
    if isinstance(found, Unread):
        note(Row(f"line {number}", RowOutcome.UNREAD, found.reason))
        return
    if found.dropped:
        note(Row(found.user_id, RowOutcome.ODD, ", ".join(found.dropped)))
    yield clean_line(found)


def read(line: bytes, trust: Trust) -> Profile | Unread:
    """Read a line of `management.EXPORTED`."""
    try:
        row = json_value(line)
    except ValueError:
        return Unread("is not JSON")
    if not isinstance(row, dict):
        return Unread("is not an object")
    try:
        if text(row.get("user_id")) is None:
            return Unread("user_id is missing")
    except OddValueError:
        return Unread("user_id is not a text")
    metadata = {"stripe_customer_id": row.get("customer_id"), "stripe_signup": row.get("marker")}
    return Profile.of(row | {"app_metadata": metadata}, trust)


def clean_line(profile: Profile) -> bytes:
    """Return a user as the comparison reads one: of each value, only what it is for."""
    row = {
        "user_id": profile.user_id,
        "email": profile.email,
        "email_verified": profile.email_verified,
        "name": profile.name,
        "customer_id": profile.customer_id,
        "marker": profile.marker,
        "linked": [each.user_id for each in profile.identities[1:] if each != ODD_IDENTITY],
    }
    return f"{json.dumps(row)}\n".encode()


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
