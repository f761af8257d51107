"""The repository stands by itself."""

import re
import subprocess

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
        if file.is_file()
        for path in UPWARDS.findall(file.read_text(errors="ignore"))
    ]

    assert paths
    assert [
        (file.relative_to(ROOT), target)
        for file, target in paths
        if not target.is_relative_to(ROOT) or not target.exists()
    ] == []
