"""PostgreSQL, where the machine has it, with an empty cluster while the block runs."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.runtime import free_ports, wait_for


def has_postgres() -> bool:
    """Return whether the machine has the programs, and somebody who may run them."""
    found = all(shutil.which(each) for each in ("initdb", "postgres"))
    return found and (os.geteuid() != 0 or _has_user())


def version() -> str:
    """Return which one it is."""
    told = subprocess.run(["postgres", "--version"], check=True, capture_output=True, text=True)  # noqa: S607
    return told.stdout.split()[2]


@contextmanager
def postgres(*databases: str) -> Iterator[str]:
    """Return its URL, to which a database's name is added; everybody is trusted."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        who: dict[str, Any] = {"cwd": folder}
        if os.geteuid() == 0:  # PostgreSQL does not run as root.
            shutil.chown(folder, "postgres")
            who |= {"user": "postgres", "group": "postgres", "extra_groups": []}
        make = ["initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(make, check=True, capture_output=True, **who)
        create = "".join(f"CREATE DATABASE {each};\n" for each in databases)
        alone = ["postgres", "--single", "-D", str(data), "postgres"]
        subprocess.run(alone, input=create.encode(), check=True, capture_output=True, **who)
        port = free_ports(1)
        # Nothing is kept: the ledger's stand-in beside it writes no disk either.
        settings = ["-p", str(port), "-k", folder, "-c", "fsync=off", "-h", "127.0.0.1"]
        command = ["postgres", "-D", str(data), *settings]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, **who) as process:
            try:
                wait_for(port)
                yield f"postgresql://postgres@127.0.0.1:{port}"
            finally:
                process.terminate()


def _has_user() -> bool:
    return any(each.startswith("postgres:") for each in Path("/etc/passwd").read_text().split("\n"))
