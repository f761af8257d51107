"""Who looks: the watch's application, given or asked for."""

import io
from types import SimpleNamespace
from typing import Any

import pytest
import questionary

from customerlink.cli.config import Config
from customerlink.cli.output import Output
from customerlink.cli.session import Session
from customerlink.cli.watching import CLIENT_SECRET, client_given
from customerlink.model.secret import Auth0Client
from customerlink.model.watch_secret import WatchSecret

NOW = Session(Config(domain="acme.us.auth0.com"), Output(as_json=True))
KNOWN = WatchSecret(Auth0Client("https://acme.us.auth0.com", "known", "hidden"), "", {}, {})
URL = "https://acme.us.auth0.com"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Sit at a terminal; the list's answers are given in turn."""
    answers: list[Any] = []
    asked = SimpleNamespace(unsafe_ask=lambda: answers.pop(0))
    stdin = io.StringIO()
    monkeypatch.setattr(stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", stdin)
    monkeypatch.delenv(CLIENT_SECRET, raising=False)
    for each in ("text", "password"):
        monkeypatch.setattr(questionary, each, lambda _: asked)
    return answers


@pytest.mark.parametrize(
    ("given", "known", "answers", "client"),
    [
        (None, None, [" asked ", " secret "], Auth0Client(URL, "asked", "secret")),
        ("flag", None, ["secret"], Auth0Client(URL, "flag", "secret")),
        ("flag", KNOWN, ["secret"], Auth0Client(URL, "flag", "secret")),
        (None, KNOWN, [], KNOWN.client),
        (None, None, [""], None),
        (None, None, ["  "], None),
    ],
)
def test_at_a_terminal(
    terminal: list[Any],
    given: str | None,
    known: WatchSecret | None,
    answers: list[str],
    client: Auth0Client | None,
) -> None:
    """Asked for once, where there is none yet; nothing said is "later"."""
    terminal += answers

    assert client_given(NOW, given, known) == client
    assert terminal == []
