"""Packages imported without modules that they bring along and no call of ours reaches."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


@contextmanager
def without(*names: str, but: ModuleType | None = None) -> Iterator[None]:
    """Let an empty module stand for each one that nobody has imported so far; or `but`, for it.

    Whoever imports one afterwards gets the real one, whatever else was imported meanwhile. Who is
    imported in the block keeps the empty one, and reaches the real one by it as soon as it is used
    (but not by `but`). What each use of this saves stands beside it.
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
def instead_of(name: str, stand_in: ModuleType) -> Iterator[None]:
    """Let who is imported in the block get another module than everybody has, and keep it."""
    real = sys.modules[name]
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        sys.modules[name] = real


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
    """A module whose names can be imported; it is looked for when one of them is used."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever the real one has)
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            return _Absent(name, (), {"__module__": self.__name__})
        return getattr(import_module(self.__name__), name)


class _Absent(type):
    """Of what was taken from an empty module: a class, so that annotations can name it."""

    def __getattr__(cls, name: str) -> Any:  # noqa: ANN401 (likewise)
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(cls._real(), name)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (likewise)
        return cls._real()(*args, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls._real())

    def _real(cls) -> Any:  # noqa: ANN401 (likewise)
        module = import_module(cls.__module__)
        is_away = isinstance(module, _Empty)
        if is_away:
            raise AttributeError(cls.__name__)
        return getattr(module, cls.__name__)
