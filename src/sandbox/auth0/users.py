"""Users: read and change by id at once, listed through an index that lags."""

import copy
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

from sandbox.auth0.bodies import PROFILE, USER
from sandbox.auth0.failure import Auth0Failure, bad_body, bad_query, page_of

MAX_LISTED = 1000
"""https://auth0.com/docs/manage-users/user-search/view-search-results-by-page"""

_CHANGEABLE = PROFILE.keys()
_CREATED = USER.keys()
_PATCHED = _CREATED - {"user_id"}
_LACKING = re.compile(r"NOT _exists_:(?P<field>\w+)")
_EXACT = re.compile(
    r'(?P<field>identities\.user_id|app_metadata\.\w+):"(?P<value>(?:[^"\\]|\\.)*)"'
)
_METADATA = ("app_metadata", "user_metadata")

type Json = dict[str, Any]
type Tell = Callable[[Json | None, Json | None], None]
"""Called with a user as they were and as they are: None where there is none."""


class Users(dict[str, Json]):
    """The tenant's users by `user_id`, as the Management API gives and takes them."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Start with none; a lag of the search index of 0 s."""
        super().__init__()
        self.lock = threading.RLock()
        self.index_seconds = 0.0
        """How old the index behind `list` may be: Auth0 only says that it lags."""
        self.tell: Tell = lambda *_: None
        """Who hears of every change of a user."""
        self.tells_log_ins = False
        """Whether a log-in is such a change: Auth0 does not say."""
        self._clock = clock
        self._index: tuple[float, list[Json]] = (0.0, [])

    def add(self, profile: Mapping[str, Any], user_id: str | None = None) -> Json:
        """Put a user in, not logged in yet."""
        user_id = user_id or f"auth0|{secrets.token_hex(12)}"
        defaults = {
            "created_at": self._now(),
            "updated_at": self._now(),
            "logins_count": 0,
            "app_metadata": {},
        }
        with self.lock:
            self[user_id] = {**defaults, **profile, "user_id": user_id}
            self.tell(None, self.read(user_id))
            return self.read(user_id)

    def create(self, body: Mapping[str, Any]) -> Json:
        """`POST /users`: a user of a database connection."""
        _refuse_others(body, _CREATED)
        connection = body.get("connection")
        if not connection:
            raise bad_body("Missing required property: connection")
        given = ((name, value) for name, value in body.items() if value is not None)
        profile = {name: value for name, value in given if name in _CHANGEABLE}
        email = (profile.get("email") or "").lower()
        with self.lock:
            user_id = f"auth0|{body.get('user_id') or secrets.token_hex(12)}"
            is_taken = any(each.get("email") == email for each in self.values() if email)
            if is_taken or user_id in self:
                raise Auth0Failure(409, "The user already exists.", "user_exists")
            profile |= {"email": email} if email else {}
            identity = {"connection": connection, "provider": "auth0", "isSocial": False}
            identity["user_id"] = user_id.partition("|")[2]
            verified = {"email_verified": bool(body.get("email_verified"))}
            return self.add({**verified, **profile, "identities": [identity]}, user_id)

    def read(self, user_id: str) -> Json:
        """`GET /users/{id}`: at once what was written last."""
        with self.lock:
            return _shown(self._existing(user_id))

    def by_email(self, email: str) -> list[Json]:
        """`GET /users-by-email`: at once too; the letter case counts."""
        if not email:
            raise bad_query("Missing required property: email")
        with self.lock:
            return [_shown(each) for each in self.values() if each.get("email") == email]

    def patch(self, user_id: str, changes: Mapping[str, Any]) -> Json:
        """`PATCH /users/{id}`: metadata is merged at the first level, the rest replaced.

        https://auth0.com/docs/api/management/v2/users/patch-users-by-id; `null` removes a key of
        the metadata, `{}` all of it (https://auth0.com/docs/manage-users/user-accounts/metadata).
        """
        _refuse_others(changes, _PATCHED)
        with self.lock:
            user = self._existing(user_id)
            before = _shown(user)
            for name, value in changes.items():
                if name in _METADATA:
                    user[name] = merged(user.get(name), value) if value else {}
                elif name in _CHANGEABLE:
                    user[name] = value
            user["updated_at"] = self._now()
            self.tell(before, _shown(user))
            return _shown(user)

    def delete(self, user_id: str) -> None:
        """`DELETE /users/{id}`: also for a user who is not there."""
        with self.lock:
            gone = self.pop(user_id, None)
            if gone is not None:
                self.tell(_shown(gone), None)

    def list_page(self, query: dict[str, str]) -> Any:  # noqa: ANN401 (a list or an object)
        """`GET /users`: from the index, a page at a time, the first 1,000 and no more."""
        page, per_page = page_of(query)
        holds = _searched(query["q"]) if query.get("q") else lambda _: True
        if (page + 1) * per_page > MAX_LISTED:
            message = "You can only page through the first 1000 records."
            raise Auth0Failure(400, message, "invalid_paging")
        found = [each for each in self._indexed() if holds(each)]
        users = found[page * per_page : (page + 1) * per_page]
        if query.get("include_totals") != "true":
            return users
        totals = {"start": page * per_page, "limit": per_page, "length": len(users)}
        return {**totals, "total": len(found), "users": users}

    def link(self, primary_id: str, body: Mapping[str, Any]) -> list[Json]:
        """`POST /users/{id}/identities`: the secondary becomes an identity, and its user is gone.

        Its metadata is discarded, not merged
        (https://auth0.com/docs/manage-users/user-accounts/user-account-linking).
        """
        for name in ("provider", "user_id"):
            if not body.get(name):
                raise bad_body(f"Missing required property: {name}")
        provider, name = str(body["provider"]), str(body["user_id"])
        secondary_id = name if name.startswith(f"{provider}|") else f"{provider}|{name}"
        with self.lock:
            primary = self._existing(primary_id)
            secondary = self._existing(secondary_id)
            if primary is secondary:
                message = "Main account and secondary account cannot be the same."
                raise Auth0Failure(400, message, "invalid_body")
            identities = _identities(primary) + [
                each | {"profileData": _profile_data(secondary)} for each in _identities(secondary)
            ]
            before = _shown(primary)
            primary["identities"] = identities
            primary["updated_at"] = self._now()
            del self[secondary_id]
            self.tell(before, _shown(primary))
            self.tell(_shown(secondary), None)
            return copy.deepcopy(identities)

    def count_login(self, user_id: str) -> None:
        """Count a log-in, as Auth0 does before any Action runs, whatever the Actions make of it."""
        with self.lock:
            user = self[user_id]
            before = _shown(user)
            user |= {"logins_count": user["logins_count"] + 1, "last_login": self._now()}
            if self.tells_log_ins:
                self.tell(before, _shown(user))

    def exported(self) -> Iterator[Json]:
        """Return every user, for the export job."""
        with self.lock:
            yield from [_shown(each) for each in self.values()]

    def merge_app_metadata(self, user_id: str, changes: Mapping[str, Any]) -> None:
        """Write what an Action set, at the end of its flow."""
        with self.lock:
            user = self[user_id]
            before = _shown(user)
            user["app_metadata"] = merged(user.get("app_metadata"), changes)
            if changes:
                self.tell(before, _shown(user))

    def _indexed(self) -> list[Json]:
        with self.lock:
            taken_at, index = self._index
            if self._clock() - taken_at >= self.index_seconds:
                index = [_shown(each) for each in self.values()]
                self._index = (self._clock(), index)
            return index

    def _existing(self, user_id: str) -> Json:
        if user_id not in self:
            raise Auth0Failure(404, "The user does not exist.", "inexistent_user")
        return self[user_id]

    def _now(self) -> str:
        moment = datetime.fromtimestamp(self._clock(), UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _searched(query: str) -> Callable[[Json], bool]:
    """Read a search for an identity, for metadata, or for a field that is not there: no other one.

    https://auth0.com/docs/manage-users/user-search/user-search-query-syntax
    """
    if lacking := _LACKING.fullmatch(query):
        return lambda user: not user.get(lacking["field"])
    if exact := _EXACT.fullmatch(query):
        value = re.sub(r"\\(.)", r"\1", exact["value"])
        key = exact["field"].partition("app_metadata.")[2]
        return lambda user: value in (_metadata_of(user, key) if key else _names(user))
    raise bad_query("Only an identity, metadata and NOT _exists_ are known here: on property q")


def _refuse_others(body: Mapping[str, Any], known: AbstractSet[str]) -> None:
    for name in body.keys() - known:
        raise bad_body(f"Additional properties not allowed: {name}")


def _names(user: Json) -> list[str]:
    return [str(each["user_id"]) for each in user["identities"]]


def _metadata_of(user: Json, key: str) -> list[str]:
    metadata = user.get("app_metadata")
    found = metadata.get(key) if isinstance(metadata, dict) else None
    return [found] if isinstance(found, str) else []


def merged(old: object, changes: Mapping[str, Any]) -> Json:
    """Merge metadata at the first level; null removes a key, and what is no object is replaced."""
    kept = old if isinstance(old, dict) else {}
    return {key: value for key, value in {**kept, **changes}.items() if value is not None}


def _shown(user: Json) -> Json:
    """Return a user as the API does: metadata that is empty is absent."""
    shown = copy.deepcopy(user) | {"identities": _identities(user)}
    return {name: value for name, value in shown.items() if not (name in _METADATA and value == {})}


def _identities(user: Json) -> list[Json]:
    if "identities" in user:
        return copy.deepcopy(user["identities"])
    provider, _, name = user["user_id"].partition("|")
    connection = {"auth0": "Username-Password-Authentication"}.get(provider, provider)
    social = provider == "google-oauth2"
    return [{"connection": connection, "provider": provider, "user_id": name, "isSocial": social}]


def _profile_data(user: Json) -> Json:
    return {
        name: user[name]
        for name in ("email", "email_verified", "name", "given_name", "family_name", "picture")
        if name in user
    }
