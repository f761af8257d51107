"""What every command has: its settings, what it asks a person, and where it keeps things."""

import io
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import questionary

from customerlink.cli.config import Config, Mode
from customerlink.cli.deployment import Deployment
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.output import Output
from customerlink.cli.session import Session, session, stripe_key_given
from customerlink.cli.stored_secret import StoredSecret


@dataclass
class Person:
    """Somebody at a terminal, or nobody: what is asked, and what is answered."""

    answer: Any = None
    asked: list[str] = field(default_factory=list)

    def question(self, text: str, **_: object) -> "Person":
        """Take a question."""
        self.asked.append(text)
        return self

    def ask(self) -> Any:
        """Answer it."""
        return self.answer

    unsafe_ask = ask


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Person:
    """Return somebody at a terminal."""
    made = Person()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(questionary, "password", made.question)
    monkeypatch.setattr(questionary, "confirm", made.question)
    return made


@pytest.fixture
def piped(person: Person, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return a pipe in the terminal's place."""
    assert person.asked == []
    made = io.StringIO()
    monkeypatch.setattr(sys, "stdin", made)
    return made


def begun(**settings: Any) -> Session:
    """Begin a command with these settings."""
    context: Any = SimpleNamespace(obj=lambda: Config(**settings), meta={})
    return session(context, as_json=True)


class TestClientSecret:
    """Asked for where there is somebody to ask, and nothing else."""

    def test_given(self, person: Person) -> None:
        """By the environment: nobody is asked."""
        assert begun(client_id="id", client_secret="given").config.client_secret == "given"
        assert person.asked == []

    def test_asked_for(self, person: Person) -> None:
        """What a paste brings along is cut off."""
        person.answer = " typed\n"

        assert begun(client_id="id").config.client_secret == "typed"
        assert person.asked == ["Auth0 client secret:"]

    def test_no_client(self, person: Person) -> None:
        """There is no secret without one."""
        assert begun().config.client_secret == ""
        assert person.asked == []

    def test_nobody_to_ask(self, person: Person, piped: io.StringIO) -> None:
        """Who needs it says so later."""
        assert not piped.isatty()
        assert begun(client_id="id").config.client_secret == ""
        assert person.asked == []


class TestStripeKey:
    """Never from an argument, which others on the machine may see."""

    def test_from_a_pipe(self, person: Person, piped: io.StringIO) -> None:
        """Its first line."""
        piped.write(" rk_test_0 \nsomething else\n")
        piped.seek(0)

        assert stripe_key_given(Output(as_json=False)) == "rk_test_0"
        assert person.asked == []

    def test_asked_for(self, person: Person, capsys: pytest.CaptureFixture[str]) -> None:
        """After what it has to be allowed."""
        person.answer = " rk_test_0\n"

        assert stripe_key_given(Output(as_json=False)) == "rk_test_0"
        assert person.asked == ["Stripe key (rk_…):"]
        assert "Customers: Write" in capsys.readouterr().out


class TestConfirm:
    """Before anything changes in live mode."""

    def test_test_mode(self, person: Person) -> None:
        """Nobody is asked."""
        begun().confirm("Install", yes=False)

        assert person.asked == []

    def test_said_already(self, person: Person) -> None:
        """By a flag."""
        begun(mode=Mode.LIVE).confirm("Install", yes=True)

        assert person.asked == []

    def test_yes(self, person: Person) -> None:
        """The question says what is to be changed, and where."""
        person.answer = True
        begun(mode=Mode.LIVE, domain="acme.us.auth0.com").confirm("Install", yes=False)

        assert person.asked == [
            "Install in LIVE mode, tenant acme.us.auth0.com, stack customer-link?"
        ]

    @pytest.mark.parametrize("answer", [False, None])
    def test_no(self, person: Person, answer: Any) -> None:
        """Or nothing, as by Ctrl-C: the command ends."""
        person.answer = answer
        with pytest.raises(CliError, match="Nothing was changed") as raised:
            begun(mode=Mode.LIVE).confirm("Install", yes=False)

        assert raised.value.code == Exit.INTERRUPTED

    @pytest.mark.usefixtures("piped")
    def test_nobody_to_ask(self) -> None:
        """The flag is named."""
        with pytest.raises(CliError, match="has to be confirmed") as raised:
            begun(mode=Mode.LIVE).confirm("Install", yes=False)

        assert (raised.value.fix, raised.value.code) == ("--yes", Exit.USAGE)


class TestFolder:
    """Where a profile's comparisons are remembered."""

    def test_given(self, tmp_path: Path) -> None:
        """By a flag."""
        assert begun(profile="live").folder(tmp_path) == tmp_path

    def test_state_home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As the XDG base directories have it; each profile has its own."""
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

        assert begun(profile="live").folder(None) == tmp_path / "customerlink" / "live"

    def test_home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where nothing is set."""
        monkeypatch.delenv("XDG_STATE_HOME", raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))

        assert begun().folder(None) == tmp_path / ".local/state/customerlink/default"


class TestOwnProbe:
    """Stripe, asked by the deployment's own key."""

    @pytest.fixture
    def stored(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
        """Return the deployment's secret, which a test may set."""
        made: dict[str, str | None] = {"key": None}

        def read_secret(_: Deployment) -> StoredSecret:
            return StoredSecret(made["key"])

        monkeypatch.setattr(Deployment, "read_secret", read_secret)
        return made

    def test_with_a_key(self, stored: dict[str, str | None]) -> None:
        """Of the profile's mode."""
        stored["key"] = "rk_test_0"

        assert begun(region="us-east-1").own_probe().key.value == "rk_test_0"

    def test_without_one(self, stored: dict[str, str | None]) -> None:
        """The command that puts one in is named."""
        assert stored["key"] is None
        with pytest.raises(CliError, match="has no Stripe key yet") as raised:
            begun(region="us-east-1").own_probe()

        assert raised.value.fix == "customerlink install"


@pytest.mark.parametrize(("seconds", "is_told"), [(0.5, False), (40.0, True)])
def test_wait_for_a_turn(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    seconds: float,
    *,
    is_told: bool,
) -> None:
    """A long one is told: a silent minute would pass for a program that hangs."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    begun()._wait(seconds)

    assert slept == [seconds]
    assert ("no turn left: going on in 40 s" in capsys.readouterr().err) is is_told
