"""The one reader of JSON that somebody else wrote: an object, or how it is none.

Nothing but these two comes of any bytes. What stands in the object is for its reader to judge: a
text may hold half an emoji, or bytes that are no UTF-8 (`model.values.text`), a number may be
infinite (1e999), and of two fields of one name the last counts, as in JavaScript. What lies deeper
than anything that is read is absent, so that a field of one user's refuses nobody's document.
"""

import json
import re

LONGEST_BYTES = 64 * 1024
"""As much as is read of a request; a secret is no longer either."""

DEEPEST = 200
"""Levels, the object's own among them: far beyond a profile, and far from what a stack bears."""


def json_object(document: bytes | str, longest: int = LONGEST_BYTES) -> dict[str, object] | str:
    """Read a document; what is no object comes back as a predicate, such as `is not JSON`."""
    if len(document) > longest:
        return f"is longer than {longest} bytes"
    try:
        found = json_value(document)
    except ValueError:
        return "is not JSON"
    return found if isinstance(found, dict) else "is not a JSON object"


def json_value(document: bytes | str) -> object:
    """Read a document of any kind and length; raise `ValueError` for what is no JSON."""
    if isinstance(document, bytes):
        # Of a value's bytes that are no UTF-8, the value is odd, and not all that is beside it.
        document = document.decode(errors="surrogateescape")
    return _DECODER.decode(shallow(document))


def shallow(text: str) -> str:
    """Return a document's text with null for all that lies too deep, before anybody reads it."""
    # No document is deeper than its brackets are many: for nearly all of them that is the answer.
    return text if sum(map(text.count, "{[")) <= DEEPEST else _cut(text)


def _number(digits: str) -> int | float:
    """Read a whole number; Python takes none of more than 4,300 digits, which are infinite."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


# Python reads NaN and Infinity too, which JSON does not have: in a profile they are an odd value.
_DECODER = json.JSONDecoder(parse_constant=lambda _: None, parse_int=_number)

# A text, to its end or the document's, without a way back: so it takes the time of one reading.
_TEXT_OR_BRACKET = r'(?s)"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\]]'


def _cut(text: str) -> str:
    kept, level, start = [], 0, 0
    for found in re.finditer(_TEXT_OR_BRACKET, text):
        if found[0] in "{[":
            level += 1
            if level == DEEPEST + 1:
                kept.append(text[start : found.start()])
        elif found[0] in "}]":
            if level == DEEPEST + 1:
                kept.append("null")
                start = found.end()
            level -= 1
    return "".join([*kept, text[start:] if level <= DEEPEST else ""])


def lines(text: str) -> list[str]:
    """Return a text's lines as JSON's are ended: in a value a person's name may break elsewhere.

    Python's own `splitlines` breaks at U+2028 and six others, which a document may hold.
    """
    return [each.removesuffix("\r") for each in text.removesuffix("\n").split("\n")] if text else []
