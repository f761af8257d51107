"""One run at a time in a folder: a lock that the system lets go of with its process."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from customerlink.model.errors import CustomerLinkError

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class InUseError(CustomerLinkError):
    """Another run is at work there."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder while the block runs; raise `InUseError` for one that is in.

    The lock is a file beside the folder, which is gone afterwards. One that a killed run left
    locks nobody out.
    """
    file = folder.with_name(f"{folder.name}.lock")
    descriptor = _opened(file)
    try:
        yield
    finally:
        # Still locked: whoever opens it from now on makes a new one. Windows keeps an open file.
        with suppress(OSError):
            file.unlink()
        os.close(descriptor)


def _opened(file: Path) -> int:
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
            if _is_at(file, descriptor):
                return descriptor
        except OSError:
            os.close(descriptor)
            raise InUseError(f"Another run is at work in {file.parent}") from None
        # The one that had it deleted it meanwhile.
        os.close(descriptor)


def _is_at(file: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
