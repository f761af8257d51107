"""Stripe's signature on what it posts."""

import time

import pytest

from customerlink.adapters.stripe.webhook_signature import HEADER, is_signed
from customerlink.model.signature import TOLERANCE_SECONDS
from sandbox.posts import signed

OLD, NEW = "whsec_" + "o" * 32, "whsec_" + "n" * 32
BODY = '{"type": "customer.deleted"}'


def header(secret: str = NEW, ago: float = 0) -> str:
    """Return what Stripe sends with the body."""
    return signed(BODY, secret, int(time.time() - ago))[HEADER]


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_both_secrets_are_valid(secret: str) -> None:
    """While one is rotated in; Stripe signs with both then, and one is enough."""
    both = f"{header(secret)},v1={'0' * 64},v0=x"

    assert is_signed(BODY.encode(), header(secret), (OLD, NEW))
    assert is_signed(BODY.encode(), both, (secret,))


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "t=,v1=",
        "t=1",
        "v1=" + "0" * 64,
        "t=now,v1=" + "0" * 64,
        "t=" + "9" * 5000 + ",v1=x",
        header("whsec_" + "x" * 32),
        header(ago=TOLERANCE_SECONDS + 5),
        header().replace("v1=", "v0="),
        header() + "é",
        "t=1,v1=é",
        "\udcff",
        ",,,===",
    ],
    # Of the second in which they are signed: no two workers would know the same.
    ids=lambda _: "header",
)
def test_forged(odd: str) -> None:
    """Whatever the header is: false, and never an exception."""
    assert not is_signed(BODY.encode(), odd, (OLD, NEW))


@pytest.mark.parametrize("body", [b"", BODY.encode() + b" ", b"\xff\xfe", b"\xed\xb2\x80"])
def test_another_body(body: bytes) -> None:
    """One that was changed on the way, or is no text."""
    assert not is_signed(body, header(), (OLD, NEW))


def test_without_a_secret_nobody_is_known() -> None:
    """Nor with an empty one, as the SDK says too."""
    assert not is_signed(BODY.encode(), header(), ())
    assert not is_signed(BODY.encode(), signed(BODY, "")[HEADER], ("",))
