"""`frozen`: each class beside its twin by `@dataclass(frozen=True)`."""

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.e2e.runtime import ROOT

from customerlink.model.frozen import field, frozen, replace

ANYTHING = st.integers(0, 3) | st.sampled_from(["a", "b"])


def example(decorator: Any, field: Any) -> Any:
    """Return a class as a decorator makes it."""

    @decorator
    class Example:
        a: Any
        b: Any = 1
        c: Any = field(default_factory=list, compare=False)
        d: Any = field(default="secret", repr=False)

    return Example


OURS = example(frozen, field)
THEIRS = example(dataclass(frozen=True), dataclasses.field)


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


@pytest.mark.parametrize("replace", [replace, dataclasses.replace])
def test_changed_alike(replace: Callable[..., Any]) -> None:
    """By `replace` alone: this module's, or that of `dataclasses`."""
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


def test_known_to_dataclasses() -> None:
    """Whoever asks `dataclasses` what a class is made of is told the same of both."""
    ours, theirs = (
        [(each.name, each.repr, each.compare, each.default) for each in dataclasses.fields(made)]
        for made in (OURS, THEIRS)
    )

    assert ours == theirs
    assert dataclasses.asdict(OURS(1)) == dataclasses.asdict(THEIRS(1))
    assert dataclasses.is_dataclass(OURS)


def test_another_field_is_refused() -> None:
    """The `field` of `dataclasses` would be taken for a default, in silence."""
    with pytest.raises(TypeError, match="`field` is this module's"):
        example(frozen, dataclasses.field)


@pytest.mark.parametrize("module", ["dataclasses", "inspect", "ast"])
def test_what_it_saves(module: str) -> None:
    """A class, its instances and `replace` import none of what `dataclasses` brings along."""
    code = f"""
import sys
sys.path.insert(0, {str(ROOT / "src")!r})
from customerlink.model.frozen import field, frozen, replace
@frozen
class One:
    a: int
    b: list = field(default_factory=list)
assert replace(One(1), a=2) == One(2)
assert {module!r} not in sys.modules
"""
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


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


@pytest.mark.parametrize("fields", [{}, {"b": int}, {"a": int}])
def test_base_is_refused(fields: dict[str, type]) -> None:
    """Its fields would be lost: neither set, nor shown, nor compared."""
    made = type("Derived", (OURS,), {"__annotations__": fields})
    with pytest.raises(TypeError, match="base"):
        frozen(made)
