"""docs/cli.md, its picture, and the package that people install."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.e2e.runtime import ROOT
from tools.make_cli_docs import MARK, PAGE, page
from tools.record_cli import PICTURE, picture

from customerlink.cli.commands import doctor
from customerlink.cli.errors import Exit
from sandbox.patience import PATIENCE_SECONDS
from sandbox.tenant import ACTIONS


def words(svg: str) -> str:
    """Return what an SVG says, but for what differs from run to run."""
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    plain = " ".join(texts).replace("&#160;", " ")
    return re.sub(r"\s+", " ", re.sub(r"127\.0\.0\.1:\d+|\d+ ms", "…", plain))


def test_help_texts_are_current() -> None:
    """`make cli-docs` writes them."""
    assert PAGE.read_text() == page()


def test_exit_codes_are_documented() -> None:
    """Every one, and 0."""
    _, _, section = PAGE.read_text().partition("## Exit codes\n")
    codes = re.findall(r"^\| (\d+) \|", section.partition("\n## ")[0], re.MULTILINE)

    assert [*map(int, codes)] == [0, *Exit]


SPINNER = re.compile(r"[\u2800-\u28ff]")
"""What turns where the program is busy."""


def test_picture_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorded from the real program; it fetches nothing.

    Nothing is in it that a terminal wipes away, and nothing is cut, whatever the terminal is.
    """
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.setenv(name, "1")
    for name in ("CUSTOMERLINK_PROFILE", "CUSTOMERLINK_STACK", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    # That a busy machine is slow is no finding.
    monkeypatch.setattr(doctor, "SLOW_MILLISECONDS", PATIENCE_SECONDS * 1000)
    before = dict(os.environ), sys.stdin
    try:
        recorded = words(picture())
    finally:
        os.environ.clear()
        os.environ.update(before[0])
        sys.stdin = before[1]

    assert words(PICTURE.read_text()) == recorded
    assert not SPINNER.search(recorded)
    assert "customer-link is deployed: https://" in recorded
    assert "google-oauth2, apple, email, sms, legacy-users (auth0); not of acme-saml" in recorded
    assert "23 checks, 0 failed, 1 to look at." in recorded
    assert set(re.findall(r"https?://([^/\"<:]+)", PICTURE.read_text())) == {
        "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
        "dashboard.stripe.com",
        "www.w3.org",
    }


def test_installed_package(tmp_path: Path) -> None:
    """A wheel with the program and the Actions in it, as `uv tool install .` makes one."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    ask = (
        "from customerlink.adapters.built_actions import action_code\n"
        "import sys; sys.stdout.write(action_code())"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    done = subprocess.run(
        [sys.executable, "-c", ask], env=environment, capture_output=True, text=True, check=True
    )
    points = next((tmp_path / "installed").glob("*.dist-info")) / "entry_points.txt"

    assert done.stdout == (ACTIONS / "post-login.js").read_text()
    assert "customerlink = customerlink.cli.start:run" in points.read_text()
    assert not list((tmp_path / "installed").glob("sandbox*"))


OURS = re.compile(r"\blease[sd]?\b|stand-ins?\b(?!\.md)|sparse|conditional writ", re.IGNORECASE)
"""Words that only who built it would know."""


def test_help_is_in_plain_words() -> None:
    """No command's help has them."""
    _, mark, written = PAGE.read_text().partition(MARK)

    assert mark
    assert OURS.findall(written) == []


def test_targets_are_in_plain_words() -> None:
    """Nor in the list of make's targets, nor beside the template's parameters."""
    root = PICTURE.parents[1]
    targets = re.findall("## (.*)", (root / "Makefile").read_text())
    described = re.findall("Description: (.*)", (root / "template.yaml").read_text())

    assert [each for each in [*targets, *described] if OURS.search(each)] == []


def test_picture_is_of_a_real_looking_tenant() -> None:
    """None of this machine's addresses: it is to look as a deployment does."""
    text = PICTURE.read_text()

    assert "127.0.0.1" not in text
    assert "acme.eu.auth0.com" in text
    assert "amazonaws.com" in text
