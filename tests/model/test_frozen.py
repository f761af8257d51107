"""`frozen`: each class beside its twin by `@dataclass(frozen=True)`."""

from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerlink.model.frozen import frozen

ANYTHING = st.integers(0, 3) | st.sampled_from(["a", "b"])


def example(decorator: Any) -> Any:
    """Return a class as a decorator makes it."""

    @decorator
    class Example:
        a: Any
        b: Any = 1
        c: Any = field(default_factory=list, compare=False)
        d: Any = field(default="secret", repr=False)

    return Example


OURS, THEIRS = example(frozen), example(dataclass(frozen=True))


def outcome(made: Any, *args: object, **named: object) -> object:
    """Return an instance's fields, or the kind of error."""
    try:
        one = made(*args, **named)
    except TypeError:
        return TypeError
    return one.a, one.b, one.c, one.d


@given(
    args=st.lists(ANYTHING, max_size=5),
    named=st.dictionaries(st.sampled_from("abcdx"), ANYTHING, max_size=4),
)
def test_made_alike(args: list[object], named: dict[str, object]) -> None:
    """By position and by name, with defaults; what is missing, unknown or doubled is refused."""
    assert outcome(OURS, *args, **named) == outcome(THEIRS, *args, **named)


@given(one=st.tuples(*[ANYTHING] * 4), other=st.tuples(*[ANYTHING] * 4))
def test_compared_alike(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    """By the fields that count, and by the class; equal ones have one hash."""
    ours, theirs = OURS(*one), THEIRS(*one)

    assert (ours == OURS(*other)) is (theirs == THEIRS(*other))
    assert (hash(ours) == hash(OURS(*other))) is (hash(theirs) == hash(THEIRS(*other)))
    assert ours != theirs
    assert repr(ours) == repr(theirs)
    assert "secret" not in repr(OURS(1))


def test_changed_alike() -> None:
    """By `replace` alone."""
    one = OURS(1, b=2)
    for name in ("a", "e"):
        with pytest.raises(FrozenInstanceError):
            setattr(one, name, 3)
    with pytest.raises(FrozenInstanceError):
        del one.a

    assert replace(one, b=3) == OURS(1, 3)
    with pytest.raises(TypeError):
        replace(one, e=1)


def test_missing_field_is_named() -> None:
    """And no value is."""
    with pytest.raises(TypeError, match="field a is missing"):
        OURS(b="secret")


def test_matched_alike() -> None:
    """By position, in a pattern."""
    match OURS(1, 2):
        case OURS(a, b):
            found = (a, b)

    assert found == (1, 2)


def test_own_methods_stay() -> None:
    """What a class defines itself is not overwritten."""

    @frozen
    class Loud:
        a: int

        def __post_init__(self) -> None:
            if self.a < 0:
                raise ValueError("a is negative")

        def __repr__(self) -> str:
            return "loud"

    assert repr(Loud(1)) == "loud"
    with pytest.raises(ValueError, match="a is negative"):
        Loud(-1)
