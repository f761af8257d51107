"""Whom a deployment is for: set by who is sure, and never guessed."""

from types import SimpleNamespace

import pytest
import questionary

from customerlink.cli.config import Config
from customerlink.cli.deployment import Deployment, Outputs
from customerlink.cli.output import Output
from customerlink.cli.session import Session
from customerlink.cli.stack_parameters import wanted_tenant

AUTH0 = "acme.eu.auth0.com"


def deployment(
    patch: pytest.MonkeyPatch, recorded: set[str], tenants: str | None = ""
) -> Deployment:
    """Return a stack whose ledger has records of some tenants; None: one without the parameter."""
    parameters = {} if tenants is None else {"Tenants": tenants}
    outputs = Outputs("https://x.example", "secret", "table", parameters=parameters)
    patch.setattr(Deployment, "outputs", outputs)
    patch.setattr(Deployment, "recorded_tenants", lambda _: frozenset(recorded))
    return Deployment(Config())


@pytest.mark.parametrize(
    ("said", "recorded", "tenants", "wanted"),
    [
        ("", {"acme"}, "", "acme"),
        ("acme", set(), "", "acme"),
        ("acme", {"acme"}, "", "acme"),
        # Others' reports have come: to leave them out is for a person.
        ("acme", {"other"}, "", None),
        ("", {"acme", "other"}, "", None),
        ("acme", {"acme", "other"}, "", None),
        # A domain alone is a guess.
        ("", set(), "", None),
        ("acme", {"acme"}, "acme", None),
        ("acme", {"acme"}, "other", None),
        ("acme", {"acme"}, None, None),
    ],
)
def test_who_is_sure(
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    recorded: set[str],
    tenants: str | None,
    wanted: str | None,
) -> None:
    """A report's name, or the operator's, if these are one."""
    now = Session(Config(domain=AUTH0, tenant=said), Output(as_json=True))

    found = wanted_tenant(now, deployment(monkeypatch, recorded, tenants), is_asked=False)
    assert found == wanted


@pytest.mark.parametrize(
    ("domain", "answer", "wanted", "offered"),
    [
        (AUTH0, "acme", "acme", "acme"),
        (AUTH0, " acme-prod ", "acme-prod", "acme"),
        (AUTH0, "", None, "acme"),
        (AUTH0, "two words", None, "acme"),
        ("login.acme.example", "acme", "acme", ""),
    ],
)
def test_asked(
    monkeypatch: pytest.MonkeyPatch, domain: str, answer: str, wanted: str | None, offered: str
) -> None:
    """At a terminal the domain's word is offered, and what is confirmed is set."""
    asked: list[str] = []

    def text(_: str, default: str) -> object:
        asked.append(default)
        return SimpleNamespace(unsafe_ask=lambda: answer)

    monkeypatch.setattr(questionary, "text", text)
    now = Session(Config(domain=domain), Output(as_json=True))

    assert wanted_tenant(now, deployment(monkeypatch, set()), is_asked=True) == wanted
    assert asked == [offered]
