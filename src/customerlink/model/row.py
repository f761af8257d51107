"""One row of a run over many that did not go as the others: by its id, never by a value."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class RowOutcome(StrEnum):
    """What can be said of a row that is compared."""

    ODD = "odd"
    """Some of its fields are not what they are for, and count as absent."""
    UNREAD = "unread"
    """It is lost as a whole."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Row:
    """A row by its id, for a terminal and for machines alike."""

    id: str
    """The user's, the customer's, or the number of a line that has none."""
    outcome: str
    reason: str
    """The names of fields, a reason's or an exception's name: no text of anybody else's."""

    def __str__(self) -> str:
        """Return it for a terminal."""
        return f"{self.outcome}: {self.id}: {self.reason}"

    def document(self) -> dict[str, str]:
        """Return it for a machine."""
        return asdict(self)

    def line(self) -> str:
        """Return it as a line of JSON."""
        return json.dumps(self.document()) + "\n"

    @classmethod
    def read(cls, line: str) -> "Row":
        """Read what `line` gave."""
        row = json.loads(line)
        return cls(row["id"], row["outcome"], row["reason"])


def unread(rows: Iterable[Row]) -> list[Row]:
    """Return those of whom nothing is known: they may be anybody."""
    return [each for each in rows if each.outcome == RowOutcome.UNREAD]
