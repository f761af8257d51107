"""The Auth0 side of a deployment: what Auth0 refuses, and what takes too long."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from auth0.management.errors import ConflictError, ForbiddenError
from tests.fakes import FakeClock

from customerlink.adapters.auth0.management import Grant, Management
from customerlink.cli import tenant as tenant_of
from customerlink.cli.config import Config
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.tenant import BUILD_SECONDS, EXPORT_SECONDS, SCOPES, Tenant
from customerlink.model.actions import LOGIN, REGISTRATION

CONFIG = Config(domain="acme.us.auth0.com", client_id="tools", client_secret="hidden")


class Auth0(Management):
    """A Management API of which a test sets the few calls that it needs."""

    def __init__(self, **calls: Any) -> None:
        """Take the SDK's clients by their names, and what was granted."""
        answer = {"access_token": "", "scope": calls.pop("scope", "")}
        self._grant = Grant(answer, SimpleNamespace(**calls))  # type: ignore[arg-type]

    def call[Result](self, request: Callable[[], Result]) -> Result:
        """Make a call."""
        return request()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Return the clock by which builds and exports are waited for."""
    made = FakeClock()
    monkeypatch.setattr(tenant_of, "time", made)
    return made


def tenant(clock: FakeClock | None = None, **calls: Any) -> Tenant:
    """Return a tenant that answers so."""
    made = Tenant(CONFIG, sleep=(clock or FakeClock()).sleep)
    made.__dict__["_management"] = Auth0(**calls)
    return made


def raising(error: Exception) -> Callable[..., Any]:
    """Return a call that fails."""

    def call(*_: object, **__: object) -> Any:
        raise error

    return call


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

    assert tenant(scope=" ".join(granted)).missing_scopes() == lacking


def test_triggers() -> None:
    """The same tenant for each of them, by one token."""
    login = tenant()
    other = login.at(REGISTRATION[0])

    assert (login.trigger, other.trigger) == (LOGIN, REGISTRATION[0])
    assert other._management is login._management


class TestCreate:
    """What Auth0 refuses a new Action for."""

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (ConflictError({}), "has an Action Customer Link already, for another trigger"),
            (ForbiddenError({"message": "hidden"}), "takes no more Actions"),
            (ForbiddenError("hidden"), "takes no more Actions"),
        ],
    )
    def test_sentence(self, error: Exception, said: str) -> None:
        """Each has its own, without Auth0's text."""
        actions = SimpleNamespace(create=raising(error))
        with pytest.raises(CliError, match=said) as raised:
            tenant(actions=actions).create("Customer Link", "", {})

        assert raised.value.code == Exit.REFUSED
        assert "hidden" not in raised.value.message

    def test_anything_else_with_a_code(self) -> None:
        """A scope that is missing is told by whoever tells of all errors."""
        error = ForbiddenError({"errorCode": "insufficient_scope"})
        actions = SimpleNamespace(create=raising(error))

        with pytest.raises(ForbiddenError):
            tenant(actions=actions).create("Customer Link", "", {})


class TestDeploy:
    """A draft has to be built first."""

    @pytest.mark.parametrize(
        ("status", "said"), [("failed", "could not build"), ("building", "has not built")]
    )
    def test_not_built(self, clock: FakeClock, status: str, said: str) -> None:
        """It is not deployed; one that is not built yet is waited for, and not for ever."""
        start = clock.now
        actions = SimpleNamespace(get=lambda _: SimpleNamespace(status=status))
        with pytest.raises(CliError, match=said):
            tenant(clock, actions=actions).deploy("act_1")

        waited = clock.now - start
        assert waited == 0 if status == "failed" else waited > BUILD_SECONDS

    def test_built_in_the_end(self, clock: FakeClock) -> None:
        """It is deployed once."""
        states, deployed = ["building", "building", "built"], list[str]()
        actions = SimpleNamespace(
            get=lambda _: SimpleNamespace(status=states.pop(0)), deploy=deployed.append
        )
        tenant(clock, actions=actions).deploy("act_1")

        assert (states, deployed) == ([], ["act_1"])


class TestExport:
    """All users in a file."""

    @pytest.mark.parametrize(
        ("status", "said"), [("failed", "users failed"), ("processing", "takes too long")]
    )
    def test_no_file(self, clock: FakeClock, tmp_path: Path, status: str, said: str) -> None:
        """There is nothing to wait for, or no more time to."""
        start = clock.now
        job = SimpleNamespace(id="job_1", status=status, location=None)
        jobs = SimpleNamespace(
            get=lambda _: job, users_exports=SimpleNamespace(create=lambda **_: job)
        )
        with pytest.raises(CliError, match=said):
            tenant(clock, jobs=jobs).export_users(tmp_path / "users.json.gz")

        waited = clock.now - start
        assert waited == 0 if status == "failed" else waited > EXPORT_SECONDS
        assert not (tmp_path / "users.json.gz").exists()
