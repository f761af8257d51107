"""Packages imported without modules that they bring along and no call of ours reaches."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def without(name: str) -> Iterator[None]:
    """Let an empty module stand for one that nobody has imported so far.

    Whoever imports it afterwards gets the real one. What each use of this saves stands beside it.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        del sys.modules[name]
