"""What this release puts into a tenant, and how it is told again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerlink.cli.release import (
    LOGIN,
    REGISTRATION,
    TRIGGERS,
    action_code,
    action_name,
    endpoint,
    is_marked,
    marked,
    unmarked,
)
from sandbox.tenant import ACTIONS


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_code(trigger: str) -> None:
    """The built file of the trigger's, which people paste as well."""
    assert action_code(trigger) == (ACTIONS / f"{trigger}.js").read_text()


def test_names() -> None:
    """The Login flow's is the plain one; the others say their trigger."""
    assert action_name("Customer Link", LOGIN) == "Customer Link"
    assert [action_name("CL", each) for each in REGISTRATION] == [
        "CL (pre-user-registration)",
        "CL (post-user-registration)",
    ]


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_endpoint(trigger: str) -> None:
    """Each trigger has its own, beside the Login flow's."""
    assert endpoint("https://x.example/a/post-login", trigger) == f"https://x.example/a/{trigger}"


@given(st.text())
def test_mark(code: str) -> None:
    """It is the last line, and comes off again, whatever stands above it."""
    with_mark = marked(code)

    assert is_marked(with_mark)
    assert unmarked(with_mark) == code.rstrip() + "\n"
    assert unmarked(with_mark.rstrip("\n")) == unmarked(with_mark)


def test_earlier_mark() -> None:
    """That of a release which had a print of the secrets in it is one, too."""
    earlier = marked("a").rstrip("\n") + f": {'0f' * 16}\n"

    assert (is_marked(earlier), unmarked(earlier)) == (True, "a\n")


@pytest.mark.parametrize("code", ["", "exports.x = 1;\n", marked("a") + "// edited\n"])
def test_no_mark(code: str) -> None:
    """Somebody else's code, or ours that somebody went on with, has none, and stays as it is."""
    assert (is_marked(code), unmarked(code)) == (False, code)
