"""Auth0's export, line by line: what each gives, and what of it is told as odd."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import FIXTURES
from tests.odd_values import ODD_VALUES

from customerlink.adapters.auth0 import exported
from customerlink.adapters.auth0.exported import clean_line, clean_lines
from customerlink.adapters.auth0.management import EXPORTED
from customerlink.model.profile import Profile
from customerlink.model.row import Row, RowOutcome
from customerlink.model.trust import Trust
from customerlink.model.values import ODD

ADA: dict[str, Any] = {
    "user_id": "auth0|ada",
    "email": "ada@example.com",
    "email_verified": True,
    "name": "Ada",
    "customer_id": "cus_1",
    "marker": "exempt",
    "identities": [{"provider": "auth0", "user_id": "ada", "connection": "db", "isSocial": False}],
}
VERIFIED = {"email_verified": True}
PLAIN = {name: value for name, value in ADA.items() if name != "identities"}


def cleaned(*lines: bytes) -> tuple[list[dict[str, Any]], list[Row]]:
    """Return what the comparison is given of these lines, and what is told."""
    told: list[Row] = []
    return [json.loads(each) for each in clean_lines(lines, told.append, Trust())], told


def line(row: object) -> bytes:
    """Return a row as Auth0 writes it."""
    return f"{json.dumps(row)}\n".encode()


def of_ada(**changed: Any) -> tuple[dict[str, Any], list[str]]:
    """Return what is read of Ada where something is changed, and the fields that are told."""
    [row], told = cleaned(line(ADA | changed))
    assert all((each.id, each.outcome) == (ADA["user_id"], RowOutcome.ODD) for each in told)
    return row, [name for each in told for name in each.reason.split(", ")]


def table() -> Iterator[Any]:
    """Return the rows of the table that every reader obeys."""
    of_fields = json.loads((FIXTURES / "profile-values.json").read_text())
    # An export has no `created_at`.
    for field in ("email", "email_verified", "name"):
        for row in of_fields[field]:
            yield pytest.param(field, row, id=f"{field}-{json.dumps(row['given'])[:40]}")


def test_every_field_is_read() -> None:
    """Those that the export is asked for, and no other one."""
    assert ADA.keys() == {*EXPORTED.values()}


@pytest.mark.parametrize(("field", "row"), [*table()])
def test_table(field: str, row: dict[str, Any]) -> None:
    """Each value is read as the table says; an odd one is absent, and its field is told."""
    read, told = of_ada(**{field: row["given"]})
    # The comparison takes null for no.
    assert (read[field] or None) == (row.get("read") or None)
    assert told == ([f"user.{field}"] if row.get("odd") else [])
    assert {name: read[name] for name in PLAIN if name != field} == {
        name: value for name, value in PLAIN.items() if name != field
    }


@pytest.mark.parametrize("value", [7, True, ["cus_1"], {"id": "cus_1"}, "cus_\ud83d", "cus\0"])
def test_customers_id_that_is_no_text(value: object) -> None:
    """It is nobody's, as at a login, and not absent."""
    read, told = of_ada(customer_id=value)

    assert (read["customer_id"], told) == (ODD, ["user.app_metadata.stripe_customer_id"])


@pytest.mark.parametrize("value", [None, ""])
def test_no_customers_id(value: object) -> None:
    """The profile has none."""
    assert of_ada(customer_id=value)[0]["customer_id"] is None


@pytest.mark.parametrize("value", [7, {}, "half \ud83d"])
def test_marker_that_is_no_text(value: object) -> None:
    """It is none of ours, and is there."""
    read, told = of_ada(marker=value)

    assert (read["marker"], told) == (ODD, ["user.app_metadata.stripe_signup"])


class TestLinkedAccounts:
    """Those behind the first identity."""

    OWN = ADA["identities"][0]

    @pytest.mark.parametrize(
        ("second", "user_id"),
        [
            ({"provider": "sms", "user_id": "1"}, "sms|1"),
            ({"provider": "github", "user_id": 12345}, "github|12345"),
            ({"provider": "oauth2", "user_id": "apple|x", "profile_data": []}, "oauth2|apple|x"),
        ],
    )
    def test_linked(self, second: object, user_id: str) -> None:
        """By the id that the account had."""
        read, told = of_ada(identities=[self.OWN, second])

        assert (read["linked"], told) == ([user_id], [])

    @pytest.mark.parametrize(
        "value", ["none", 7, True, {"provider": "auth0"}, {"0": {"provider": "auth0"}}]
    )
    def test_no_list(self, value: object) -> None:
        """Nobody is known to be linked."""
        read, told = of_ada(identities=value)

        assert (read.get("linked", []), told) == ([], ["user.identities"])

    @pytest.mark.parametrize(
        "odd",
        [7, None, [], {}, {"provider": "sms"}, {"provider": ["sms"], "user_id": "1"},
         {"provider": "sms", "user_id": "\ud83d"}, {"provider": "sms", "user_id": True}],
    )  # fmt: skip
    def test_one_that_is_none(self, odd: object) -> None:
        """It costs itself, wherever it stands; which one is the user's own stays the same."""
        second = {"provider": "sms", "user_id": "1"}
        for identities in ([odd, second], [self.OWN, odd, second]):
            read, told = of_ada(identities=identities)

            assert (read["linked"], told) == (["sms|1"], ["user.identities"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "is not JSON"),
        (b'{"user_id": "auth0|1"', "is not JSON"),
        (b"Internal Server Error", "is not JSON"),
        (b"\0\0\0", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is not an object"),
        (b"null", "is not an object"),
        (b'"auth0|1"', "is not an object"),
        (b"7", "is not an object"),
        (b"{}", "user_id is missing"),
        (b'{"user_id": null}', "user_id is missing"),
        (b'{"user_id": "", "email": "a@x.io"}', "user_id is missing"),
        (b'{"user_id": 7}', "user_id is not a text"),
        (b'{"user_id": ["auth0|1"]}', "user_id is not a text"),
        (b'{"user_id": "auth0|\\ud83d"}', "user_id is not a text"),
        (b'{"user_id": "auth0|\xff"}', "user_id is not a text"),
    ],
)
def test_line_that_says_nothing(content: bytes, reason: str) -> None:
    """It costs itself, and is told by its number; nothing of it is shown."""
    users, told = cleaned(line(ADA), b"\n", content + b"\n", line(ADA))

    assert [each["user_id"] for each in users] == [ADA["user_id"]] * 2
    assert told == [Row("line 3", RowOutcome.UNREAD, reason)]


