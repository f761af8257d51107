"""Frozen dataclasses that share their methods."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from typing import Any, ClassVar, Never, dataclass_transform


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen[Class](cls: type[Class]) -> type[Class]:
    """Make a class what `@dataclass(frozen=True)` makes of it.

    That compiles six methods for each class; these are written once, which saves an eighth of a
    cold start's processor time (docs/architecture.md, "Written by hand, and why"). What they need
    of a class's fields is looked up here, once.
    """
    for name in ("__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__"):
        if name not in vars(cls):
            setattr(cls, name, getattr(_Methods, name))
    made: Any = dataclass(init=False, repr=False, eq=False)(cls)
    every = fields(made)
    made.__names__ = frozenset(each.name for each in every)
    made.__compared__ = tuple(each.name for each in every if each.compare)
    made.__defaults__ = {each.name: each.default for each in every if each.default is not MISSING}
    made.__factories__ = {
        each.name: each.default_factory for each in every if each.default_factory is not MISSING
    }
    return cls


class _Methods:
    __match_args__: ClassVar[tuple[str, ...]]
    __names__: ClassVar[frozenset[str]]
    __compared__: ClassVar[tuple[str, ...]]
    __defaults__: ClassVar[Mapping[str, Any]]
    __factories__: ClassVar[Mapping[str, Callable[[], Any]]]

    def __init__(self, *args: object, **named: object) -> None:
        given = dict(zip(self.__match_args__, args, strict=False)) | named
        if len(given) < len(args) + len(named) or not given.keys() <= self.__names__:
            raise TypeError(f"{type(self).__name__}: a field is unknown, or was given twice")
        values = vars(self)
        values.update(self.__defaults__)
        values.update(given)
        for name, factory in self.__factories__.items():
            if name not in given:
                values[name] = factory()
        if len(values) < len(self.__names__):
            missing = sorted(self.__names__ - values.keys())
            raise TypeError(f"the field {missing[0]} is missing")
        if hasattr(self, "__post_init__"):
            self.__post_init__()

    def __repr__(self) -> str:
        shown = (f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)  # type: ignore[arg-type]  # of a class that `frozen` made
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return _compared(self) == _compared(other)

    def __hash__(self) -> int:
        return hash(_compared(self))

    def __setattr__(self, name: str, _: object) -> Never:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> Never:
        raise FrozenInstanceError(f"cannot delete field {name!r}")


def _compared(one: Any) -> tuple[object, ...]:  # noqa: ANN401 (any class that `frozen` made)
    return tuple(getattr(one, name) for name in one.__compared__)
