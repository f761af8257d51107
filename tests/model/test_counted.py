"""A number with what it counts."""

import pytest

from customerlink.model.counted import counted


@pytest.mark.parametrize(
    ("number", "nouns", "text"),
    [
        (0, ("user",), "0 users"),
        (1, ("user",), "1 user"),
        (2, ("user",), "2 users"),
        (1200, ("customer",), "1,200 customers"),
        (1, ("customer names", "customers name"), "1 customer names"),
        (3, ("customer names", "customers name"), "3 customers name"),
    ],
)
def test_counted(number: int, nouns: tuple[str, ...], text: str) -> None:
    """One of it has no plural."""
    assert counted(number, *nouns) == text
