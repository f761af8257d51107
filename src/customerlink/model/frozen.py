"""Frozen classes like `dataclasses`' own, which share their methods.

Without that module: it brings `inspect` along, and compiles six methods for each class, which
together are a fifth of a cold start's imports (docs/architecture.md, "Written by hand, and why").
Whoever asks `dataclasses` about such a class gets an answer all the same.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Never, dataclass_transform

_MISSING = object()


class _Field:
    """What a field has beside its name."""

    def __init__(
        self,
        *,
        default: object = _MISSING,
        default_factory: Any = _MISSING,  # noqa: ANN401 (a callable, or none)
        repr: bool = True,  # noqa: A002 (as `dataclasses` calls it)
        compare: bool = True,
    ) -> None:
        self.default, self.factory = default, default_factory
        self.is_shown, self.counts = repr, compare

    def as_dataclasses_has_it(self) -> Any:  # noqa: ANN401 (a field, to the type checker a default)
        from dataclasses import field as made  # noqa: PLC0415 (what it costs says the top)

        given = _given({"default": self.default, "default_factory": self.factory})
        every: Any = {**given, "repr": self.is_shown, "compare": self.counts}
        return made(**every)


if TYPE_CHECKING:
    # So a type checker knows the fields' types, and the names of what is replaced.
    from dataclasses import field, replace
else:
    field = _Field

    def replace(one: Any, /, **changes: object) -> Any:  # noqa: ANN401 (any class that `frozen` made)
        """Return an instance with some fields changed."""
        values = {name: value for name, value in vars(one).items() if name in one.__names__}
        return type(one)(**(values | changes))


__all__ = ["field", "frozen", "replace"]


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen[Class](cls: type[Class]) -> type[Class]:
    """Make a class what `@dataclass(frozen=True)` makes of it: one without a base.

    The methods are written once; what they need of a class's fields is looked up here, once.
    """
    if hasattr(cls, "__names__"):
        raise TypeError(f"{cls.__name__}: its base's fields would be lost")
    for name in ("__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__"):
        if name not in vars(cls):
            setattr(cls, name, getattr(_Methods, name))
    made: Any = cls
    every = {name: _taken(made, name) for name in cls.__annotations__}
    made.__match_args__ = tuple(every)  # type: ignore[misc]  # once, here
    made.__names__ = frozenset(every)
    made.__shown__ = tuple(name for name, each in every.items() if each.is_shown)
    made.__compared__ = tuple(name for name, each in every.items() if each.counts)
    made.__defaults__ = _given({name: each.default for name, each in every.items()})
    made.__factories__ = _given({name: each.factory for name, each in every.items()})
    made.__dataclass_fields__ = _AsDataclass(every)
    return cls


def _taken(cls: type, name: str) -> _Field:
    """Return a class's field; leave its default on the class, as `dataclasses` does."""
    stated = vars(cls).get(name, _MISSING)
    if type(stated).__module__ == "dataclasses":
        raise TypeError(f"{cls.__name__}.{name}: `field` is this module's")
    if not isinstance(stated, _Field):
        return _Field(default=stated)
    if stated.default is _MISSING:
        delattr(cls, name)
    else:
        setattr(cls, name, stated.default)
    return stated


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not _MISSING}


class _AsDataclass:
    """A class's fields as `dataclasses` has them, from when somebody asks for them."""

    def __init__(self, fields: Mapping[str, _Field]) -> None:
        self._fields = fields

    def __get__(self, _: object, cls: Any) -> Any:  # noqa: ANN401 (any class that `frozen` made)
        from dataclasses import make_dataclass  # noqa: PLC0415 (what it costs says the top)

        fields = [(name, Any, each.as_dataclasses_has_it()) for name, each in self._fields.items()]
        # In their order, by keyword: a class of ours may have a default before a field without.
        twin: Any = make_dataclass(cls.__name__, fields, kw_only=True)
        cls.__dataclass_fields__ = twin.__dataclass_fields__
        return cls.__dataclass_fields__


class _Methods:
    __match_args__: ClassVar[tuple[str, ...]]
    __names__: ClassVar[frozenset[str]]
    __shown__: ClassVar[tuple[str, ...]]
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
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__shown__)
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return _compared(self) == _compared(other)

    def __hash__(self) -> int:
        return hash(_compared(self))

    def __setattr__(self, name: str, _: object) -> Never:
        raise _frozen_instance_error(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> Never:
        raise _frozen_instance_error(f"cannot delete field {name!r}")


def _frozen_instance_error(text: str) -> Exception:
    from dataclasses import FrozenInstanceError  # noqa: PLC0415 (what it costs says the top)

    return FrozenInstanceError(text)


def _compared(one: Any) -> tuple[object, ...]:  # noqa: ANN401 (any class that `frozen` made)
    return tuple(getattr(one, name) for name in one.__compared__)
