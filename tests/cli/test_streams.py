"""The standard streams: closed, or of an encoding that lacks what is said."""

import json
import os
import subprocess
import sys

import pytest
from tests.cli.commands.test_verify import sides
from tests.cli.conftest import Cli

__all__ = ["sides"]

WORDS = [["verify"], ["verify", "--json"], ["doctor"], ["version"], ["--help"]]


def ran(shell: str, words: list[str], **variables: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a command of a shell's, in which "$@" is the program."""
    program = [sys.executable, "-m", "customerlink.cli.main", *words]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    command = ["bash", "-c", shell, "bash", *program]
    return subprocess.run(command, env=variables, capture_output=True, check=False)


@pytest.mark.usefixtures("sides")
@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_closed(words: list[str]) -> None:
    """What nobody wants to read goes nowhere, and the exit code is the same."""
    whole, silent = ran('"$@"', words), ran('"$@" >&-', words)

    assert (silent.returncode, silent.stderr) == (whole.returncode, b"")


def test_closed_input_and_errors(cli: Cli) -> None:
    """No key comes of no input; who closed the errors has the exit code."""
    assert ran('"$@" <&-', ["install"]).returncode == 2
    assert ran('"$@" <&- 2>&-', ["install"]).returncode == 2
    assert cli.changes() == []


@pytest.mark.usefixtures("sides")
def test_nobody_listens_any_more() -> None:
    """As every program ends whose reader has gone: without a word, and not as if all was told."""
    done = ran('"$@" | true; exit ${PIPESTATUS[0]}', ["verify", "--json"])

    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.usefixtures("sides")
@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_encoding(words: list[str]) -> None:
    """A pipe gets UTF-8, whatever the locale says: another program reads it."""
    done = ran('"$@"', words, PYTHONIOENCODING="ascii")

    assert done.returncode != 70
    assert done.stdout.decode()


@pytest.mark.usefixtures("cli")
def test_document_of_an_error() -> None:
    """One document, in UTF-8."""
    done = ran('"$@"', ["whois", "ä", "--json"], PYTHONIOENCODING="ascii")

    assert json.loads(done.stdout)["exit_code"] == done.returncode


@pytest.mark.usefixtures("sides")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_full(words: list[str], unbuffered: str) -> None:
    """A person reads what became of it, and no program takes half an output for a whole one."""
    done = ran('"$@" > /dev/full', words, PYTHONUNBUFFERED=unbuffered)

    assert done.returncode == 1
    assert b" written" in done.stderr
    assert ran('"$@" 2> /dev/full', words, PYTHONUNBUFFERED=unbuffered).returncode == 0
