"""The standard streams: there, with a character for everything, and written to their end."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from customerlink.cli.errors import CliError, Exit


class UnwrittenError(CliError):
    """What the output goes to takes no more."""

    def __init__(self) -> None:
        """Say so: whoever reads the output has not all of it."""
        super().__init__("The output could not be written to its end.", "Is the disk full?")


def prepare() -> None:
    """Put the null device in the place of what is closed, and let no character stop the program.

    Python has None there, and the system gives the number to the next file that is opened, which
    everything would then be written into.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
    for each in (sys.stdout, sys.stderr):
        if isinstance(each, io.TextIOWrapper):
            # Another program reads a plan, or a document, as UTF-8 whatever the locale.
            each.reconfigure(encoding=None if each.isatty() else "utf-8", errors="replace")


@contextmanager
def written() -> Iterator[None]:
    """Raise where what the block has said cannot be written; end as the shell's own do at a pipe.

    Python itself would tell of it once nobody can answer, and exit with a code of its own.
    """
    try:
        yield
    finally:
        failed = [error for each in (sys.stdout, sys.stderr) if (error := _unwritten(each))]
        if any(each.errno == errno.EPIPE for each in failed):
            sys.exit(int(Exit.FAILED))
        if failed:
            raise UnwrittenError


def _unwritten(stream: TextIO) -> OSError | None:
    """Return what keeps a stream from being written, which gets the rest no more then."""
    try:
        stream.flush()
    except OSError as error:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return error
    return None
