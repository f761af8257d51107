"""`customerlink rotate signing-secret` where another tool declares the Actions."""

import time

import pytest
from tests.calling import report
from tests.cli.conftest import ACTION, Cli, Result
from tests.cli.declaring import ENV, apply, declare, given
from tests.cli.test_declared_install import worst

from customerlink.adapters.aws import secrets_manager
from customerlink.cli.errors import Exit
from customerlink.cli.output import Output
from customerlink.model.actions import SIGNING_SECRET

REFRESH = 0.5
QUICK = ["--refresh-seconds", "2.0", "--last-logins-seconds", "0.1"]


@pytest.fixture(autouse=True)
def declared(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a tool have put the Action in, and the function fetch the secret more often."""
    monkeypatch.setattr(secrets_manager, "REFRESH_SECONDS", REFRESH)
    declare(cli)
    assert cli("install", "--to-file", ENV, stdin=cli.box.stripe_key).code == 0
    apply(cli)


def rotate(cli: Cli, *words: str) -> Result:
    """Rotate, without waiting for long."""
    return cli("rotate", "signing-secret", "--to-file", ENV, *QUICK, *words)


def secrets(cli: Cli) -> list[str]:
    """Return the signing secrets that are valid."""
    found: list[str] = cli.stored()["action_signing_secrets"]
    return found


def log_in(cli: Cli, number: int) -> int:
    """Report a sign-up with the URL and the secret that the Action has; return the status."""
    had = cli.actions().secrets_of(ACTION)
    user = {"user_id": f"auth0|declared-{number}", "email": f"declared-{number}@example.com"}
    document = {"version": 1, "tenant": {"id": "acme"}, "user": user, "stats": {"logins_count": 1}}
    return report(had["CUSTOMERLINK_URL"], had[SIGNING_SECRET], document).status


def test_in_two_runs(cli: Cli) -> None:
    """It stops for the tool, goes on once that has run, and no login is refused on the way."""
    [old] = secrets(cli)
    first = rotate(cli)
    statuses = [log_in(cli, 1)]
    both = secrets(cli)
    apply(cli)
    statuses.append(log_in(cli, 2))
    second = rotate(cli)
    time.sleep(REFRESH)
    statuses.append(log_in(cli, 3))

    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert "run the same command again" in first.out
    assert "the only one" in second.out
    assert (both[0], both[1:]) == (old, secrets(cli))
    assert (statuses, worst(cli)) == ([200] * 3, [])


@pytest.mark.parametrize("times", [1, 2, 3])
def test_run_again_too_early(cli: Cli, times: int) -> None:
    """The same secret is handed over again, and both stay valid."""
    rotate(cli)
    both, handed = secrets(cli), given()
    for _ in range(times):
        assert rotate(cli, "--json").json()["done"] is False

    assert (secrets(cli), given()) == (both, handed)
    assert handed[SIGNING_SECRET] == both[1]


def test_the_tool_ran_with_the_old_one(cli: Cli) -> None:
    """A pipeline whose variables nobody changed sets the old one anew: no proof of the new."""
    old = given()
    rotate(cli)
    apply(cli, old)

    assert rotate(cli, "--json").json()["done"] is False
    assert len(secrets(cli)) == 2


def test_an_older_export_comes_back(cli: Cli) -> None:
    """It holds no secrets, and an older line about them: doctor is right, and it can be rotated."""
    [found] = cli.actions().list_page({"actionName": ACTION})["actions"]
    older = found["deployed_version"]["code"]
    rotate(cli)
    apply(cli)
    assert rotate(cli, "--json").json()["done"] is True
    apply(cli, code=older)
    content = worst(cli)
    before = secrets(cli)
    rotate(cli)
    apply(cli)
    done = rotate(cli, "--json").json()["done"]

    assert (content, done) == ([], True)
    assert secrets(cli) != before
    assert worst(cli) == []


def test_an_older_export_amid_a_rotation(cli: Cli) -> None:
    """Its line tells of the old one: both stay valid until the tool has run once more."""
    [found] = cli.actions().list_page({"actionName": ACTION})["actions"]
    rotate(cli)
    apply(cli)
    apply(cli, code=found["deployed_version"]["code"])

    assert rotate(cli, "--json").json()["done"] is False
    assert len(secrets(cli)) == 2
    apply(cli)
    assert rotate(cli, "--json").json()["done"] is True


def test_install_amid_a_rotation(cli: Cli) -> None:
    """It hands over what the Action has, which every function takes."""
    [old] = secrets(cli)
    rotate(cli)
    cli("install", "--to-file", ENV)
    before = given()[SIGNING_SECRET]
    rotate(cli)
    apply(cli)
    cli("install", "--to-file", ENV)

    assert (before, given()[SIGNING_SECRET]) == (old, secrets(cli)[1])


def test_without_a_file(cli: Cli) -> None:
    """Nothing is added that nobody gets."""
    before = secrets(cli)
    done = cli("rotate", "signing-secret", *QUICK)

    assert (done.code, secrets(cli)) == (Exit.USAGE, before)
    assert "--to-file" in done.err


def test_without_an_action(cli: Cli) -> None:
    """There is nobody who could get the new one."""
    [found] = cli.actions().list_page({"actionName": ACTION})["actions"]
    cli.actions().delete(found["id"], {"force": "true"})
    done = rotate(cli)

    assert (done.code, len(secrets(cli))) == (1, 1)
    assert "docs/declared.md" in done.err


def test_endpoint_that_does_not_take_the_new_one(cli: Cli) -> None:
    """Waited too short: it is not handed over."""
    cli.patch.setattr(secrets_manager, "REFRESH_SECONDS", 300.0)
    log_in(cli, 4)
    time.sleep(REFRESH)
    log_in(cli, 5)
    before = given()
    hasty = ["--refresh-seconds", "0", "--last-logins-seconds", "0"]
    done = cli("rotate", "signing-secret", "--to-file", ENV, *hasty)

    assert (done.code, given()) == (1, before)
    assert "both secrets stay valid" in done.err


def test_the_tool_runs_with_the_old_one_during_the_wait(cli: Cli) -> None:
    """Right before the old one is dropped the Actions are read again: both stay valid."""
    old = given()
    rotate(cli)
    apply(cli)
    real = Output.wait

    def wait(output: Output, why: str, seconds: float) -> None:
        apply(cli, old)
        real(output, why, seconds)

    cli.patch.setattr(Output, "wait", wait)
    done = rotate(cli, "--json").json()["done"]

    assert (done, len(secrets(cli)), log_in(cli, 6)) == (False, 2, 200)


def test_the_watch_knows_which_are_valid(cli: Cli) -> None:
    """Through a rotation it finds nothing; the dropped one, set again, is a finding."""
    assert cli("install").code == 0
    old = given()
    looks = [cli.box.look()]
    rotate(cli)
    apply(cli)
    looks.append(cli.box.look())
    assert rotate(cli, "--json").json()["done"] is True
    looks.append(cli.box.look())
    apply(cli, old)

    assert looks == [()] * 3
    assert cli.box.look() == ("post-login: secrets_set_anew",)
