"""The tenant stand-in: Auth0's semantics, by Actions written for the purpose."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.tenant import ActionHost, Tenant

type Logged = Callable[[str], Tenant]


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[Logged]:
    """Return tenants that run a body of JavaScript as their Action."""
    hosts: list[ActionHost] = []

    def made(javascript: str) -> Tenant:
        action = tmp_path / f"action-{len(hosts)}.js"
        action.write_text(f"exports.onExecutePostLogin = async (event, api) => {{ {javascript} }};")
        hosts.append(ActionHost(action))
        return Tenant(hosts[-1].__enter__(), {"KEY": "value"})

    yield made
    for host in hosts:
        host.__exit__()


def test_logins_count_goes_up_before_the_action_and_with_a_denial(tenant: Logged) -> None:
    """The second login of a denied user has a count of 2."""
    one = tenant("api.access.deny(`count ${event.stats.logins_count}`);")
    user = one.add_user()

    assert [one.login(user).denial for _ in range(2)] == ["count 1", "count 2"]


def test_no_log_in_no_count(tenant: Logged) -> None:
    """A renewal of tokens and a silent log-in run the Action, and are not counted."""
    one = tenant("api.access.deny(`count ${event.stats.logins_count}`);")
    user = one.add_user()
    one.login(user)
    denials = [
        one.login(user, protocol="oauth2-refresh-token").denial,
        one.login(user, silent=True).denial,
    ]

    assert denials == ["count 1"] * 2


def test_metadata_is_written_at_the_end_and_with_a_denial(tenant: Logged) -> None:
    """Merged at the first level; null removes a key; deny does not throw."""
    one = tenant(
        "api.access.deny('no'); api.user.setAppMetadata('a', 1); "
        "api.user.setAppMetadata('gone', null); event.user.app_metadata.b = 2;",
    )
    user = one.add_user(app_metadata={"gone": True, "kept": {"deep": 1}})
    login = one.login(user)

    assert login.decision == "deny"
    assert one.users[user]["app_metadata"] == {"kept": {"deep": 1}, "a": 1}


def test_uncaught_error_denies_with_its_text(tenant: Logged) -> None:
    """A misspelt method is one too."""
    one = tenant("throw new Error('oops');")
    other = tenant("api.access.refuse('no');")

    assert one.login(one.add_user()).denial == "oops"
    assert "not a function" in (other.login(other.add_user()).denial or "")


def test_claims_only_without_a_denial(tenant: Logged) -> None:
    """A denied login has no tokens."""
    javascript = "api.idToken.setCustomClaim('a', 1);"
    one, other = tenant(javascript), tenant(f"{javascript} api.access.deny('no');")

    assert one.login(one.add_user()).claims == {"a": 1}
    assert other.login(other.add_user()).claims == {}


def test_lost_metadata(tenant: Logged) -> None:
    """An Auth0 that loses the writes at the end of the flow."""
    one = tenant("api.user.setAppMetadata('a', 1);")
    one.loses_metadata = True
    user = one.add_user()
    one.login(user)

    assert one.users[user]["app_metadata"] == {}


def test_event(tenant: Logged) -> None:
    """Secrets, tenant, connection and the user's profile; the log is kept."""
    one = tenant(
        "const { secrets, tenant, connection, user } = event;"
        "console.log(secrets.KEY, tenant.id, connection.strategy, user.name);",
    )
    one.login(one.add_user(name="Ada"), "google-oauth2")

    assert one.host.logs == ["value acme google-oauth2 Ada"]
