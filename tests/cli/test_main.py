"""The program: its verbs, the flags that all of them have, and how it ends."""

import json
from pathlib import Path
from typing import Any

import pytest

from customerlink.cli import main, verbs
from customerlink.cli.commands import version
from customerlink.cli.config import Config, Mode
from customerlink.cli.errors import CliError, Exit

VERBS = (
    *("backfill", "doctor", "install", "reassign", "release", "repair", "rotate", "uninstall"),
    *("sync", "verify", "version"),
)
VARIABLES = {
    "profile": "CUSTOMERLINK_PROFILE",
    "mode": "CUSTOMERLINK_MODE",
    "domain": "AUTH0_DOMAIN",
    "tenant": "CUSTOMERLINK_TENANT",
    "client_id": "AUTH0_CLIENT_ID",
    "client_secret": "AUTH0_CLIENT_SECRET",
    "stack": "CUSTOMERLINK_STACK",
    "region": "AWS_REGION",
    "aws_profile": "AWS_PROFILE",
    "plan": "CUSTOMERLINK_PLAN",
    "action_name": "CUSTOMERLINK_ACTION_NAME",
    "stripe_api_base": "CUSTOMERLINK_STRIPE_API_BASE",
    "stripe_key": "CUSTOMERLINK_STRIPE_KEY",
}
SECRET = "rk_test_hidden"
CHOSEN = {"mode": "live", "plan": "enterprise"}
OTHERS = {"mode": "test", "plan": "essentials"}


class Loaded:
    """What `load` was given, in place of it: every command ends there."""

    def __init__(self) -> None:
        """Start before any command."""
        self.given: tuple[Any, ...] = ()
        self.error: Exception = CliError("asked", "a way out", Exit.REFUSED)

    def __call__(self, *given: Any) -> Config:
        """Note it, and end the command."""
        self.given = given
        raise self.error

    def ended(self, *words: str) -> int:
        """Run a command; return its exit code."""
        with pytest.raises(SystemExit) as end:
            main.run([*words])
        return int(end.value.code or 0)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Loaded:
    """Return it, with nothing set in the environment."""
    made = Loaded()
    monkeypatch.setattr(main, "load", made)
    for each in VARIABLES.values():
        monkeypatch.delenv(each, raising=False)
    return made


def test_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    """The help names each of them."""
    with pytest.raises(SystemExit):
        main.run(["--help"])
    shown = capsys.readouterr().out

    assert all(f"\n  {each} " in shown for each in VERBS)


def test_nothing_is_given(loaded: Loaded) -> None:
    """A command that needs settings reads the file where it is."""
    loaded.ended("doctor")

    assert loaded.given == (None, None, dict.fromkeys(VARIABLES.keys() - {"profile"}))


def test_environment(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting has its variable."""
    values = {name: CHOSEN.get(name, f"the {name}") for name in VARIABLES}
    for name, variable in VARIABLES.items():
        monkeypatch.setenv(variable, values[name])
    loaded.ended("doctor")
    profile = values.pop("profile")

    assert loaded.given == (None, profile, values)


def test_flags(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each goes before its variable; a secret has none, since others see a program's flags."""
    secrets = {"client_secret", "stripe_key"}
    names = VARIABLES.keys() - secrets
    for name, variable in VARIABLES.items():
        monkeypatch.setenv(variable, CHOSEN.get(name, "the environment's"))
    values = {name: OTHERS.get(name, f"the {name}") for name in names}
    words = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
    loaded.ended("--config", "some.toml", *words, "doctor")
    profile = values.pop("profile")

    assert loaded.given == (
        Path("some.toml"),
        profile,
        values | dict.fromkeys(secrets, "the environment's"),
    )
    assert loaded.given[2]["mode"] is Mode.TEST


def test_no_settings_for_who_needs_none(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version is told without a file, and without a domain."""
    monkeypatch.setattr(version, "version_of", lambda _: "1.2.3")
    assert loaded.ended("version") == 0
    assert loaded.given == ()


@pytest.mark.parametrize("verb", verbs.VERBS)
def test_empty_argument(loaded: Loaded, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    """A variable that is not set asks for nobody, and for no folder, whatever the verb."""
    for words, told in [
        ((verb, ""), "The argument is empty."),
        ((verb, "ada@example.com", " \t"), "The argument is empty."),
        ((verb, "--folder", ""), "The argument behind --folder is empty."),
        ((verb, "--folder="), "The argument of --folder is empty."),
        (("--stack", " ", verb), "The argument behind --stack is empty."),
        ((verb, "", "--json"), "The argument is empty."),
    ]:
        assert loaded.ended(*words) == Exit.USAGE
        shown = "".join(capsys.readouterr())
        assert told in shown
        assert "ada@" not in shown
    assert loaded.given == ()


@pytest.mark.parametrize("verb", verbs.VERBS)
def test_argument_that_is_no_text(
    loaded: Loaded, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    """Bytes that are none of UTF-8's, as the shell hands them on, are no bug of the program's."""
    for words in ((verb, "\udcff\udcfe"), (verb, "--folder", "a\ud800"), (verb, "--html=\udcff")):
        assert loaded.ended(*words) == Exit.USAGE
        assert "An argument is no text." in capsys.readouterr().err
    assert loaded.given == ()


def test_expected_end(loaded: Loaded, capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence, the way out, and the exit code."""
    assert loaded.ended("doctor") == Exit.REFUSED
    assert capsys.readouterr() == ("", "✗ asked\n  → a way out\n")


def test_expected_end_for_machines(loaded: Loaded, capsys: pytest.CaptureFixture[str]) -> None:
    """One document instead."""
    loaded.ended("doctor", "--json")
    shown = capsys.readouterr()

    assert json.loads(shown.out) == {"error": "asked", "fix": "a way out", "exit_code": 4}
    assert shown.err == ""


def test_bug(loaded: Loaded, capsys: pytest.CaptureFixture[str]) -> None:
    """Its kind and its place: no stack trace, and no text, which may quote a key."""
    loaded.error = KeyError(SECRET)

    assert loaded.ended("doctor") == Exit.BUG
    shown = "".join(capsys.readouterr())
    assert "A bug: KeyError at __call__:" in shown
    assert SECRET not in shown
    assert "Traceback" not in shown


def test_unknown_word(capsys: pytest.CaptureFixture[str]) -> None:
    """The usage, and exit code 2."""
    with pytest.raises(SystemExit) as end:
        main.run(["dcotor"])

    assert end.value.code == Exit.USAGE
    assert "dcotor" in capsys.readouterr().err
