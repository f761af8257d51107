"""How our Actions are known again, whoever has put their code in."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerlink.model.actions import (
    declared,
    declared_settings,
    digest,
    is_marked,
    marked,
    unmarked,
)


@given(st.text())
def test_mark(code: str) -> None:
    """It is the last line, and comes off again, whatever stands above it."""
    with_mark = marked(code)

    assert is_marked(with_mark)
    assert unmarked(with_mark) == code.rstrip() + "\n"
    assert unmarked(with_mark.rstrip("\n")) == unmarked(with_mark)


@given(st.text())
@pytest.mark.parametrize("says", ["0f" * 16, "##CUSTOMERLINK_PRINT##", "undefined"])
def test_another_tools_line(says: str, code: str) -> None:
    """It comes off like the mark, is none of ours, and says what the tool has put there."""
    with_line = declared(code, says)

    assert (is_marked(with_line), declared_settings(with_line)) == (False, says)
    assert unmarked(with_line) == code.rstrip() + "\n"
    assert digest(with_line.rstrip()) == digest(code)


@pytest.mark.parametrize("code", [None, "", marked("a"), declared("a", "0f") + "// edited\n"])
def test_no_line(code: str | None) -> None:
    """Code without it as its last line says nothing."""
    assert declared_settings(code) is None


def test_earlier_mark() -> None:
    """That of a release which had a print of the secrets in it is one, too."""
    earlier = marked("a").rstrip("\n") + f": {'0f' * 16}\n"

    assert (is_marked(earlier), unmarked(earlier)) == (True, "a\n")


@pytest.mark.parametrize("code", ["", "exports.x = 1;\n", marked("a") + "// edited\n"])
def test_no_mark(code: str) -> None:
    """Somebody else's code, or ours that somebody went on with, has none, and stays as it is."""
    assert (is_marked(code), unmarked(code)) == (False, code)


@given(st.text())
def test_digest_is_whoevers_put_it_in(code: str) -> None:
    """Install's mark, and how many line's ends other tools leave at the end, are no difference."""
    plain = digest(code)

    assert plain == hashlib.sha256(f"{unmarked(code).rstrip()}\n".encode()).hexdigest()
    for same in (
        marked(code),
        code.rstrip(),
        f"{code}\n",
        f"{marked(code)}\n\n",
        marked(code)[:-1],
    ):
        assert digest(same) == plain


@pytest.mark.parametrize("other", ["a\nb", "a;\n", " a\n", marked("a") + "b\n", ""])
def test_digest_of_another_code(other: str) -> None:
    """Anything else is another one."""
    assert digest(other) != digest("a\n")