@pytest.mark.parametrize("odd", ODD_VALUES)
def test_odd_value(odd: str) -> None:
    """It costs its field, not the user."""
    [read], told = cleaned(line(ADA | {"name": "X"}).replace(b'"X"', ODD_VALUES[odd].encode()))

    assert (read["user_id"], read["name"]) == (ADA["user_id"], None)
    assert [each.outcome for each in told] in ([], [RowOutcome.ODD])


@pytest.mark.parametrize("field", ["name", "email", "marker"])
def test_bytes_that_are_no_text(field: str) -> None:
    """They cost their field, not the user."""
    content = line(ADA | {field: "X"}).replace(b'"X"', b'"X\xff\xc3"')
    [read], told = cleaned(content)

    assert read["user_id"] == ADA["user_id"]
    assert [each.id for each in told] == [ADA["user_id"]]


def test_field_that_is_there_twice() -> None:
    """The last one counts, as for every reader of JSON here."""
    twice = b'{"user_id": "auth0|1", "email": "a@x.io", "user_id": "auth0|2", "email": "b@x.io"}\n'
    [read], told = cleaned(twice)

    assert (read["user_id"], read["email"], told) == ("auth0|2", "b@x.io", [])


@pytest.mark.parametrize("order", [reversed(ADA), sorted(ADA)])
def test_order_of_the_fields(order: Iterator[str]) -> None:
    """It says nothing."""
    assert cleaned(line({name: ADA[name] for name in order})) == ([ADA], [])


def test_blank_lines_say_nothing() -> None:
    """The last one's end is no line."""
    assert cleaned(b"\n", b"  \r\n", b"") == ([], [])


VALUES = st.none() | st.booleans() | st.text() | st.integers() | st.lists(st.text())
TYPICAL = st.sampled_from(["ada@example.com", "Ada Lovelace", "Åsa 😀", "cus_1", "", '"', "\\"])


@given(
    st.fixed_dictionaries(
        {"user_id": st.sampled_from(["auth0|ada", "sms|1", "samlp|x|a@x.io"])},
        optional=dict.fromkeys(ADA.keys() - {"user_id", "identities"}, TYPICAL | VALUES)
        | {"identities": st.sampled_from([ADA["identities"], [], None]) | VALUES},
    ),
    st.booleans(),
    st.booleans(),
)
def test_what_needs_no_reader_reads_alike(
    row: dict[str, Any],
    escaped: bool,  # noqa: FBT001 (hypothesis')
    compact: bool,  # noqa: FBT001
) -> None:
    """A line that is passed on as it is has the values that the reader would give."""
    separators = (",", ":") if compact else None
    ordered = {name: row[name] for name in ADA if name in row}
    text = json.dumps(ordered, ensure_ascii=escaped, separators=separators)
    content = f"{text}\n".encode(errors="surrogatepass")
    [shown], _ = cleaned(content)
    read = exported.read(content, Trust())
    assert isinstance(read, Profile)
    expected = json.loads(clean_line(read))

    assert {name: shown.get(name) or None for name in expected if name != "linked"} == {
        name: value or None for name, value in expected.items() if name != "linked"
    }
    assert shown.get("linked", []) == expected["linked"]


@pytest.mark.parametrize(("user_id", "is_read"), [("auth0|1", False), ("samlp|acme|1", True)])
def test_who_is_not_believed_needs_a_reader(
    monkeypatch: pytest.MonkeyPatch, user_id: str, *, is_read: bool
) -> None:
    """A line that is passed on as it is would be believed."""
    asked: list[bytes] = []
    read = exported.read

    def noted(content: bytes, trust: Trust) -> object:
        asked.append(content)
        return read(content, trust)

    monkeypatch.setattr(exported, "read", noted)
    [user], told = cleaned(line({"user_id": user_id, "email": "a@example.com"} | VERIFIED))

    assert (bool(asked), user["email_verified"], told) == (is_read, not is_read, [])


def test_usual_lines_need_no_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearly every line is one, or a comparison would take twice the time."""
    monkeypatch.setattr(exported, "read", None)
    usual = [ADA, PLAIN, {"user_id": "auth0|1"}, ADA | {"email": None, "name": None}]
    users, told = cleaned(*map(line, usual))
    compact = json.dumps(ADA | {"name": "Åsa 😀"}, ensure_ascii=False, separators=(",", ":"))
    cleaned(compact.encode())

    assert (len(users), told) == (4, [])
