"""Files that hold ids, addresses or secrets: nobody but their owner may read them."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_OTHERS = 0o077


@contextmanager
def only_for_their_owner() -> Iterator[None]:
    """Let every file be so that is made while the block runs, by libraries as well."""
    before = os.umask(_OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def private(path: Path) -> Path:
    """Return a file that is so before anything is in it, whoever could read it so far.

    Raise `OSError` where no file can be.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.touch(mode=0o600)
    # A device is no file of ours.
    if path.is_file():
        path.chmod(0o600)
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a private file to write, that takes another's place once the block has ended well.

    Raise `OSError` before it begins where no file can be.
    """
    if path.is_dir() or (path.exists() and not path.is_file()):
        # A device has no place to take.
        yield private(path)
        return
    part = path.resolve().with_name(f"{path.name}.part")
    try:
        yield private(part)
        part.replace(path.resolve())
    finally:
        part.unlink(missing_ok=True)


def keep_private(output: TextIO) -> None:
    """Let a file be so that the shell made, and that the output goes to: `repair > plan`."""
    try:
        status = os.fstat(output.fileno())
    except (OSError, ValueError):
        # It goes nowhere, or into somebody's memory.
        return
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
        os.fchmod(output.fileno(), 0o600)


def may_be_read_by_others(path: Path) -> bool:
    """Return whether others of this machine may read a file, or change it."""
    return os.name == "posix" and bool(path.stat().st_mode & _OTHERS)
