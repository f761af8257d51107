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
    fingerprint,
    marked,
    unmarked,
)
from sandbox.tenant import ACTIONS

SETTINGS = fingerprint("https://x.example/post-login", "whsec_x")


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


def test_print_of_the_settings() -> None:
    """Another address or another secret has another one; it tells neither."""
    prints = {fingerprint(url, secret) for url in ("a", "b") for secret in ("c", "d")}

    assert len(prints) == 4
    assert len(SETTINGS) == 32
    assert set(SETTINGS) <= set("0123456789abcdef")


@given(st.text())
def test_mark(code: str) -> None:
    """It is the last line, and comes off again, whatever stands above it."""
    with_mark = marked(code, SETTINGS)

    assert unmarked(with_mark) == (code.rstrip() + "\n", SETTINGS)
    assert unmarked(with_mark.rstrip("\n")) == unmarked(with_mark)


@pytest.mark.parametrize("code", ["", "exports.x = 1;\n", marked("a", SETTINGS) + "// edited\n"])
def test_no_mark(code: str) -> None:
    """Somebody else's code, or ours that somebody went on with, has none, and stays as it is."""
    assert unmarked(code) == (code, None)
