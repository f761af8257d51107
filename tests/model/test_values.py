"""How a profile's values are read: one table, for this reader and for the Actions' alike."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import FIXTURES

from customerlink.model import values

READERS: dict[str, Callable[[object], Any]] = {
    "email": values.address,
    "email_verified": values.flag,
    "name": values.text,
    "created_at": values.moment,
}


def rows() -> Iterator[Any]:
    """Return the table, row by row."""
    table = json.loads((FIXTURES / "profile-values.json").read_text())
    for field, each in table.items():
        for row in each:
            yield pytest.param(field, row, id=f"{field}-{json.dumps(row['given'])[:40]}")


@pytest.mark.parametrize(("field", "row"), [*rows()])
def test_table(field: str, row: dict[str, Any]) -> None:
    """Each value is read as the table says, or is odd."""
    if row.get("odd"):
        with pytest.raises(values.OddValueError):
            READERS[field](row["given"])
        return
    read = READERS[field](row["given"])

    expected = row["read"]
    assert read == (datetime.fromisoformat(expected) if isinstance(read, datetime) else expected)
    # Not 1 for True.
    assert not isinstance(row["read"], bool) or isinstance(read, bool)


@given(st.sampled_from(sorted(READERS)), st.text() | st.integers() | st.lists(st.text()))
def test_nothing_else_is_raised(field: str, value: object) -> None:
    """Whatever is given is read, absent or odd."""
    try:
        read = READERS[field](value)
    except values.OddValueError:
        return

    assert isinstance(read, str | bool | datetime | None)
