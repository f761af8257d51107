"""How often a function looks for garbage."""

import subprocess
import sys

from tests.e2e.runtime import ROOT

CODE = """
import gc
looked = lambda: sum(each["collections"] for each in gc.get_stats())
import customerlink.functions
before = looked()
import customerlink.functions.post_login
print(gc.isenabled(), looked() - before)
"""


def test_seldom_while_it_starts() -> None:
    """What is imported stays, so it is not looked through; who makes more of it is, later on."""
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    is_enabled, looks = done.stdout.split()

    assert is_enabled == "True"
    assert int(looks) <= 1
