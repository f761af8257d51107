"""A request that proves a deployment's whole way in, and changes nothing for anybody.

A second login of a user whom nobody knows: signed, parsed, looked up in the ledger, and answered
`not_new` without a call to Stripe. Asked first, it lets the ledger note when the installation was.
"""

import json
import secrets
from collections.abc import Mapping
from http import HTTPStatus

from customerlink.model.frozen import frozen
from customerlink.model.instruction import Reason
from customerlink.model.signature import SigningSecret, sign

USER_ID = "auth0|customer-link-self-test"

BODY = json.dumps(
    {
        "version": 1,
        "tenant": {"id": "self-test"},
        "user": {"user_id": USER_ID},
        "stats": {"logins_count": 2},
    }
).encode()


@frozen
class SelfTest:
    """The request: headers and raw body."""

    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def signed(cls, secret: SigningSecret, now: float) -> "SelfTest":
        """Make one with a current signing secret, at a unix time."""
        signature = sign(secret, f"msg_{secrets.token_hex(16)}", int(now), BODY)
        return cls({"content-type": "application/json", **signature}, BODY)

    def event(self, caller: str) -> dict[str, object]:
        """Return it as API Gateway's event, payload format 2.0."""
        return {
            "version": "2.0",
            "routeKey": "POST /post-login",
            "rawPath": "/post-login",
            "headers": dict(self.headers),
            "requestContext": {"http": {"method": "POST", "sourceIp": caller}},
            "body": self.body.decode(),
            "isBase64Encoded": False,
        }


def is_self_test(body: bytes) -> bool:
    """Return whether a raw body is a self-test's: byte by byte, so no report passes for one."""
    return body == BODY


def has_passed(status: int, body: object) -> bool:
    """Return whether an answer is the one that a working deployment gives."""
    # `not_new` is answered only after the signature, the parsing and a read of the ledger.
    reason = body.get("reason") if isinstance(body, Mapping) else None
    return status == HTTPStatus.OK and reason == Reason.NOT_NEW
