"""Packages imported without modules that they bring along and no call of ours reaches."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def without(*names: str, but: ModuleType | None = None) -> Iterator[None]:
    """Let an empty module stand for each one that nobody has imported so far; or `but`, for it.

    Whoever imports one afterwards gets the real one, whatever else was imported meanwhile: only who
    is imported in the block keeps the empty one. What each use of this saves stands beside it.
    """
    absent = [name for name in names if name not in sys.modules]
    for name in absent:
        sys.modules[name] = but or _Empty(name)
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextmanager
def not_installed(*names: str) -> Iterator[None]:
    """Let who looks whether it may use one find none, unless somebody has imported it so far."""
    absent = [name for name in names if name not in sys.modules]
    # https://docs.python.org/3/reference/import.html#the-module-cache: not to be found.
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


class _Empty(ModuleType):
    """A module whose names can be imported, and are of no use."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return object
