"""Whose `email_verified` is believed: one table, which every reader of a profile obeys."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.conftest import FIXTURES

from customerlink.adapters.auth0 import exported
from customerlink.adapters.auth0.exported import clean_lines
from customerlink.model.profile import Profile, unfinished
from customerlink.model.signup import SignUp, parse, parse_registered, parse_registration
from customerlink.model.trust import STRATEGIES, TRUSTED, Trust
from customerlink.model.user import Tenant, User, UserId

TABLE: list[dict[str, Any]] = json.loads((FIXTURES / "trusted-connections.json").read_text())
TENANT = {"tenant": {"id": "acme"}}
ENTERPRISE = (
    *("waad", "adfs", "oidc", "samlp", "okta", "pingfederate", "google-apps", "ad", "auth0-adldap"),
    *("office365", "sharepoint", "ip", "custom", "oauth1", "oauth2", "windowslive", "salesforce"),
)

type Reads = Callable[[dict[str, Any], Trust], bool]


def trusted(row: dict[str, Any]) -> Trust:
    """Return the row's setting."""
    return Trust(frozenset(row["trusted"])) if "trusted" in row else Trust()


def user(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row's user, whose address is said to be verified."""
    given: dict[str, Any] = {name: row[name] for name in ("user_id", "identities") if name in row}
    return {**given, "email": "ada@example.com", "email_verified": True}


def by_login(row: dict[str, Any], trust: Trust) -> bool:
    """Read a log-in, by another connection that is trusted: it says nothing of the address."""
    connection = {"name": "db", "strategy": "auth0"}
    body = {**TENANT, "user": user(row), "stats": {"logins_count": 1}, "connection": connection}
    signup = parse(json.dumps(body).encode(), trust)
    assert isinstance(signup, SignUp)
    return signup.email_verified


def by_registered(row: dict[str, Any], trust: Trust) -> bool:
    """Read what tells of a new user."""
    signup = parse_registered(json.dumps({**TENANT, "user": user(row)}).encode(), trust)
    assert isinstance(signup, SignUp)
    return signup.email_verified


def by_management(row: dict[str, Any], trust: Trust) -> bool:
    """Read a user of the Management API's, as `/customers/me` does."""
    profile = Profile.of(user(row), trust)
    signup = unfinished(User(Tenant("acme"), UserId(row["user_id"])), profile)
    assert profile.is_believed is profile.email_verified is signup.email_verified
    return signup.email_verified


def by_export(row: dict[str, Any], trust: Trust) -> bool:
    """Read a line of the export."""
    line = f"{json.dumps(user(row))}\n".encode()
    [cleaned] = clean_lines([line], lambda _: None, trust)
    read = exported.read(line, trust)
    assert isinstance(read, Profile)
    said: bool = json.loads(cleaned)["email_verified"]
    assert read.email_verified is said
    return said


READERS: list[Reads] = [by_login, by_registered, by_management, by_export]


@pytest.mark.parametrize("reads", READERS)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: json.dumps(row)[:80])
def test_table(row: dict[str, Any], reads: Reads) -> None:
    """Each reader believes whom the table says, and nobody else."""
    assert reads(row, trusted(row)) is row["believed"]


@pytest.mark.parametrize("reads", READERS)
@pytest.mark.parametrize("said", [False, "false", None, "yes", 1])
def test_what_nobody_says_is_not_believed(reads: Reads, said: object) -> None:
    """A connection that is trusted has to say that the address is verified."""
    one = {"user_id": "auth0|1"}

    assert reads(one, Trust())
    body = json.dumps({**TENANT, "user": user(one) | {"email_verified": said}}).encode()
    signup = parse_registered(body, Trust())
    assert isinstance(signup, SignUp)
    assert not signup.email_verified


@pytest.mark.parametrize(
    ("connection", "names", "believed"),
    [
        ({"name": "db"}, None, True),
        ({"name": "db", "strategy": "auth0"}, None, True),
        ({"name": "email", "strategy": "email"}, None, True),
        ({"name": "acme", "strategy": "samlp"}, None, False),
        ({"name": "auth0", "strategy": "oidc"}, None, False),
        ({"name": "db"}, {"db"}, True),
        ({"name": "legacy"}, {"db"}, False),
        ({"name": "db"}, {"google-oauth2"}, False),
    ],
)
def test_registration(
    connection: dict[str, str], names: set[str] | None, *, believed: bool
) -> None:
    """It is judged by its own connection, since as yet there is no user."""
    body = {**TENANT, "user": {"email": "ada@example.com", "email_verified": True}}
    trust = Trust() if names is None else Trust(frozenset(names))
    signup = parse_registration(json.dumps(body | {"connection": connection}).encode(), trust)

    assert isinstance(signup, SignUp)
    assert signup.email_verified is believed


def test_no_enterprise_strategy_is_believed_by_default() -> None:
    """Nor any that lets a directory in, or is of an unknown maker."""
    assert not TRUSTED & set(ENTERPRISE)
    assert STRATEGIES > TRUSTED
    assert set(ENTERPRISE) <= STRATEGIES
