"""In a terminal: what is asked for, without echo, and what a person has to say yes to."""

import os
import pty
import select
import subprocess
import sys
import time

import pytest
from tests.cli.conftest import ACTION, FOREIGN, Cli

from sandbox.patience import PATIENCE_SECONDS
from sandbox.sandbox import Sandbox


class Terminal:
    """The program in a terminal of its own."""

    def __init__(self, *words: str) -> None:
        """Start it."""
        self._screen, inside = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "customerlink.cli.main", *words],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm"},
            start_new_session=True,
        )
        os.close(inside)
        self.shown = ""

    def until(self, text: str) -> None:
        """Read until a text is on the screen."""
        end = time.monotonic() + PATIENCE_SECONDS
        while text not in self.shown:
            if time.monotonic() > end:
                raise TimeoutError(self.shown)
            if select.select([self._screen], [], [], 0.1)[0]:
                self.shown += self._read()

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._screen, f"{text}\r".encode())

    def end(self) -> int:
        """Read to the end; return the exit code. A question that nobody expects is a failure."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            if time.monotonic() > end:
                self._process.kill()
                raise TimeoutError(self.shown)
            if not select.select([self._screen], [], [], 0.1)[0]:
                continue
            chunk = self._read()
            if not chunk:
                break
            self.shown += chunk
        os.close(self._screen)
        return self._process.wait(PATIENCE_SECONDS)

    def _read(self) -> str:
        try:
            return os.read(self._screen, 65536).decode(errors="replace")
        except OSError:  # the program has closed its side
            return ""


def test_key_is_asked_for_without_echo(cli: Cli, box: Sandbox) -> None:
    """Nothing of what is typed comes back to the screen."""
    terminal = Terminal("install")
    terminal.until("rk_…")
    terminal.type(box.stripe_key)
    # The policy, with what each choice means: the one that the stack has is the default.
    terminal.until("required: who has not verified")
    terminal.type("")

    assert terminal.end() == 0, terminal.shown
    assert box.stripe_key not in terminal.shown
    assert box.stripe_key[8:20] not in terminal.shown
    assert cli.stored()["stripe_restricted_key"] == box.stripe_key
    assert cli.flow() == [*FOREIGN, ACTION]


def test_client_secret_is_asked_for_too(
    cli: Cli, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the environment has none."""
    cli.install()
    client_id, secret = box.management.add_client()
    monkeypatch.setenv("AUTH0_CLIENT_ID", client_id)
    monkeypatch.delenv("AUTH0_CLIENT_SECRET")
    terminal = Terminal("uninstall", "--dry-run")
    terminal.until("client secret")
    terminal.type(secret)

    assert terminal.end() == 0, terminal.shown
    assert secret not in terminal.shown
    assert "would unbind" in terminal.shown


@pytest.mark.parametrize(("answer", "flow"), [("n", [*FOREIGN, ACTION]), ("y", [*FOREIGN])])
def test_live_mode_asks(cli: Cli, answer: str, flow: list[str]) -> None:
    """No is the default; the question names tenant and stack."""
    cli.install()
    cli.store_live_key()
    terminal = Terminal("--mode", "live", "uninstall")
    terminal.until("LIVE mode")
    terminal.type(answer)
    terminal.end()

    assert "stack customer-link" in terminal.shown
    assert cli.flow() == flow


def test_interrupted_at_the_prompt(cli: Cli) -> None:
    """Ctrl-C: a word, no stack trace, nothing changed."""
    terminal = Terminal("install")
    terminal.until("rk_…")
    terminal.type("\x03")

    assert terminal.end() == 130, terminal.shown
    assert "Traceback" not in terminal.shown
    assert (cli.stored(), cli.changes()) == ({}, [])


def test_input_ended_at_the_prompt(cli: Cli) -> None:
    """Ctrl-D: an answer is missing."""
    terminal = Terminal("install")
    terminal.until("rk_…")
    terminal.type("\x04")

    assert terminal.end() == 2, terminal.shown
    assert "The question was not answered." in terminal.shown
    assert cli.changes() == []
