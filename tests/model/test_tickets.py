"""Link tickets: what is issued is redeemed, what is not is refused."""

import base64
import hashlib
import hmac
import json
import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerlink.model.tickets import (
    FRESH_SECONDS,
    KNOWN_SECONDS,
    TICKET_SECONDS,
    TicketKey,
    digest_of,
    is_digest,
    issue,
    new_ticket_key,
    redeem,
    signing_key,
)
from customerlink.model.user import Tenant, User, UserId

KEY, OTHER = TicketKey(1, b"a" * 32), TicketKey(2, b"b" * 32)
ADA = User(Tenant("acme"), UserId("google-oauth2|1"))
NOW = 1_800_000_000.0
STATE = "what only this browser has"
BROWSER = digest_of(STATE)


def test_issued_and_redeemed() -> None:
    """By whichever key is valid, as rotation needs; each with a nonce of its own."""
    first, second = issue(KEY, ADA, BROWSER, NOW), issue(KEY, ADA, BROWSER, NOW)
    ticket = redeem([OTHER, KEY], first, NOW)

    assert ticket is not None
    assert ticket.user == ADA
    other = redeem([KEY], second, NOW)
    assert other is not None
    assert other.nonce != ticket.nonce
    assert set(first) <= {*string.ascii_letters, *string.digits, *"-_."}


@pytest.mark.parametrize("state", ["", "another", BROWSER, STATE + " "])
def test_of_another_browser(state: str) -> None:
    """Who has not the state that the log-in began with; its digest, which others see, is none."""
    ticket = redeem([KEY], issue(KEY, ADA, BROWSER, NOW), NOW)

    assert ticket is not None
    assert ticket.is_of(STATE)
    assert not ticket.is_of(state)


@pytest.mark.parametrize("age", [TICKET_SECONDS + 1, -TICKET_SECONDS - 1, -31])
def test_time(age: float) -> None:
    """Too old, or of the future."""
    assert redeem([KEY], issue(KEY, ADA, BROWSER, NOW - age), NOW) is None


@pytest.mark.parametrize(
    ("seconds", "is_borne_out"), [(0, True), (-FRESH_SECONDS, True), (-FRESH_SECONDS - 40, False)]
)
def test_what_auth0_knows_of(seconds: float, *, is_borne_out: bool) -> None:
    """A log-in about the time that the ticket was made; without one it is somebody's invention."""
    ticket = redeem([KEY], issue(KEY, ADA, BROWSER, NOW), NOW)
    assert ticket is not None

    last_login = datetime.fromtimestamp(NOW + seconds, UTC)
    assert ticket.is_borne_out_by(last_login) is is_borne_out
    assert not ticket.is_borne_out_by(None)


@pytest.mark.parametrize("keys", [[], [OTHER], [OTHER, TicketKey(3, b"c" * 32)]])
def test_other_keys(keys: list[TicketKey]) -> None:
    """Refused."""
    assert redeem(keys, issue(KEY, ADA, BROWSER, NOW), NOW) is None


def test_the_key_for_another_purpose() -> None:
    """What somebody else lets the same bytes sign is no ticket."""
    claims = {"tenant": "acme", "user_id": "auth0|1", "browser": BROWSER, "at": NOW, "nonce": "1"}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=")
    mac = hmac.digest(KEY.key, payload, hashlib.sha256)
    ticket = b".".join([payload, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode()

    assert redeem([KEY], ticket, NOW) is None


@pytest.mark.parametrize("ticket", ["", "a", "e30.", ".", "e30.e30", "a.b.c", "é.é"])
def test_what_has_not_its_form(ticket: str) -> None:
    """Two parts, the second of which signs the first, or it is refused."""
    assert redeem([KEY], ticket, NOW) is None


@given(st.text())
def test_nothing_that_is_sent_raises(text: str) -> None:
    """Whatever it is."""
    assert redeem([KEY], text, NOW) is None


@given(st.integers(0, 400), st.sampled_from(string.ascii_letters + string.digits))
def test_no_character_can_be_changed(place: int, character: str) -> None:
    """Not even those bits of base64's last character that stand for nothing."""
    good = issue(KEY, ADA, BROWSER, NOW)
    place %= len(good)
    changed = good[:place] + character + good[place + 1 :]

    assert redeem([KEY], changed, NOW) is None or changed == good


def test_keys() -> None:
    """As they are made, they are read; their bytes show nowhere."""
    key = TicketKey.parse(new_ticket_key(NOW))

    assert key is not None
    assert key.made_at == NOW
    assert "key=" not in repr(key)


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        "",
        "whsec_" + "A" * 44,
        "ltk_1_" + "A" * 40,
        "ltk_soon_" + "A" * 43 + "=",
        "ltk_1_" + "A" * 45,
        ["ltk_1_" + "A" * 43 + "="],
    ],
)
def test_what_is_no_key(text: object) -> None:
    """It counts as absent, since no log-in may fail for it."""
    assert TicketKey.parse(text) is None


def test_which_key_signs() -> None:
    """The newest one that every function knows by now; without any such, the oldest."""
    old, young = TicketKey(int(NOW) - 9999, b"o" * 32), TicketKey(int(NOW), b"y" * 32)

    assert signing_key([young, old], NOW) == old
    assert signing_key([young, old], NOW + KNOWN_SECONDS) == young
    assert signing_key([young], NOW) == young
    assert signing_key([], NOW) is None


@pytest.mark.parametrize("text", ["", "short", BROWSER + "A", BROWSER[:-1] + "="])
def test_what_is_no_digest(text: str) -> None:
    """Base64url of 32 bytes it is, and nothing else."""
    assert is_digest(BROWSER)
    assert not is_digest(text)
