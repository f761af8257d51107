"""The question of `install`: asked of a person, and of nobody else."""

from types import SimpleNamespace

import pytest
import questionary

from customerlink.cli.config import Config
from customerlink.cli.output import Output
from customerlink.cli.session import Session
from customerlink.cli.verified_email import wanted_policy
from customerlink.model.policy import VerifiedEmail


@pytest.mark.parametrize("wanted", [*VerifiedEmail])
def test_asked(monkeypatch: pytest.MonkeyPatch, wanted: VerifiedEmail) -> None:
    """At a terminal, once, with what each means; who gave it is not asked."""
    asked: list[list[str]] = []

    def select(_: str, choices: list[questionary.Choice], **__: object) -> object:
        asked.append([str(each.title) for each in choices])
        return SimpleNamespace(unsafe_ask=lambda: wanted)

    monkeypatch.setattr(questionary, "select", select)
    now = Session(Config(), Output(as_json=False))
    has = VerifiedEmail.OPTIONAL
    changed = wanted_policy(now, has, None, is_asked=True)

    assert changed == (None if wanted is has else wanted)
    assert [[each.partition(":")[0] for each in one] for one in asked] == [[*VerifiedEmail]]
    wanted_policy(now, has, VerifiedEmail.REQUIRED, is_asked=True)
    wanted_policy(now, has, None, is_asked=False)
    assert len(asked) == 1
