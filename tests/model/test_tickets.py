"""Link tickets: what is issued is redeemed, what is not is refused."""

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerlink.model.signature import SigningSecret, sign
from customerlink.model.tickets import TICKET_SECONDS, issue, redeem
from customerlink.model.user import Tenant, User, UserId

SECRET, OTHER = SigningSecret(b"a" * 32), SigningSecret(b"b" * 32)
ADA = User(Tenant("acme"), UserId("google-oauth2|1"))
NOW = 1_800_000_000.0


def test_issued_and_redeemed() -> None:
    """By whichever secret is valid, as rotation needs; each with a nonce of its own."""
    first, second = issue(SECRET, ADA, NOW), issue(SECRET, ADA, NOW)
    ticket = redeem([OTHER, SECRET], first, NOW)

    assert ticket is not None
    assert ticket.user == ADA
    other = redeem([SECRET], second, NOW)
    assert other is not None
    assert other.nonce != ticket.nonce
    assert set(first) <= {*string.ascii_letters, *string.digits, *"-_."}


@pytest.mark.parametrize("age", [TICKET_SECONDS + 1, -TICKET_SECONDS - 1])
def test_time(age: float) -> None:
    """Too old, or of the future."""
    assert redeem([SECRET], issue(SECRET, ADA, NOW - age), NOW) is None


def test_other_secret() -> None:
    """Refused."""
    assert redeem([OTHER], issue(SECRET, ADA, NOW), NOW) is None


def test_a_signed_login_is_no_ticket() -> None:
    """The same secret signs both, under another id."""
    payload = b'{"tenant": "acme", "user_id": "auth0|1", "nonce": "1"}'
    headers = sign(SECRET, "msg_1", int(NOW), payload)
    signature = base64.b64decode(headers["webhook-signature"].removeprefix("v1,"))
    parts = [base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in (payload, signature)]

    assert redeem([SECRET], ".".join([str(int(NOW)), *parts]), NOW) is None


@pytest.mark.parametrize("ticket", ["1800000000.a.b", "1800000000.e30", "1800000000..", "1.é.é"])
def test_what_has_not_its_form(ticket: str) -> None:
    """Two parts of base64 behind a time, or it is refused."""
    assert redeem([SECRET], ticket, NOW) is None


@given(st.text())
def test_nothing_that_is_sent_raises(text: str) -> None:
    """Whatever it is."""
    assert redeem([SECRET], text, NOW) is None


@given(st.integers(0, 400), st.sampled_from(string.ascii_letters + string.digits))
def test_no_character_can_be_changed(place: int, character: str) -> None:
    """Except those bits of base64's last character that stand for nothing."""
    good = issue(SECRET, ADA, NOW)
    place %= len(good)
    changed = good[:place] + character + good[place + 1 :]
    ticket = redeem([SECRET], changed, NOW)

    assert ticket is None or ticket.user == ADA
