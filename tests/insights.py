"""The part of CloudWatch Logs Insights' language that our queries are written in, evaluated.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
What is not of that part is an error, and so is a test's failure.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

type Line = Mapping[str, Any]
type Row = dict[str, Any]
type _Test = Callable[[Row], bool]

_BETWEEN_COMMANDS = re.compile(r'\|(?=(?:[^"]*"[^"]*")*[^"]*$)')
"""No `|` of a text's."""
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[@\w.]+|>=|<=|!=|[=<>(),\[\]*])')


def evaluate(query: str, lines: Iterable[Line]) -> list[Row]:
    """Return the rows that a query shows of a log's lines, each a JSON document."""
    rows = [flat(line) for line in lines]
    shown: Sequence[str] = ()
    for command in _BETWEEN_COMMANDS.split(query.strip()):
        name, _, rest = command.strip().partition(" ")
        match name:
            case "fields":
                shown = [each.strip() for each in rest.split(",")]
            case "filter":
                rows = [*filter(_Filter(rest).test(), rows)]
            case "stats":
                rows, shown = _counted(rest, rows), ()
            case "sort":
                field, _, order = rest.strip().partition(" ")
                rows.sort(key=lambda row: (field in row, row.get(field)), reverse=order == "desc")
            case "limit":
                rows = rows[: int(rest)]
            case _:
                raise ValueError(f"not of the part: {name}")
    return [{name: row.get(name) for name in shown or row} for row in rows]


def flat(document: Any, path: str = "") -> Row:
    """Name a document's fields as Insights does: `steps.open`, `findings.0`; null is no field."""
    parts: Iterable[tuple[object, Any]]
    match document:
        case dict():
            parts = document.items()
        case list():
            parts = enumerate(document)
        case None:
            return {}
        case bool():
            return {path: int(document)}
        case _:
            return {path: document}
    found: Row = {}
    for name, value in parts:
        found |= flat(value, f"{path}.{name}" if path else str(name))
    return found


def _counted(text: str, rows: list[Row]) -> list[Row]:
    """Count rows by some fields, of which an absent one is empty."""
    given = re.fullmatch(r"\s*count\(\*\) as (\w+) by ([\w., ]+)", text)
    if given is None:
        raise ValueError(f"not of the part: stats {text}")
    fields = [each.strip() for each in given[2].split(",")]
    counts = Counter(tuple(row.get(each) for each in fields) for row in rows)
    return [dict(zip(fields, key, strict=True)) | {given[1]: n} for key, n in counts.items()]


class _Filter:
    """A condition, read word by word: `or` binds the least, then `and`, then `not`."""

    def __init__(self, text: str) -> None:
        self._words: list[str] = []
        while text.strip():
            found = _TOKEN.match(text)
            if found is None:
                raise ValueError(f"not of the part: {text}")
            self._words.append(found[1])
            text = text[found.end() :]

    def test(self) -> _Test:
        """Return the whole condition."""
        found = self._either()
        if self._words:
            raise ValueError(f"not of the part: {self._words}")
        return found

    def _either(self) -> _Test:
        tests = [self._both()]
        while self._takes("or"):
            tests.append(self._both())
        return lambda row: any(each(row) for each in tests)

    def _both(self) -> _Test:
        tests = [self._one()]
        while self._takes("and"):
            tests.append(self._one())
        return lambda row: all(each(row) for each in tests)

    def _one(self) -> _Test:
        if self._takes("not"):
            test = self._one()
            return lambda row: not test(row)
        if self._takes("("):
            test = self._either()
            self._expect(")")
            return test
        word = self._words.pop(0)
        if word == "ispresent":
            self._expect("(")
            field = self._words.pop(0)
            self._expect(")")
            return lambda row: field in row
        return self._compared(word, self._words.pop(0))

    def _compared(self, field: str, operator: str) -> _Test:
        if operator == "in":
            self._expect("[")
            values = [self._value()]
            while self._takes(","):
                values.append(self._value())
            self._expect("]")
            return lambda row: row.get(field) in values
        value = self._value()
        compare: dict[str, Callable[[Any], bool]] = {
            "=": lambda found: found == value,
            "!=": lambda found: found != value,
            ">": lambda found: found is not None and found > value,
            "<": lambda found: found is not None and found < value,
            "like": lambda found: str(value) in str(found or ""),
        }
        return lambda row: compare[operator](row.get(field))

    def _value(self) -> Any:
        word = self._words.pop(0)
        return word[1:-1] if word.startswith('"') else float(word)

    def _takes(self, word: str) -> bool:
        is_next = self._words[:1] == [word]
        if is_next:
            self._words.pop(0)
        return is_next

    def _expect(self, word: str) -> None:
        if not self._takes(word):
            raise ValueError(f"expected {word}")
