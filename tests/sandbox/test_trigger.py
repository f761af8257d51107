"""The Action's world: our fixtures, our tenant and our Actions against the trigger's list."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sandbox.auth0.connections import STRATEGIES
from sandbox.tenant import ActionHost, Tenant

ROOT = Path(__file__).parents[2]
TRIGGER = json.loads((ROOT / "src/sandbox/auth0/post_login.json").read_text())
EVENT = Draft202012Validator(TRIGGER["event"])
FIXTURES = sorted((ROOT / "tests/fixtures/logins").glob("*.json"))
ACTION = (ROOT / "src/actions/dist/post-login.js").read_text()


def complaints(event: Any) -> list[str]:
    """Return what is wrong with an event."""
    return [f"{each.json_path}: {each.message}" for each in EVENT.iter_errors(event)]


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_fixtures_are_events_of_the_trigger(path: Path) -> None:
    """None missing, each of its type; the profile may have a connection's own."""
    event = json.loads(path.read_text())
    event["secrets"] = event.get("secrets", {})

    assert complaints(event) == []


@pytest.mark.parametrize("connection", STRATEGIES)
def test_the_tenant_gives_events_of_the_trigger(connection: str) -> None:
    """For every kind of connection, with and without a profile."""
    tenant = Tenant(ActionHost(), {"KEY": "value"})
    profiles: list[dict[str, Any]] = [
        {},
        {"email": "ada@example.com", "email_verified": True, "name": "Ada"},
    ]
    for profile in profiles:
        user = tenant.users[tenant.add_user(**profile)]

        assert complaints(tenant.event(copy.deepcopy(user), connection)) == []


def test_the_list_finds_a_wrong_event() -> None:
    """A misspelt field, a missing one, a wrong type."""
    event = json.loads(FIXTURES[0].read_text()) | {"secrets": {}}
    del event["user"]["created_at"]
    event["stats"]["logins_count"] = "1"
    event["conection"] = event["connection"]

    assert sorted(each.partition(":")[0] for each in complaints(event)) == [
        "$",
        "$.stats.logins_count",
        "$.user",
    ]


@pytest.mark.parametrize(
    ("action", "trigger", "expected"),
    [
        ("post-login", "post_login", ("access", "deny")),
        ("verify-email", "post_login", ("redirect", "sendUserTo")),
        ("pre-user-registration", "pre_user_registration", ("user", "setAppMetadata")),
        ("post-user-registration", "post_user_registration", None),
    ],
)
def test_the_actions_call_methods_of_their_trigger_only(
    action: str, trigger: str, expected: tuple[str, str] | None
) -> None:
    """Read off the code; each must be in the list."""
    code = (ROOT / f"src/actions/dist/{action}.js").read_text()
    methods = json.loads((ROOT / f"src/sandbox/auth0/{trigger}.json").read_text())["api"]
    used = set(re.findall(r"\bapi\.(\w+)\.(\w+)\(", code))

    assert expected in used if expected else not used
    for name, method in used:
        assert method in methods.get(name, []), f"api.{name}.{method}"
    assert len(re.findall(r"\bapi\b[^.,)\s]", code)) == 0, "another way to reach api"


@pytest.fixture
def misspelt(tmp_path: Path) -> Iterator[Any]:
    """Run our Action with a word exchanged."""
    hosts: list[ActionHost] = []

    def login(right: str, wrong: str) -> str | None:
        assert right in ACTION
        path = tmp_path / f"action-{len(hosts)}.js"
        path.write_text(ACTION.replace(right, wrong))
        hosts.append(ActionHost(path).__enter__())
        tenant = Tenant(hosts[-1], {"CUSTOMERLINK_URL": "http://127.0.0.1:9/"})
        login = tenant.login(tenant.add_user(email="ada@example.com"))
        return " ".join([login.denial or "", *hosts[-1].logs])

    yield login
    for host in hosts:
        host.__exit__()


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("api.access.deny(", "api.access.refuse(", "not a function"),
        ("api.user.setAppMetadata(", "api.user.setMetadata(", "TypeError"),
        ("event.stats?.logins_count", "event.stats?.login_count", "TypeError"),
        ("event.secrets ?? {}", "event.secret ?? {}", "TypeError"),
    ],
)
def test_a_misspelt_word_fails(misspelt: Any, right: str, wrong: str, told: str) -> None:
    """In our own Action: a method or a field that the trigger does not have."""
    assert told in misspelt(right, wrong)
