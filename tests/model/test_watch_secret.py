"""The watch's own secret: read, written, and shown to nobody."""

import json
from typing import Any

import pytest

from customerlink.model.errors import ConfigurationError
from customerlink.model.notes import Note
from customerlink.model.watch_secret import WatchSecret
from sandbox.sandbox import new_signing_secret

KEY = new_signing_secret()
NOTE = Note("print", {"CUSTOMERLINK_URL": "2026"})
DOCUMENT: dict[str, Any] = {
    "domain": "acme.us.auth0.com",
    "client_id": "watch",
    "client_secret": "hidden",
    "self_test_key": KEY,
    "actions": {"post-login": "Customer Link"},
    "installed_actions": {"act_1": NOTE.document()},
}


def test_written_and_read() -> None:
    """As it was; and with another note, if an Action got other secrets."""
    read = WatchSecret.parse(json.dumps(DOCUMENT))
    changed = WatchSecret.parse(read.with_note("act_1", Note("other", {})).text())

    assert WatchSecret.parse(read.text()) == read
    assert json.loads(read.text()) == DOCUMENT
    assert changed.notes == {"act_1": Note("other", {})}
    assert read.client.url == "https://acme.us.auth0.com"


def test_declared() -> None:
    """What another tool may say of the settings comes back as it was."""
    read = WatchSecret.parse(json.dumps(DOCUMENT | {"declared_prints": ["a", "b"]}))

    assert (read.prints, WatchSecret.parse(read.text())) == (("a", "b"), read)


def test_shows_in_no_repr() -> None:
    """Neither the client's secret nor the key."""
    shown = repr(WatchSecret.parse(json.dumps(DOCUMENT)))

    assert "hidden" not in shown
    assert KEY not in shown


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"domain": None}, "domain is missing"),
        ({"domain": "a/b"}, "domain is wrong"),
        ({"client_id": ""}, "client_id is missing"),
        ({"client_secret": 1}, "client_secret is missing"),
        ({"self_test_key": None}, "self_test_key is missing"),
        ({"self_test_key": "hidden"}, "self_test_key is wrong"),
        ({"self_test_key": "whsec_AAAA"}, "self_test_key is wrong"),
        ({"actions": None}, "actions is missing or wrong"),
        ({"actions": []}, "actions is missing or wrong"),
        ({"actions": {}}, "actions is missing or wrong"),
        ({"domain": "acme"}, "domain is wrong"),
        ({"domain": "http://acme.us.auth0.com"}, "domain is wrong"),
        ({"domain": "acme.us.auth0.com?x"}, "domain is wrong"),
        ({"domain": "x@acme.us.auth0.com"}, "domain is wrong"),
        ({"domain": "acme us.auth0.com"}, "domain is wrong"),
        ({"domain": "acme..auth0.com"}, "domain is wrong"),
        ({"domain": "http://127.0.0.1:80@x.example"}, "domain is wrong"),
        ({"declared_prints": "x"}, "declared_prints is wrong"),
        ({"declared_prints": [1]}, "declared_prints is wrong"),
        ({"declared_prints": [""]}, "declared_prints is wrong"),
        ({"actions": {"post-login": ""}}, "actions is missing or wrong"),
        ({"actions": {"post-login": " "}}, "actions is missing or wrong"),
        ({"actions": {"post-login": "x", "verify-email": ""}}, "actions is missing or wrong"),
        ({"actions": {"post-login": "x", "post-logn": "y"}}, "actions is missing or wrong"),
        ({"actions": {"post-login": 1}}, "actions is missing or wrong"),
    ],
)
def test_wrong_field(changes: dict[str, Any], field: str) -> None:
    """It is named, and what it holds is not."""
    with pytest.raises(ConfigurationError, match=f"the secret's field {field}") as raised:
        WatchSecret.parse(json.dumps(DOCUMENT | changes))

    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_no_document(text: str) -> None:
    """What is no JSON object is said to be none."""
    with pytest.raises(ConfigurationError, match="the secret"):
        WatchSecret.parse(text)


@pytest.mark.parametrize("odd", [None, "x", {"act_1": 1}])
def test_odd_notes(odd: object) -> None:
    """They count as none: then nothing is known of the secrets, which the watch tells."""
    assert WatchSecret.parse(json.dumps(DOCUMENT | {"installed_actions": odd})).notes == {}
