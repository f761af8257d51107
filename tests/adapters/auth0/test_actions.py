"""A tenant's Actions: as doctor sees them, and what is no answer."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cli.conftest import foreign
from werkzeug.wrappers import Request, Response

from customerlink.adapters.auth0 import actions as adapter
from customerlink.adapters.auth0.actions import Auth0Actions
from customerlink.adapters.auth0.management import Management
from customerlink.adapters.connections import Connections
from customerlink.cli.config import Config
from customerlink.cli.tenant import Tenant
from customerlink.model.actions import REGISTRATION
from customerlink.model.errors import TenantUnavailableError
from customerlink.model.secret import Auth0Client
from sandbox.sandbox import Sandbox
from sandbox.serving import Server

TOKENS = "POST /oauth/token"


@pytest.fixture(scope="module")
def actions(running: Sandbox) -> Auth0Actions:
    """Return them over the sandbox, in which somebody has two."""
    for name in ("First", "Second"):
        foreign(running.management.actions, name)
    return over(running)


def over(box: Sandbox, *scopes: str) -> Auth0Actions:
    """Return them by an application with these scopes."""
    client_id, secret = box.management.add_client(scopes or ("read:actions",))
    return asked(Auth0Client(box.auth0_url, client_id, secret))


def asked(client: Auth0Client, connections: Connections | None = None) -> Auth0Actions:
    """Return them by an application, which tries once."""
    return Auth0Actions(Management(client, tries=1, connections=connections))


@pytest.mark.parametrize("name", ["First", "Second"])
def test_as_doctor_sees_them(box: Sandbox, actions: Auth0Actions, name: str) -> None:
    """The watch judges the same thing, the times of secrets included."""
    client_id, secret = box.management.add_client()
    config = Config(domain=box.auth0_url, client_id=client_id, client_secret=secret)
    by_doctor = Tenant(config)

    assert actions.find("post-login", name) == by_doctor.find(name)
    assert actions.flow("post-login") == tuple(each.action_id for each in by_doctor.bindings())


def test_nobodys(actions: Auth0Actions) -> None:
    """Another name, another trigger, an empty flow."""
    assert actions.find("post-login", "Fir") is None
    assert actions.find(REGISTRATION[0], "First") is None
    assert actions.flow(REGISTRATION[0]) == ()


def test_one_token_for_many_calls(box: Sandbox) -> None:
    """Auth0 counts those that it gives; one that is refused is asked for anew."""
    made = over(box)
    tokens = box.management._tokens
    before = len(tokens)
    made.flow("post-login")
    made.flow("post-login")
    assert len(tokens) == before + 1

    tokens.clear()
    assert len(made.flow("post-login")) == 2
    assert len(tokens) == 1


@pytest.mark.parametrize("scopes", [("read:users",), ("update:actions",), ("create:actions",)])
def test_scope_that_is_missing(box: Sandbox, scopes: tuple[str, ...]) -> None:
    """The API enforces them: without `read:actions` nothing is read."""
    with pytest.raises(TenantUnavailableError, match="status 403"):
        over(box, *scopes).flow("post-login")


def test_wrong_secret(box: Sandbox) -> None:
    """No token, no call."""
    client = Auth0Client(box.auth0_url, "nobody", "wrong")
    with pytest.raises(TenantUnavailableError, match="status 401"):
        asked(client).flow("post-login")


@pytest.mark.parametrize("status", [429, 500, 503, 302])
def test_status(status: int) -> None:
    """Anything but a success is no answer, and its text stays out."""
    with (
        Server(Response("hidden", status)) as server,
        pytest.raises(TenantUnavailableError, match=f"status {status}") as raised,
    ):
        asked(Auth0Client(server.url, "a", "b")).flow("post-login")

    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(
    "body", ["", "no JSON", "[]", "{}", '{"bindings": {}}', "[" * 100_000, '{"bindings": null}']
)
def test_something_else_that_answers(body: str) -> None:
    """A page of somebody's, or a document without what was asked for."""

    @Request.application
    def application(request: Request) -> Response:
        given = '{"access_token": "t", "expires_in": 86400}'
        return Response(given if request.path == "/oauth/token" else body)

    with (
        Server(application) as server,
        pytest.raises(TenantUnavailableError, match="something else"),
    ):
        asked(Auth0Client(server.url, "a", "b")).flow("post-login")


@pytest.fixture
def odd() -> Iterator[tuple[Auth0Actions, list[Any]]]:
    """Return them over a tenant that answers with a list which a test fills."""
    listed: list[Any] = []

    @Request.application
    def application(_: Request) -> Response:
        return Response(json.dumps({"access_token": "t", "actions": listed, "bindings": listed}))

    with Server(application) as server:
        yield asked(Auth0Client(server.url, "a", "b")), listed


@pytest.mark.parametrize(
    "changes",
    [
        {"deployed_version": "x", "secrets": "x"},
        {"secrets": [{"name": "A", "updated_at": "soon"}, "x"], "deployed_version": {}},
        {"runtime": None, "code": None, "deployed_version": {"secrets": [None]}},
    ],
)
def test_odd_action(odd: tuple[Auth0Actions, list[Any]], changes: dict[str, Any]) -> None:
    """It is none that is in order, and no bug."""
    actions, listed = odd
    listed += [1, {"id": "act_1", "name": "A", **changes}]
    found = actions.find("post-login", "A")

    assert found is not None
    assert not any(found.deployed_secrets.values())
    assert not found.deployed_code


def test_odd_binding(odd: tuple[Auth0Actions, list[Any]]) -> None:
    """A place without an Action is nobody's."""
    actions, listed = odd
    listed += [1, {}, {"action": None}, {"action": {"id": "act_1"}}]

    assert actions.flow("post-login") == ("", "", "", "act_1")


def test_no_connection_is_kept(box: Sandbox) -> None:
    """By the next run, minutes later, it may be dead without a word."""
    connections = Connections()
    client_id, secret = box.management.add_client(("read:actions",))
    client = Auth0Client(box.auth0_url, client_id, secret)
    asked(client, connections).flow("post-login")

    assert not any(connections._idle.values())


def test_nobody_listens() -> None:
    """The kind of error is told."""
    client = Auth0Client("http://127.0.0.1:9", "a", "b")
    with pytest.raises(TenantUnavailableError, match="no answer: ConnectionRefusedError"):
        asked(client).flow("post-login")


def test_times() -> None:
    """In the one form that notes have, however many digits Auth0 writes."""
    forms = ["2026-07-01T00:00:00.000Z", "2026-07-01T00:00:00Z", "2026-07-01T00:00:00+00:00"]

    assert {adapter._time(each) for each in forms} == {"2026-07-01T00:00:00+00:00"}
