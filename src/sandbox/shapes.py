"""What the stand-ins take: JSON that can be kept, fields of the right types, and whole numbers.

Whoever reads later what is kept (an SDK, the command line) takes it by its type, so what comes in
is looked at once, here. What is odd is named by its field, never by its value.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from customerlink.model.documents import DEEPEST

LONGEST_BODY = 1024 * 1024
"""Bytes."""

_LONGEST_TEXT = 1024
_MOST_DIGITS = 12


class OddRequestError(Exception):
    """What is odd: a field's name or "the body", and what it should be."""

    def __init__(self, name: str, needed: str) -> None:
        """Take both."""
        super().__init__(name, needed)
        self.name, self.needed = name, needed


@dataclass(frozen=True)
class Shape:
    """What one value may be."""

    told: str
    holds: Callable[[object], bool]


type Schema = Shape | list[Schema] | Mapping[str, Schema]
"""A list has one item, which each of its own has to be like; of an object all fields may miss."""


def text(most: int = _LONGEST_TEXT) -> Shape:
    """Return the shape of a text of at most so many characters."""
    return Shape(
        f"a text of at most {most} characters",
        lambda value: isinstance(value, str) and len(value) <= most,
    )


def line(most: int = _LONGEST_TEXT) -> Shape:
    """Return the shape of a text that is one line, such as an id."""
    return Shape(
        f"one line of at most {most} characters",
        lambda value: isinstance(value, str) and len(value) <= most and value.isprintable(),
    )


def or_null(shape: Shape) -> Shape:
    """Return a shape that null has as well."""
    return replace(shape, holds=lambda value: value is None or shape.holds(value))


TEXT, LINE = text(), line()
FLAG = Shape("true or false", lambda value: isinstance(value, bool))
OBJECT = Shape("an object", lambda value: isinstance(value, dict))
COUNT = Shape(
    "a whole number",
    lambda value: isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9,
)


def check(value: object, schema: Schema, name: str) -> None:
    """Raise `OddRequestError` for what is not like a schema; fields that it has not are let be."""
    if isinstance(schema, Shape):
        _expect(name, schema.told, holds=schema.holds(value))
    elif isinstance(schema, Mapping):
        _expect(name, "an object", holds=isinstance(value, dict))
        fields = value if isinstance(value, dict) else {}
        prefix = "" if name == "the body" else f"{name}."
        for each in schema.keys() & fields.keys():
            check(fields[each], schema[each], f"{prefix}{each}")
    else:
        _expect(name, "a list", holds=isinstance(value, list))
        for each in value if isinstance(value, list) else ():
            check(each, schema[0], name)


def _expect(name: str, needed: str, *, holds: bool) -> None:
    if not holds:
        raise OddRequestError(name, needed)


def document_of(body: bytes) -> object:
    """Read JSON that can be kept; raise `OddRequestError` for anything else."""
    try:
        document: object = json.loads(body, parse_constant=_refused)
        # 1e400 is read as infinite, which no JSON can say; half an emoji is no Unicode.
        kept = json.dumps(document, ensure_ascii=False, allow_nan=False)
        kept.encode()
    except (ValueError, RecursionError):
        raise OddRequestError("the body", "JSON with texts of Unicode") from None
    if _is_too_deep(kept, document):
        raise OddRequestError("the body", f"JSON of at most {DEEPEST} levels")
    if "\\u0000" in kept.replace("\\\\", ""):
        raise OddRequestError("the body", "JSON without the character NUL")
    return document


def object_of(body: bytes, schema: Mapping[str, Schema]) -> dict[str, object]:
    """Read an object whose fields are like a schema's."""
    document = document_of(body)
    check(document, schema, "the body")
    return document if isinstance(document, dict) else {}


def whole(value: object) -> int | None:
    """Read a whole number out of a query; None for what is none, or beyond all use."""
    is_one = isinstance(value, str) and value.isascii() and value.isdigit()
    return int(str(value)) if is_one and len(str(value)) <= _MOST_DIGITS else None


def _refused(_: str) -> None:
    raise ValueError


def _is_too_deep(text: str, document: object) -> bool:
    """Return whether a document, whose text this is, has more levels than are kept."""
    # No document is deeper than its brackets are many: for nearly all of them that is the answer.
    if sum(map(text.count, "{[")) <= DEEPEST:
        return False
    level = _containers([document])
    for _ in range(DEEPEST):
        level = [inner for each in level for inner in _containers(each)]
    return bool(level)


def _containers(values: Iterable[object]) -> list[Iterable[object]]:
    return [
        each.values() if isinstance(each, dict) else each
        for each in values
        if isinstance(each, dict | list)
    ]
