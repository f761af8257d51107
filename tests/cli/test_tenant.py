"""The Auth0 side of a deployment: what Auth0 refuses, and what takes too long."""

from pathlib import Path
from typing import Any

import pytest
from tests.fakes import FakeClock

from customerlink.adapters.auth0.errors import Auth0RefusedError
from customerlink.adapters.auth0.management import Grant, Management
from customerlink.cli import tenant as tenant_of
from customerlink.cli.config import Config
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.tenant import BUILD_SECONDS, EXPORT_SECONDS, SCOPES, Tenant
from customerlink.model.actions import LOGIN, REGISTRATION

CONFIG = Config(domain="acme.us.auth0.com", client_id="tools", client_secret="hidden")


class Auth0(Management):
    """A Management API that answers each request alike, and keeps what it was asked."""

    def __init__(self, answer: object = None, scope: str = "") -> None:
        """Take an answer, or what is raised, and what was granted."""
        self._grant = Grant({"access_token": "", "scope": scope})
        self._said = answer
        self.asked: list[str] = []

    def ask(self, method: str, path: str, _body: object = None) -> Any:
        """Answer."""
        self.asked.append(f"{method} {path}")
        if isinstance(self._said, Exception):
            raise self._said
        return self._said() if callable(self._said) else self._said


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Return the clock by which builds and exports are waited for."""
    made = FakeClock()
    monkeypatch.setattr(tenant_of, "time", made)
    return made


def tenant(auth0: Auth0, clock: FakeClock | None = None) -> Tenant:
    """Return a tenant that answers so."""
    made = Tenant(CONFIG, sleep=(clock or FakeClock()).sleep)
    made.__dict__["_management"] = auth0
    return made


@pytest.mark.parametrize("name", ["client_id", "client_secret"])
def test_settings(name: str) -> None:
    """One that is missing is named before anything is called."""
    given = {"domain": "acme.us.auth0.com", "client_id": "a", "client_secret": "b", name: ""}
    with pytest.raises(CliError, match=f"The Auth0 {name} is missing") as raised:
        Tenant(Config(**given)).find("Customer Link")  # type: ignore[arg-type]

    assert raised.value.code == Exit.USAGE


@pytest.mark.parametrize("lacking", [(), SCOPES[:1], SCOPES])
def test_scopes(lacking: tuple[str, ...]) -> None:
    """Those that the client was not granted, in our order."""
    granted = ["read:users", *(each for each in SCOPES if each not in lacking)]

    assert tenant(Auth0(scope=" ".join(granted))).missing_scopes() == lacking


def test_triggers() -> None:
    """The same tenant for each of them, by one token."""
    login = tenant(Auth0())
    other = login.at(REGISTRATION[0])

    assert (login.trigger, other.trigger) == (LOGIN, REGISTRATION[0])
    assert other._management is login._management


class TestCreate:
    """What Auth0 refuses a new Action for."""

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (
                Auth0RefusedError(409, {}, {}),
                "has an Action Customer Link already, for",
            ),
            (Auth0RefusedError(403, {}, {"message": "hidden"}), "takes no more Actions"),
            (Auth0RefusedError(403, {}, "hidden"), "takes no more Actions"),
        ],
    )
    def test_sentence(self, error: Exception, said: str) -> None:
        """Each has its own, without Auth0's text."""
        with pytest.raises(CliError, match=said) as raised:
            tenant(Auth0(error)).create("Customer Link", "", {})

        assert raised.value.code == Exit.REFUSED
        assert "hidden" not in raised.value.message

    def test_anything_else_with_a_code(self) -> None:
        """A scope that is missing is told by whoever tells of all errors."""
        error = Auth0RefusedError(403, {}, {"errorCode": "insufficient_scope"})

        with pytest.raises(Auth0RefusedError):
            tenant(Auth0(error)).create("Customer Link", "", {})


class TestDeploy:
    """A draft has to be built first."""

    @pytest.mark.parametrize(
        ("status", "said"), [("failed", "could not build"), ("building", "has not built")]
    )
    def test_not_built(self, clock: FakeClock, status: str, said: str) -> None:
        """It is not deployed; one that is not built yet is waited for, and not for ever."""
        start = clock.now
        with pytest.raises(CliError, match=said):
            tenant(Auth0({"status": status}), clock).deploy("act_1")

        waited = clock.now - start
        assert waited == 0 if status == "failed" else waited > BUILD_SECONDS

    def test_built_in_the_end(self, clock: FakeClock) -> None:
        """It is deployed once."""
        states = ["building", "building", "built", "deployed"]
        auth0 = Auth0(lambda: {"status": states.pop(0)})
        tenant(auth0, clock).deploy("act_1")

        reads = ["GET actions/actions/act_1"] * 3
        assert auth0.asked == [*reads, "POST actions/actions/act_1/deploy"]


class TestExport:
    """All users in a file."""

    @pytest.mark.parametrize(
        ("status", "said"), [("failed", "users failed"), ("processing", "takes too long")]
    )
    def test_no_file(self, clock: FakeClock, tmp_path: Path, status: str, said: str) -> None:
        """There is nothing to wait for, or no more time to."""
        start = clock.now
        auth0 = Auth0({"id": "job_1", "status": status})
        with pytest.raises(CliError, match=said):
            tenant(auth0, clock).export_users(tmp_path / "users.json.gz")

        waited = clock.now - start
        assert waited == 0 if status == "failed" else waited > EXPORT_SECONDS
        assert not (tmp_path / "users.json.gz").exists()
