"""The secret's document."""

import json

import pytest

from customerlink.model.errors import ConfigurationError
from customerlink.model.secret import Secret

KEY = "rk_test_" + "0" * 24
SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DOCUMENT = {"stripe_restricted_key": KEY, "action_signing_secrets": [SIGNING, SIGNING]}


def test_whole_document() -> None:
    """Unknown fields belong to later parts."""
    secret = Secret.parse(json.dumps({**DOCUMENT, "other": 1}), "v1")

    assert secret.stripe_key.value == KEY
    assert len(secret.signing_secrets) == 2
    assert KEY not in repr(secret)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not JSON"),
        ("[]", "not a JSON object"),
        (json.dumps({**DOCUMENT, "stripe_restricted_key": None}), "stripe_restricted_key"),
        (json.dumps({"stripe_restricted_key": KEY}), "action_signing_secrets is missing"),
        (json.dumps({**DOCUMENT, "action_signing_secrets": []}), "action_signing_secrets"),
        (json.dumps({**DOCUMENT, "action_signing_secrets": [7]}), "wrong type"),
        (json.dumps({**DOCUMENT, "action_signing_secrets": ["x"]}), "action_signing_secrets"),
    ],
)
def test_missing_field_is_named(text: str, problem: str) -> None:
    """The field, never a value."""
    with pytest.raises(ConfigurationError, match=problem) as raised:
        Secret.parse(text, "v1")

    assert KEY not in str(raised.value)
