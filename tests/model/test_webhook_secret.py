"""The secret by which senders of events are known."""

import json

import pytest

from customerlink.model.errors import ConfigurationError
from customerlink.model.webhook_secret import WebhookSecret

OLD, NEW, SIGNING = "old-" * 8, "new-" * 8, "whsec_" + "s" * 32


def test_round_trip() -> None:
    """What is written is read again; of a secret that has nothing yet nobody is known."""
    secret = WebhookSecret().with_tokens(OLD, NEW).with_secrets("ed_1", SIGNING)

    assert WebhookSecret.parse(secret.text()) == secret
    assert WebhookSecret.parse("{}") == WebhookSecret()


def test_both_tokens_are_valid() -> None:
    """While one is rotated in; nothing else is, and without any not even an empty one."""
    secret = WebhookSecret().with_tokens(OLD, NEW)

    assert [secret.has_token(each) for each in (OLD, NEW)] == [True, True]
    for odd in ("", OLD[:-1], OLD + "x", OLD.upper(), "\udcff", "é" * 32):
        assert not secret.has_token(odd)
        assert not WebhookSecret().has_token(odd)


def test_nothing_of_it_is_shown() -> None:
    """In a log, or a traceback."""
    shown = repr(WebhookSecret((OLD,), (SIGNING,), "ed_1"))

    assert (OLD in shown, SIGNING in shown) == (False, False)


@pytest.mark.parametrize("name", ["auth0_bearer_tokens", "stripe_endpoint_secrets"])
@pytest.mark.parametrize("odd", ["x" * 40, {}, None, [7], [None], [""], ["short"], ["é" * 40]])
def test_odd_fields(name: str, odd: object) -> None:
    """The error names the field, and not what it holds."""
    with pytest.raises(ConfigurationError, match=f"^the secret's field {name} is wrong$"):
        WebhookSecret.parse(json.dumps({name: odd}))


@pytest.mark.parametrize("text", ["", "[]", "7", "{", "null"])
def test_no_document(text: str) -> None:
    """It is said how it is none."""
    with pytest.raises(ConfigurationError, match=r"^the secret is not "):
        WebhookSecret.parse(text)
