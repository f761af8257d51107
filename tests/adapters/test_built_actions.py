"""The Actions' code of this release."""

import pytest

from customerlink.adapters.built_actions import action_code
from customerlink.model.actions import TRIGGERS, VERIFY_EMAIL
from sandbox.tenant import ACTIONS


@pytest.mark.parametrize("name", [*TRIGGERS, VERIFY_EMAIL])
def test_code(name: str) -> None:
    """The built file, which people paste as well."""
    assert action_code(name) == (ACTIONS / f"{name}.js").read_text()
