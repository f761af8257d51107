"""One run at a time in a folder, whatever became of the run before."""

import subprocess
import sys
from pathlib import Path

import pytest

from customerlink.adapters.locked import InUseError, locked

HOLDER = """
import sys, time
from pathlib import Path
from customerlink.adapters.locked import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_second_run(tmp_path: Path) -> None:
    """It is refused while the first one runs; afterwards nothing is left, and it may run."""
    with locked(tmp_path / "a"), pytest.raises(InUseError), locked(tmp_path / "a"):
        pytest.fail("two at once")
    with locked(tmp_path / "a"), locked(tmp_path / "b"):
        pass
    assert [*tmp_path.iterdir()] == []


def test_run_that_failed(tmp_path: Path) -> None:
    """It lets go."""
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "a"):
        raise ZeroDivisionError
    with locked(tmp_path / "a"):
        pass


def test_run_that_was_killed(tmp_path: Path) -> None:
    """Its lock locks nobody out."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "a")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(InUseError), locked(tmp_path / "a"):
            pytest.fail("two at once")
        process.kill()
        process.wait()
    assert (tmp_path / "a.lock").exists()
    with locked(tmp_path / "a"):
        pass
