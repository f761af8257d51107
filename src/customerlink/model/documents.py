"""The one reader of JSON that somebody else wrote: an object, or how it is none.

Nothing but these two comes of any bytes. What stands in the object is for its reader to judge: a
text may hold half an emoji (`model.values.text`), a number may be infinite (1e999), and of two
fields of one name the last counts, as in JavaScript.
"""

import json
from collections.abc import Iterable

LONGEST_BYTES = 64 * 1024
"""As much as is read of a request; a secret is no longer either."""

DEEPEST = 200
"""Levels, the object's own among them: far beyond a profile, and far from what a stack bears."""


def json_object(document: bytes | str, longest: int = LONGEST_BYTES) -> dict[str, object] | str:
    """Read a document; what is no object comes back as a predicate, such as `is not JSON`."""
    if len(document) > longest:
        return f"is longer than {longest} bytes"
    try:
        text = document.decode() if isinstance(document, bytes) else document
        found = _DECODER.decode(text)
    except (ValueError, RecursionError):
        # A body of nothing but brackets nests deeper than Python goes.
        return "is not JSON"
    if not isinstance(found, dict):
        return "is not a JSON object"
    if is_too_deep(text, found):
        return f"has more than {DEEPEST} levels"
    return found


# Python reads NaN and Infinity too, which JSON does not have: in a profile they are an odd value.
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)


def lines(text: str) -> list[str]:
    """Return a text's lines as JSON's are ended: in a value a person's name may break elsewhere.

    Python's own `splitlines` breaks at U+2028 and six others, which a document may hold.
    """
    return [each.removesuffix("\r") for each in text.removesuffix("\n").split("\n")] if text else []


def is_too_deep(text: str, document: object) -> bool:
    """Return whether a document, whose text this is, has more levels than are read."""
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
