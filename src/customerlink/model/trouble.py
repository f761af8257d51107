"""What an exception in one row of a run means for the rows after it."""

from enum import StrEnum


class Trouble(StrEnum):
    """How far it reaches."""

    OF_THE_ROW = "of the row"
    OUTAGE = "outage"
    """It may pass, or last: the next rows will tell."""
    LASTING = "lasting"
    """The next rows must fail as well: credentials, a permission."""


def of_the_row(_: Exception) -> Trouble:
    """Judge whatever is raised as its row's own."""
    return Trouble.OF_THE_ROW
