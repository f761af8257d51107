"""The verbs: their names and sentences without their modules, their modules when they are run."""

import subprocess
import sys
from pathlib import Path

import pytest

from customerlink.cli import commands
from customerlink.cli.verbs import VERBS, command

HEAVY = {"boto3", "botocore", "duckdb", "requests", "questionary", "rich", "stripe"}
LOADED = (
    "import sys; from customerlink.cli.main import run\n"
    "try:\n    run(sys.argv[1:])\nexcept SystemExit:\n"
    "    print(*{each.partition('.')[0] for each in sys.modules}, file=sys.stderr)"
)


def test_every_module_is_a_verb() -> None:
    """None is forgotten in the list."""
    [folder] = commands.__path__
    modules = {each.stem for each in Path(folder).glob("*.py")} - {"__init__"}

    assert {each.replace("-", "_") for each in VERBS} == modules


@pytest.mark.parametrize("verb", VERBS)
def test_sentences(verb: str) -> None:
    """What the list of all verbs says of one is the first sentence of its own help."""
    assert command(verb).get_short_help_str(200) == VERBS[verb]


@pytest.mark.parametrize("word", ["--help", "-h", "--version", "version", "docter", "--odd"])
def test_no_sdk_for_help(word: str) -> None:
    """What speaks to no service waits for the import of no SDK: that was nine tenths of a start."""
    run = [sys.executable, "-c", LOADED, word]
    done = subprocess.run(run, check=True, capture_output=True, text=True)

    assert "typer" in done.stderr.split()
    assert not HEAVY & set(done.stderr.split())


def test_only_its_own_sdks() -> None:
    """A verb's help imports what the verb needs: uninstalling compares nothing."""
    run = [sys.executable, "-c", LOADED, "uninstall", "-h"]
    done = subprocess.run(run, check=True, capture_output=True, text=True)

    assert done.stdout.splitlines()[0].startswith("Usage: customerlink uninstall")
    assert "Take out of the tenant" in done.stdout
