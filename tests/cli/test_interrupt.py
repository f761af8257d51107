"""Ctrl-C, whatever the command line is at: a sentence of what stands, and exit code 130."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.cli.commands.test_verify import sides, user
from tests.cli.conftest import Cli

from customerlink.cli import main, verbs
from customerlink.cli.commands import doctor
from customerlink.cli.errors import AGAIN
from sandbox.patience import PATIENCE_SECONDS

__all__ = ["sides"]

NEEDED = {
    "export": ["--format", "terraform"],
    "forget": ["auth0|1"],
    "reassign": ["cus_1", "--to", "auth0|1"],
    "release": ["ada@example.com"],
    "rotate": ["ticket-key"],
    "sync": ["auth0|1"],
    "whois": ["auth0|1"],
}
"""What a verb cannot do without."""


def interrupted(*_: object, **__: object) -> Any:
    """Be where somebody presses Ctrl-C."""
    raise KeyboardInterrupt


def amid_a_query(*_: object, **__: object) -> Any:
    """Be where DuckDB is asked, which makes an error of its own of it."""
    text = "Query interrupted"
    raise RuntimeError(text)


def ended(*words: str) -> int:
    """Run a command; return its exit code."""
    with pytest.raises(SystemExit) as end:
        main.run([*words])
    return int(end.value.code or 0)


@pytest.mark.parametrize("press", [interrupted, amid_a_query])
@pytest.mark.parametrize("verb", [each for each in verbs.VERBS if each != "version"])
def test_every_verb(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verb: str,
    press: Callable[..., Any],
) -> None:
    """It says so on standard error, says what stands, and how to go on."""
    monkeypatch.setattr(main, "load", press)
    code = ended(verb, *NEEDED.get(verb, []))
    shown = capsys.readouterr()
    is_reading = verb in {"doctor", "verify", "whois"}
    stands = (
        "nothing was changed" if is_reading else "what was done stands, and nothing is half-written"
    )
    fix = "Run the same command again." if is_reading else AGAIN

    assert (code, shown.out) == (130, "")
    assert shown.err.splitlines() == [f"✗ Interrupted: {stands}.", f"  → {fix}"]


def test_amid_the_import() -> None:
    """While the program itself is read: no stack trace of somebody's library."""
    code = (
        "import sys\n"
        "class Pressed:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'typer':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Pressed())\n"
        "from customerlink.cli.start import run\n"
        "run()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "✗ Interrupted: nothing was changed.\n  → Run the same command again.\n"


def test_amid_the_flags(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before there is a verb, which reads long as well."""
    monkeypatch.setattr("typer.core.TyperGroup.parse_args", interrupted)

    assert ended("verify") == 130
    assert "✗ Interrupted: nothing was changed." in capsys.readouterr().err


@pytest.mark.parametrize("where", ["only_for_their_owner", "_refuse_odd"])
def test_before_any_verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    """As soon as the program runs."""
    monkeypatch.setattr(main, where, interrupted)

    assert ended("verify") == 130
    assert "Interrupted" in capsys.readouterr().err


def test_for_machines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One document, and the sentence for whoever has pressed it."""
    monkeypatch.setattr(main, "load", interrupted)
    code = ended("verify", "--json")
    shown = capsys.readouterr()

    assert (code, json.loads(shown.out)["exit_code"]) == (130, 130)
    assert "✗ Interrupted: nothing was changed." in shown.err


def test_another_error_of_that_class_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every `RuntimeError` is somebody's Ctrl-C."""

    def broken(*_: object) -> Any:
        raise RuntimeError

    monkeypatch.setattr(main, "load", broken)

    assert ended("verify") == 70


def test_once_more(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Who presses it again while they are told is told all the same."""
    told = main._told

    def impatient(error: KeyboardInterrupt, *, as_json: bool) -> Any:
        signal.raise_signal(signal.SIGINT)
        return told(error, as_json=as_json)

    monkeypatch.setattr(main, "load", interrupted)
    monkeypatch.setattr(main, "_told", impatient)

    assert ended("verify") == 130
    assert "Interrupted" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_where_it_was(cli: Cli) -> None:
    """The last step that was told of is named."""
    cli.install()
    cli.patch.setattr("customerlink.cli.session.Session.tenant_name", interrupted)
    cli.patch.setattr(doctor, "Doctor", interrupted)
    done = cli("verify"), cli("doctor")

    assert [each.code for each in done] == [130, 130]
    assert all("nothing was changed" in each.err for each in done)


def test_amid_a_comparison(sides: Cli) -> None:
    """A process that reads a slow Stripe ends soon, and not only after the pages of all."""
    cli = sides
    user(cli, 1)
    cli.box.stripe.create({"email": "somebody@example.com"})
    cli.box.stripe.latency = 1.0
    process = subprocess.Popen(
        [sys.executable, "-m", "customerlink.cli.main", "verify"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lists = len(cli.box.stripe.requests)
    while process.poll() is None and len(cli.box.stripe.requests) < lists + 3:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE_SECONDS)
    cli.box.stripe.latency = 0.0

    assert process.returncode == 130, told
    assert "✗ Interrupted at " in told
    assert ": nothing was changed." in told
    assert "Traceback" not in told
    # Of 64 segments, 8 at a time.
    assert len(cli.box.stripe.requests) < lists + 64
