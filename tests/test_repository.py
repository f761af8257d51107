"""The repository stands by itself."""

import re
import subprocess

import pytest
from tests.translation import ROOT

UPWARDS = re.compile(r"(?<![\w.])(?<!\w/)\.\./[\w./@-]*")
"""A path that begins above its file's folder, or above what a variable before it names."""


def test_no_path_leads_out_of_the_repository() -> None:
    """Each path upwards in a file leads from that file's folder to something in here."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = [ROOT / name for name in listed.stdout.splitlines()]
    paths = [
        (file, (file.parent / path).resolve())
        for file in files
        if file.is_file() and file.suffix != ".png"
        for path in UPWARDS.findall(file.read_text(errors="ignore"))
    ]

    assert paths
    assert [
        (file.relative_to(ROOT), target)
        for file, target in paths
        if not target.is_relative_to(ROOT) or not target.exists()
    ] == []


def attributes() -> dict[str, str]:
    """Return each tracked file's line ends: as they are stored, checked out, and asked for."""
    listed = subprocess.run(
        ["git", "ls-files", "--eol", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = [each.partition("\t") for each in listed.stdout.split("\0") if each]
    return {name: " ".join(told.split()) for told, _, name in lines}


def test_line_ends_are_the_same_on_every_machine() -> None:
    """The built Actions, which a tenant gets; scripts, which a shell reads; pages, and the rest.

    A picture has none.
    """
    found = attributes()

    assert {".ci/run", "tools/with_docker", "src/actions/dist/post-login.js"} <= {*found}
    assert {
        name: told
        for name, told in found.items()
        if not told.endswith("attr/text=auto eol=lf")
        or not told.startswith(("i/-text",) if name.endswith(".png") else ("i/lf", "i/none"))
    } == {}


HASTY = re.compile(r"\btimeout=\d[\d.]*(?! \*)")


def test_no_test_is_hasty() -> None:
    """How long is waited stands in one place, `sandbox.patience`: a busy machine takes its time."""
    files = [path for folder in ("tests", "src/sandbox") for path in (ROOT / folder).rglob("*.py")]
    hasty = {
        str(path.relative_to(ROOT)): found
        for path in files
        if (found := HASTY.findall(path.read_text()))
    }

    assert files
    assert hasty == {}


SECRETS = ["customerlink.toml", "customerlink.env", "examples/shop/customerlink.env"]


@pytest.mark.parametrize("name", SECRETS)
def test_what_may_hold_secrets_is_left_out(name: str) -> None:
    """The files that the docs have people write, wherever they are."""
    assert (
        subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False).returncode == 0
    )
