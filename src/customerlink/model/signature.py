"""Signatures of the Standard Webhooks specification (https://www.standardwebhooks.com).

Only symmetric signatures (`v1`): HMAC-SHA256 over `{id}.{timestamp}.{raw body}`.
"""

import base64
import binascii
import hashlib
import hmac
import math
from collections.abc import Iterable, Mapping

from customerlink.model.errors import ConfigurationError
from customerlink.model.failure import How
from customerlink.model.frozen import field, frozen

TOLERANCE_SECONDS = 300

ID_HEADER = "webhook-id"

_SECRET_PREFIX = "whsec_"  # noqa: S105 (the prefix is public)
_VERSION = "v1,"
_MIN_SECRET_BYTES, _MAX_SECRET_BYTES = 24, 64
# Python refuses to read numbers of over 4,300 digits: that would be an exception, not a False.
_MAX_DIGITS = 12


@frozen
class SigningSecret:
    """A shared secret, decoded; its bytes show in no `repr`."""

    key: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "SigningSecret":
        """Read `whsec_<base64>` of 24 to 64 bytes, as the specification asks."""
        key = _decoded(text.removeprefix(_SECRET_PREFIX))
        if not text.startswith(_SECRET_PREFIX) or key is None:
            raise ConfigurationError("action_signing_secrets holds no whsec_ secret in base64")
        if not _MIN_SECRET_BYTES <= len(key) <= _MAX_SECRET_BYTES:
            raise ConfigurationError("action_signing_secrets holds a secret of a wrong length")
        return cls(key)

    def digest(self, message_id: str, timestamp: str, body: bytes) -> bytes:
        """Return the HMAC of a message."""
        signed = f"{message_id}.{timestamp}.".encode() + body
        return hmac.digest(self.key, signed, hashlib.sha256)


def sign(secret: SigningSecret, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers that a message is sent with."""
    digest = secret.digest(message_id, str(timestamp), body)
    return {
        ID_HEADER: message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": _VERSION + base64.b64encode(digest).decode(),
    }


def has_the_form(headers: Mapping[str, str]) -> bool:
    """Return whether a message carries what a signature consists of, whoever made it.

    That is told without a secret, and sorts out who does not even know how we are called.
    """
    message_id, timestamp = headers.get(ID_HEADER, ""), headers.get("webhook-timestamp", "")
    is_whole = bool(message_id) and message_id.isascii() and _is_number(timestamp)
    return is_whole and any(_given(headers))


def is_signed(
    secrets: Iterable[SigningSecret],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
    tolerance: float = TOLERANCE_SECONDS,
) -> bool:
    """Return whether one of the secrets signed the raw body, at about `now` (unix seconds).

    `headers` has lower-case names. Every secret is tried against every signature whatever was
    found before, so that the time taken tells nothing; nothing that is sent makes it raise.
    """
    if not has_the_form(headers):
        return False
    message_id, timestamp = headers[ID_HEADER], headers["webhook-timestamp"]
    # The list is made before anything is compared: a generator would stop at the first match.
    given = list(_given(headers))
    expected = [secret.digest(message_id, timestamp, body) for secret in secrets]
    matches = [hmac.compare_digest(one, other) for one in expected for other in given]
    # Both directions: a message from the future is a clock that is wrong, or one that was prepared.
    return any(matches) and math.fabs(now - int(timestamp)) <= tolerance


def why_unsigned(secrets: Iterable[SigningSecret], headers: Mapping[str, str], body: bytes) -> How:
    """Say why a message that `is_signed` refuses is no current one: for our log, not its sender.

    One that a current secret signed for another time is somebody's wrong clock, or an old message.
    """
    if not has_the_form(headers):
        return How.NO_SIGNATURE
    is_late = is_signed(secrets, headers, body, now=0.0, tolerance=math.inf)
    return How.WRONG_TIME if is_late else How.WRONG_SECRET


def _is_number(timestamp: str) -> bool:
    return timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _MAX_DIGITS


def _given(headers: Mapping[str, str]) -> Iterable[bytes]:
    """Return what of a space-separated list is a `v1` signature; other versions are passed over."""
    for entry in headers.get("webhook-signature", "").split(" "):
        decoded = _decoded(entry.removeprefix(_VERSION)) if entry.startswith(_VERSION) else None
        if decoded is not None and len(decoded) == hashlib.sha256().digest_size:
            yield decoded


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
