"""Packages imported without modules that they bring along and no call of ours reaches.

The pruned artifact depends on it, not only the cold start: Powertools imports `jmespath`, which
tools/build_artifact.py leaves out of the sign-up's function. Without an empty module in between,
the function would not start.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def without(name: str) -> Iterator[None]:
    """Let an empty module stand for one that nobody has imported so far.

    Whoever imports it afterwards gets the real one, whatever else was imported meanwhile: only who
    is imported in the block keeps the empty one. What each use of this saves stands beside it.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        del sys.modules[name]
