"""Whatever the bytes are: an object, or what they are in its place."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerlink.model.documents import DEEPEST, LONGEST_BYTES, json_object, lines
from customerlink.model.values import OddValueError, text


def levels_of(document: object) -> int:
    """Return how many levels of objects and arrays a document has."""
    levels, level = 0, [document]
    while level := [each for each in level if isinstance(each, dict | list)]:
        levels += 1
        level = [
            inner for each in level for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return levels


def nested(levels: int, opening: str, closing: str) -> bytes:
    """Return an object with so many levels, its own among them."""
    inside = opening * (levels - 1) + ("1" if ":" in opening else "") + closing * (levels - 1)
    return f'{{"a":{inside or 1}}}'.encode()


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        b"\0",
        b'{"a": "\0"}',
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b'{"a": nan}',
        b'\xef\xbb\xbf{"a": 1}',
        b"\xff\xfe",
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-32"),
        b'{"a": 1} {"b": 2}',
    ],
)
def test_not_json(document: bytes) -> None:
    """Brackets without end, words that are no values, other encodings: refused, and not raised."""
    assert json_object(document) == "is not JSON"


@pytest.mark.parametrize("document", [b"[]", b"null", b"1e999999", b'"text"', b"true"])
def test_not_an_object(document: bytes) -> None:
    """What is JSON, and holds no fields."""
    assert json_object(document) == "is not a JSON object"


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"b":', "}]")])
def test_depth(opening: str, closing: str) -> None:
    """So many levels are read, of arrays, objects, and both, and what lies deeper is absent."""
    each = len(closing)
    fitting = (DEEPEST - 1) // each
    whole = json_object(nested(fitting + 1, opening, closing))
    assert levels_of(whole) == 1 + fitting * each

    for levels in (DEEPEST // each + 2, 5000 // each, 20_000 // each):
        body = b'{"before": "]}", "a": %b, "after": "[{"}' % nested(levels, opening, closing)
        read = json_object(body, len(body))
        assert isinstance(read, dict)
        assert (read["before"], read["after"], levels_of(read)) == ("]}", "[{", DEEPEST)


@pytest.mark.parametrize(
    "text", [r"}\"}", "]" * 300, "[" * 300, r"\\", r"a\\\"]", r"\u005d"], ids=ascii
)
def test_depth_beside_texts(text: str) -> None:
    """Brackets and quotes in a text, also in one that lies too deep, are none of the document's."""
    deep = "[" * 300 + f'"{text}"' + "]" * 300
    read = json_object(f'{{"deep": {deep}, "text": "{text}", "last": [1]}}')

    assert isinstance(read, dict)
    assert (read["text"], read["last"]) == (json.loads(f'"{text}"'), [1])


def test_a_text_without_end_takes_one_reading() -> None:
    """Whoever sends quotes by the hundred thousand, none of which ends a text, waits alone."""
    body = "[" * 300 + '"' + r"\"" * 300_000
    before = time.process_time()

    assert json_object(body, len(body)) == "is not JSON"
    assert time.process_time() - before < 1.0


@pytest.mark.parametrize("digits", ["9" * 4300, "9" * 4301, "-" + "1" * 60_000])
def test_a_number_of_any_length(digits: str) -> None:
    """Longer than Python reads one, it is infinite, as in JavaScript; the rest is read."""
    read = json_object(f'{{"a": {digits}, "b": 1}}')

    assert isinstance(read, dict)
    assert (type(read["a"]) in (int, float), read["b"]) == (True, 1)


@pytest.mark.parametrize("odd", [b"\xed\xa0\x80", b"\xc3", b"Ad\xff"])
def test_bytes_that_are_no_text(odd: bytes) -> None:
    """They cost the value that they stand in, which its reader finds odd."""
    read = json_object(b'{"a": "%b", "b": "\xc3\xa9"}' % odd)

    assert isinstance(read, dict)
    assert read["b"] == "é"
    with pytest.raises(OddValueError):
        text(read["a"])


def test_many_brackets_in_few_levels() -> None:
    """A long list is not a deep one, nor are brackets in a text."""
    values: list[object] = [[{}] * 1000, "[{" * 1000, [[[]]] * 500]
    for value in values:
        assert json_object(json.dumps({"a": value})) == {"a": value}


def test_length() -> None:
    """In bytes, and before anything is read."""
    longest = b'{"a": 1' + b" " * (LONGEST_BYTES - 8) + b"}"

    assert json_object(longest) == {"a": 1}
    assert json_object(longest + b" ") == f"is longer than {LONGEST_BYTES} bytes"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_in_json(number: str) -> None:
    """It is absent, like whatever else is odd in a profile, and the rest is read."""
    assert json_object(f'{{"a": {number}, "b": [{number}], "c": 1}}') == {
        "a": None,
        "b": [None],
        "c": 1,
    }


def test_one_name_twice() -> None:
    """The last one counts, as in JavaScript, at every level."""
    assert json_object(b'{"a": 1, "a": 2, "b": {"c": 1, "c": 3}}') == {"a": 2, "b": {"c": 3}}


@pytest.mark.parametrize("text", ["\ud800", "\0", "a\ud83d"])
def test_text_is_left_to_the_fields_reader(text: str) -> None:
    """Half an emoji in a name must not refuse the report that the name is in."""
    assert json_object(json.dumps({text: text})) == {text: text}


@given(st.binary() | st.text())
def test_nothing_raises(document: bytes | str) -> None:
    """Any bytes, any text."""
    assert isinstance(json_object(document), dict | str)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["a\u2028b", "a\u2029b", "a\x85b", "a\x0bb", "a\x1eb", "a\rb"])
def test_lines(name: str, end: str) -> None:
    """Each ends at a line feed, also as Windows writes it, and not within a value."""
    assert lines(f"{name}{end}{end}b{end}") == [name, "", "b"]
    assert lines(f"{name}{end}b") == [name, "b"]
    assert lines("") == []
