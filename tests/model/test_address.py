"""When two addresses are the same."""

import re
from pathlib import Path

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from customerlink.adapters.both_sides_sql import LOWERED
from customerlink.model.address import is_same_address, lowered, spellings
from customerlink.model.user import Tenant, registration_id

PACKAGE = Path(__file__).parents[2] / "src" / "customerlink"
LOOKALIKES = [
    ("\u212aate@example.com", "kate@example.com"),
    ("\u212bsa@example.com", "\u00e5sa@example.com"),
    ("\u00c4da@example.com", "\u00e4da@example.com"),
    ("\u0130na@example.com", "i\u0307na@example.com"),
    ("ada@example.\u212aom", "ada@example.kom"),
]

ELSEWHERE = {
    "adapters/auth0/rate_limits.py": "headers",
    "adapters/aws/endpoints.py": "a flag of the environment",
    "adapters/dynamodb/items.py": "the lock's key, which is to be wider",
    "adapters/http_messages.py": "headers",
    "functions/shell/api_gateway.py": "headers, a scheme, a media type",
    "model/locales.py": "languages",
}
"""Where text that is no address, or is not compared as one, is folded."""

LOCKS_KEY = "    digest = hashlib.sha256(email.casefold().encode()).hexdigest()"


@pytest.mark.parametrize("given", ["Ada@example.com", "ADA@EXAMPLE.COM", "ada@eXample.com"])
def test_letter_case(given: str) -> None:
    """It is one address; and both are to be looked up."""
    assert is_same_address(given, "ada@example.com")
    assert spellings(given) == sorted({given, "ada@example.com"})


@pytest.mark.parametrize(("one", "other"), LOOKALIKES)
def test_beyond_ascii(one: str, other: str) -> None:
    """What Unicode folds are two addresses, and two registrations."""
    assert one.lower() == other
    assert not is_same_address(one, other)
    assert other not in spellings(one)
    ids = {registration_id(Tenant("acme"), "db", each) for each in (one, other)}
    assert len(ids) == 2


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
@example("\u212a\u0130\u00c4AZ[@`az{")
def test_the_comparison_lowers_alike(address: str) -> None:
    """In DuckDB as here."""
    with duckdb.connect() as database:
        database.execute(LOWERED)
        found = database.execute("SELECT lowered($1)", [address]).fetchall()

    assert found == [(lowered(address),)]


def test_nobody_else_decides_it() -> None:
    """No other line folds text, but what is no address."""
    folds = re.compile(r"\.(lower|casefold)\(\)|\b(lower|lcase)\(|\bilike\b", re.IGNORECASE)
    lines = [
        (str(path.relative_to(PACKAGE)), line)
        for path in PACKAGE.rglob("*.py")
        for line in path.read_text().splitlines()
        if folds.search(line)
    ]

    assert {file for file, _ in lines} == {*ELSEWHERE}
    assert [line for _, line in lines if re.search("email|address", line)] == [LOCKS_KEY]
