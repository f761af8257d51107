"""API Gateway's HTTP API events, payload format 2.0, and the answers to them.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import binascii
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from customerlink.model.failure import Failure
from customerlink.model.frozen import frozen

ERRORS = frozenset(
    {
        "auth0_unavailable",
        "caller_not_allowed",
        "internal_error",
        "invalid_request",
        "invalid_signature",
        "ledger_unavailable",
        "mail_unavailable",
        "not_authorised",
        "not_by_the_edge",
        "proof_refused",
        "queue_unavailable",
        "request_too_large",
        "tenant_not_served",
        "too_many_requests",
        "unsupported_media_type",
        "user_not_found",
    },
)
"""The codes of answers that are no decision, by which they are counted too."""

type Event = Mapping[str, Any]
type Answer = dict[str, Any]


@frozen
class Request:
    """A request as it came over the wire: `body` is the raw bytes, header names in lower case."""

    route: str
    """API Gateway's route key: `POST /post-login`."""
    headers: Mapping[str, str]
    body: bytes
    query: str = ""
    """As it stands behind the question mark."""

    @classmethod
    def of(cls, event: Event) -> "Request":
        """Read an event; a body that is not the base64 that it says to be counts as empty.

        What was made by hand may be anything; what is no event of API Gateway's is a request
        without headers and body, and so without a signature.
        """
        route, query = (
            str(_mapping(event).get(name, "")) for name in ("routeKey", "rawQueryString")
        )
        return cls(route, headers_of(event), _raw_body(event), query)

    def bearer(self) -> str:
        """Return the bearer token; "" without one."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def is_json(self) -> bool:
        """Return whether the content type is JSON's, parameters aside."""
        media_type = self.headers.get("content-type", "").partition(";")[0]
        return media_type.strip().lower() == "application/json"


@frozen
class Rejection:
    """An answer that is no decision: an error code, and a text without personal data."""

    status: HTTPStatus
    error: str
    detail: str
    failure: Failure | None = None
    """Where something failed, for the log alone."""
    counted: str = ""
    """By which metric, where one of the code's own name would ring for what anybody may send."""

    def __post_init__(self) -> None:
        """Know every code, so that alarms and dashboards can."""
        if self.error not in ERRORS:
            raise ValueError(f"{self.error} is not among the codes")

    def answer(self) -> Answer:
        """Return the response for API Gateway."""
        return answer(self.status, {"error": self.error, "detail": self.detail})


NO_SUCH_ROUTE = Rejection(HTTPStatus.NOT_FOUND, "invalid_request", "there is no such route")
"""As API Gateway answers a path, or a method, of which it knows no function."""

NOT_SERVED = Rejection(
    HTTPStatus.FORBIDDEN,
    "tenant_not_served",
    "the tenant is not among those that this deployment serves (Tenants)",
)


def headers_of(event: Event) -> dict[str, str]:
    """Return the headers, their names in lower case."""
    return {str(k).lower(): str(v) for k, v in _within(event, "headers").items()}


def api_of(event: Event) -> str:
    """Return the API that a request came by; "" for whoever invoked the function itself."""
    return str(_within(event, "requestContext").get("apiId") or "")


def caller_of(event: Event) -> str:
    """Return the address that a request came from, as API Gateway saw it; "" when it is missing."""
    return str(_within(event, "requestContext", "http").get("sourceIp") or "")


def claims_of(event: Event) -> Mapping[str, Any]:
    """Return what the JWT authoriser found in the access token; empty behind no authoriser."""
    return _within(event, "requestContext", "authorizer", "jwt", "claims")


def answer(status: HTTPStatus, body: Mapping[str, Any]) -> Answer:
    """Return a JSON response for API Gateway."""
    return {
        "statusCode": status.value,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": json.dumps(body),
    }


def _raw_body(event: Event) -> bytes:
    body = _mapping(event).get("body")
    if not isinstance(body, str):
        return b""
    if not _mapping(event).get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _within(event: Event, *names: str) -> Mapping[str, Any]:
    """Return the object at a path; empty where there is none."""
    found = _mapping(event)
    for name in names:
        found = _mapping(found.get(name))
    return found


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
