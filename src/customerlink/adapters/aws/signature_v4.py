"""AWS Signature Version 4 of a POST without a query: to `/`, but for Lambda.

The functions are the specification's steps, and bear their names:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from customerlink.model.frozen import field, frozen

_ALGORITHM = "AWS4-HMAC-SHA256"


@frozen
class Credentials:
    """What requests are signed with; none of it shows in a `repr`."""

    key_id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def signed_headers(  # noqa: PLR0913, PLR0917 (what a signature is of)
    credentials: Credentials,
    place: tuple[str, str],
    now: str,
    headers: Mapping[str, str],
    body: bytes,
    path: str = "/",
) -> dict[str, str]:
    """Return a request's headers with those that sign it.

    `place` is a region and a service, `now` is as `20261125T120000Z`; `headers` have names in lower
    case, and the path is as it is sent.
    """
    token = {"x-amz-security-token": credentials.token} if credentials.token else {}
    signed = {**headers, "x-amz-date": now, **token}
    scope = "/".join((now[:8], *place, "aws4_request"))
    text = _string_to_sign(now, scope, _canonical_request(path, signed, body))
    signature = _hmac(_signing_key(credentials.secret, scope), text).hex()
    signer = f"Credential={credentials.key_id}/{scope}"
    names = _signed_names(signed)
    authorization = f"{_ALGORITHM} {signer}, SignedHeaders={names}, Signature={signature}"
    return {**signed, "authorization": authorization}


def _canonical_request(path: str, headers: Mapping[str, str], body: bytes) -> str:
    # The values are ours: none has the blanks that would have to be trimmed.
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    # Encoded once more than it is sent, as for every service but S3.
    return f"POST\n{quote(path)}\n\n{lines}\n{_signed_names(headers)}\n{_hash(body)}"


def _signed_names(headers: Mapping[str, str]) -> str:
    return ";".join(sorted(headers))


def _string_to_sign(now: str, scope: str, canonical_request: str) -> str:
    return f"{_ALGORITHM}\n{now}\n{scope}\n{_hash(canonical_request.encode())}"


@lru_cache(maxsize=4)  # of a day, a region and a service, so it stays for most of a process's life
def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return key


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
