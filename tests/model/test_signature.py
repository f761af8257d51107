"""Standard Webhooks: the specification's vector, an outside signer, and forgeries."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from tests.conftest import FIXTURES

from customerlink.model.errors import ConfigurationError
from customerlink.model.failure import How
from customerlink.model.signature import SigningSecret, is_signed, sign, why_unsigned

VECTOR = json.loads((FIXTURES / "standard-webhooks.json").read_text())
SECRET = SigningSecret.parse(VECTOR["secret"])
OTHER = SigningSecret(b"another secret, as long as needed")
BODY = VECTOR["body"].encode()
NOW = VECTOR["timestamp"]
SIGNED = {
    "webhook-id": VECTOR["id"],
    "webhook-timestamp": str(NOW),
    "webhook-signature": VECTOR["signature"],
}


def verified(headers: Mapping[str, str], body: bytes = BODY, now: float = NOW) -> bool:
    """Check against the vector's secret."""
    return is_signed([SECRET], headers, body, now=now)


def test_vector_of_the_specification() -> None:
    """The same one as in the JavaScript tests."""
    assert verified(SIGNED)
    assert sign(SECRET, VECTOR["id"], NOW, BODY) == SIGNED


def test_outside_signer() -> None:
    """What the specification's own package signs, we take; and it takes ours."""
    webhook = Webhook(VECTOR["secret"])
    now = datetime.now(UTC)
    signature = webhook.sign("msg_1", now, BODY.decode())
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }
    ours = sign(SECRET, "msg_2", int(now.timestamp()), BODY)

    assert verified(headers, now=now.timestamp())
    assert webhook.verify(BODY, ours) == json.loads(BODY)


def test_several_secrets() -> None:
    """So that one can be rotated in."""
    assert is_signed([OTHER, SECRET], SIGNED, BODY, now=NOW)
    assert not is_signed([OTHER], SIGNED, BODY, now=NOW)
    assert not is_signed([], SIGNED, BODY, now=NOW)


def test_several_signatures() -> None:
    """A list with another version's and another secret's among them."""
    others = sign(OTHER, VECTOR["id"], NOW, BODY)["webhook-signature"]
    listed = f"v1a,abc {others} {VECTOR['signature']}"

    assert verified({**SIGNED, "webhook-signature": listed})


@pytest.mark.parametrize(
    ("skew", "accepted"), [(300, True), (-300, True), (301, False), (-301, False)]
)
def test_both_clock_directions(skew: int, *, accepted: bool) -> None:
    """Too old and too far in the future are refused alike."""
    assert verified(SIGNED, now=NOW + skew) is accepted


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "x",
        "v1,",
        "v1,%%%",
        "v1,é",
        "\uff11\uff16",
        "1e9",
        "-1",
        "9" * 400,
        "a,a",
        "\0",
    ],
)
def test_malformed_header(name: str, value: str) -> None:
    """Refused, without an exception."""
    assert not verified({**SIGNED, name: value})


@pytest.mark.parametrize("name", SIGNED)
def test_missing_or_repeated_header(name: str) -> None:
    """API Gateway joins repeated headers with a comma."""
    assert not verified({k: v for k, v in SIGNED.items() if k != name})
    assert not verified({**SIGNED, name: f"{SIGNED[name]},{SIGNED[name]}"})


@pytest.mark.parametrize(
    ("changes", "body", "why"),
    [
        ({"webhook-timestamp": str(NOW)}, BODY, How.WRONG_TIME),
        ({}, BODY + b" ", How.WRONG_SECRET),
        ({"webhook-timestamp": str(NOW + 1)}, BODY, How.WRONG_SECRET),
        ({"webhook-signature": "v1," + "A" * 43 + "="}, BODY, How.WRONG_SECRET),
        ({"webhook-signature": "v1,%%%"}, BODY, How.NO_SIGNATURE),
        ({"webhook-signature": "v1,AAAA"}, BODY, How.NO_SIGNATURE),
        ({"webhook-signature": SIGNED["webhook-signature"][1:]}, BODY, How.NO_SIGNATURE),
        ({"webhook-signature": ""}, BODY, How.NO_SIGNATURE),
        ({"webhook-timestamp": "now"}, BODY, How.NO_SIGNATURE),
        ({"webhook-id": "é"}, BODY, How.NO_SIGNATURE),
    ],
)
def test_why_unsigned(changes: dict[str, str], body: bytes, why: How) -> None:
    """What a secret of ours signed, unchanged, is somebody's clock; without its form it is none."""
    assert why_unsigned([OTHER, SECRET], {**SIGNED, **changes}, body) is why
    assert why_unsigned([OTHER, SECRET], {"webhook-id": "a"}, body) is How.NO_SIGNATURE


def test_changed_body() -> None:
    """One byte is enough."""
    assert not verified(SIGNED, BODY + b" ")


@given(st.dictionaries(st.sampled_from(list(SIGNED)), st.text()), st.binary())
def test_nothing_else_is_signed(headers: dict[str, str], body: bytes) -> None:
    """No input raises, and none passes."""
    assert not is_signed([SECRET], headers, body, now=NOW)


@given(st.binary(min_size=24, max_size=64), st.binary(), st.integers(0, 10**11))
def test_what_is_signed_is_verified(key: bytes, body: bytes, timestamp: int) -> None:
    """For any secret, body and time."""
    secret = SigningSecret(key)

    assert is_signed([secret], sign(secret, "msg_1", timestamp, body), body, now=timestamp)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_?",
        "whsec_c2hvcnQ=",
        f"whsec_{base64.b64encode(bytes(65)).decode()}",
    ],
)
def test_bad_secret(text: str) -> None:
    """Named by its field, without its value."""
    with pytest.raises(ConfigurationError, match="action_signing_secrets") as raised:
        SigningSecret.parse(text)

    assert text == "" or text not in str(raised.value)


def test_secret_hides_its_bytes() -> None:
    """In a log, say."""
    assert repr(SECRET) == "SigningSecret()"
