"""The secret's document."""

import base64
import json
from typing import Any

import pytest

from customerlink.model.errors import ConfigurationError
from customerlink.model.keys import StripeKey
from customerlink.model.log_names import LogNames
from customerlink.model.secret import Auth0Client, Secret, TenantSecret
from customerlink.model.signature import SigningSecret
from customerlink.model.tickets import TicketKey, new_ticket_key
from customerlink.model.user import Tenant

KEY = "rk_test_" + "0" * 24
SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LONG = "whsec_" + base64.b64encode(b"s" * 32).decode()
TICKET_KEY = new_ticket_key(0)
DOCUMENT = {"stripe_restricted_key": KEY, "action_signing_secrets": [SIGNING, SIGNING]}


def test_whole_document() -> None:
    """Unknown fields belong to later parts."""
    secret = Secret.parse(json.dumps({**DOCUMENT, "other": 1}), "v1")

    assert secret.stripe_key.value == KEY
    assert len(secret.signing_secrets) == 2
    assert KEY not in repr(secret)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(None, id="missing"),
        pytest.param(TICKET_KEY, id="no list"),
        pytest.param([], id="none"),
        pytest.param([7, "ltk_", "whsec_x", [TICKET_KEY]], id="odd ones"),
        pytest.param([f"ltk_0_{LONG.removeprefix('whsec_')}"], id="the Action's"),
    ],
)
def test_no_key_for_tickets(given: object) -> None:
    """It refuses nobody: the rest of the secret serves log-ins."""
    document = DOCUMENT | {"action_signing_secrets": [LONG], "link_ticket_keys": given}
    secret = Secret.parse(json.dumps(document), "v1")

    assert secret.ticket_keys == ()
    assert len(secret.signing_secrets) == 1


def test_keys_for_tickets() -> None:
    """Good ones count beside odd ones, and show in no `repr`."""
    document = DOCUMENT | {"link_ticket_keys": ["odd", TICKET_KEY]}
    secret = Secret.parse(json.dumps(document), "v1")

    assert secret.ticket_keys == (TicketKey.parse(TICKET_KEY),)
    assert "ltk" not in repr(secret)


@pytest.mark.parametrize("given", [None, "", "hidden", "sk_" + "test_1", 7, [KEY], {}])
def test_no_key_of_subscriptions(given: object) -> None:
    """It refuses nobody, and what may do everything is not taken for it."""
    secret = Secret.parse(json.dumps(DOCUMENT | {"stripe_subscriptions_key": given}), "v1")

    assert secret.subscriptions_key is None


def test_key_of_subscriptions() -> None:
    """It shows in no `repr`."""
    secret = Secret.parse(json.dumps(DOCUMENT | {"stripe_subscriptions_key": KEY}), "v1")

    assert secret.subscriptions_key == StripeKey(KEY)
    assert KEY not in repr(secret)


@pytest.mark.parametrize("given", [None, "", "hidden", SIGNING[6:], "whsec_AAAA", 7, [LONG], {}])
def test_no_key_of_self_tests(given: object) -> None:
    """It refuses nobody: the rest of the secret serves log-ins."""
    secret = Secret.parse(json.dumps(DOCUMENT | {"self_test_key": given}), "v1")

    assert secret.self_test_keys == ()
    assert len(secret.signing_secrets) == 2


def test_key_of_self_tests() -> None:
    """It is none of the signing secrets, and shows in no `repr`."""
    secret = Secret.parse(json.dumps(DOCUMENT | {"self_test_key": LONG}), "v1")

    assert secret.self_test_keys == (SigningSecret.parse(LONG),)
    assert secret.self_test_keys[0] not in secret.signing_secrets
    assert "ssss" not in repr(secret)


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
        (json.dumps({**DOCUMENT, "log_key": "k" * 31}), "log_key"),
        (json.dumps({**DOCUMENT, "log_key": ["k" * 32]}), "log_key"),
        (json.dumps({**DOCUMENT, "log_key": ""}), "log_key"),
    ],
)
def test_missing_field_is_named(text: str, problem: str) -> None:
    """The field, never a value."""
    with pytest.raises(ConfigurationError, match=problem) as raised:
        Secret.parse(text, "v1")

    assert KEY not in str(raised.value)


def named(**changes: str) -> LogNames:
    """Return the names in logs that a secret gives."""
    return Secret.parse(json.dumps(DOCUMENT | changes), "v1").log_names


def test_names_in_logs() -> None:
    """Their own key outlasts the Stripe key, whose work it does where a secret has none."""
    key, other = "k" * 32, "rk_test_" + "1" * 24

    assert named(log_key=key) == named(log_key=key, stripe_restricted_key=other)
    assert len({named(), named(stripe_restricted_key=other), named(log_key=key)}) == 3


SESSION = "s" * 32
TENANT = {"tenant": "acme", "domain": "acme.auth0.example", "client_id": "id", "client_secret": "c"}


def test_whole_tenant() -> None:
    """What lets into the Management API; unknown fields belong to later parts."""
    secret = TenantSecret.parse(json.dumps(TENANT | {"session_secrets": [SESSION], "other": 1}))

    assert secret == TenantSecret(
        Tenant("acme"), Auth0Client("https://acme.auth0.example", "id", "c"), (SESSION,)
    )
    assert SESSION not in repr(secret)
    assert "client_secret" not in repr(secret)


def test_tenant_without_session_secrets() -> None:
    """Only who verifies addresses has any."""
    assert TenantSecret.parse(json.dumps(TENANT)).session_secrets == ()


@pytest.mark.parametrize(
    ("domain", "url"),
    [
        ("acme.auth0.example", "https://acme.auth0.example"),
        ("https://acme.auth0.example/", "https://acme.auth0.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_domain(domain: str, url: str) -> None:
    """However it was copied, over HTTPS: nothing but this machine is spoken to without."""
    assert TenantSecret.parse(json.dumps(TENANT | {"domain": domain})).client.url == url


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        *(({name: None}, name) for name in TENANT),
        *(({name: ""}, name) for name in TENANT),
        ({"domain": "http://acme.auth0.example"}, "domain"),
        ({"domain": "acme.auth0.example/api"}, "domain"),
        ({"session_secrets": SESSION}, "session_secrets"),
        ({"session_secrets": [SESSION[1:]]}, "session_secrets"),
        ({"session_secrets": [SESSION, 7]}, "session_secrets"),
    ],
)
def test_wrong_field_of_a_tenant_is_named(changed: dict[str, Any], field: str) -> None:
    """The field, never a value."""
    with pytest.raises(ConfigurationError, match=f"field {field} is") as raised:
        TenantSecret.parse(json.dumps(TENANT | changed))

    assert SESSION[1:] not in str(raised.value)
