"""Where requests pass, they are noted: around the stand-ins' servers, and at the function's output.

A flow goes along from request to request as a header, which `flows_go_along` adds.
"""

import http.client
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, override
from unittest.mock import patch
from urllib.parse import SplitResult

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from customerlink.adapters import connections, http_messages
from sandbox.journal import Journal, Json, Kind, flow, flow_under_way
from sandbox.serving import Middleware, replayable, with_body
from sandbox.stripe_checkout import PAYMENTS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FLOW_HEADER = "x-sandbox-flow"
DROPPED_HEADER = "x-sandbox-dropped"
"""On the answer that never arrives, since its connection was dropped."""

_TOLD = {
    *("content-type", "authorization"),
    *("webhook-id", "webhook-timestamp", "webhook-signature"),
}
"""The headers of a call that its receiver reads."""

_DYNAMODB = "DynamoDB_20120810."


@dataclass(frozen=True)
class Passed:
    """A request and its answer."""

    request: Request
    body: object
    """As JSON; a form as an object; a text where it is neither."""
    status: int | None
    headers: Headers
    """The answer's."""
    answer: object

    @property
    def line(self) -> str:
        """Return method, path and status."""
        status = "dropped" if self.status is None else self.status
        return f"{self.request.method} {self.request.path} {status}"

    def detail(self) -> Json:
        """Return what every kind of request has."""
        return {
            "method": self.request.method,
            "path": self.request.path,
            "query": self.request.args.to_dict(),
            "body": self.body,
            "status": self.status,
            "answer": self.answer,
        }


type Told = tuple[Kind, str, Json] | None


def noting(journal: Journal, read: Callable[[Passed], Told]) -> Middleware:
    """Note what passes through an application; `read` says what is told of it, None for nothing."""

    def around(application: "WSGIApplication") -> "WSGIApplication":
        def noted(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            began = time.monotonic()
            body, again = replayable(environ)
            response = Response.from_app(application, again, buffered=True)
            told = read(_passed(Request(with_body(environ, body)), body, response))
            if told is not None:
                kind, title, detail = told
                spent = (time.monotonic() - began) * 1000
                journal.note(kind, title, detail, ms=spent, flow=_flow_of(environ))
            return response(again, start)

        return noted

    return around


def noting_calls(journal: Journal) -> Middleware:
    """Note a call of the gateway's when it comes and when it is answered, in a flow of its own."""

    def around(application: "WSGIApplication") -> "WSGIApplication":
        def noted(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            began = time.monotonic()
            body, again = replayable(environ)
            request = Request(again)
            with flow(_flow_of(environ)):
                call = f"{request.method} {request.path}"
                journal.note(Kind.REPORT, call, _asked(request, body))
                response = Response.from_app(application, again, buffered=True)
                answer = text_or_json(response.get_data())
                detail = {"status": response.status_code, "body": answer}
                spent = (time.monotonic() - began) * 1000
                journal.note(Kind.INSTRUCTION, _told(answer, response), detail, ms=spent)
            return response(again, start)

        return noted

    return around


def of_stripe(passed: Passed) -> Told:
    """Tell of a request to Stripe; the page for a payment is no API."""
    if passed.request.path.startswith(PAYMENTS):
        return None
    asked, answered = passed.request.headers, passed.headers
    more = {
        "idempotency_key": asked.get("Idempotency-Key"),
        "request_id": answered.get("Request-Id"),
        "is_replayed": answered.get("Idempotent-Replayed") == "true",
    }
    return Kind.STRIPE, passed.line, {**passed.detail(), **more}


def of_dynamodb(passed: Passed) -> Told:
    """Tell of a request to DynamoDB, and of none to AWS's other services: secrets pass there."""
    target = passed.request.headers.get("X-Amz-Target", "")
    if not target.startswith(_DYNAMODB):
        return None
    operation = target.removeprefix(_DYNAMODB)
    shown = {"operation": operation, "body": passed.body}
    shown |= {"status": passed.status, "answer": passed.answer}
    return Kind.DYNAMODB, f"{operation} {_key(passed.body)}", shown


def of_auth0(passed: Passed) -> Told:
    """Tell of a request to Auth0's APIs; the pages' forms are nobody's business."""
    path = passed.request.path
    if not path.startswith(("/api/v2/", "/oauth/", "/exports/")):
        return None
    return Kind.AUTH0, passed.line, passed.detail()


class NotedOutput(io.StringIO):
    """What the functions print; each line of the log is noted, the pipeline's steps before it."""

    def __init__(self, journal: Journal) -> None:
        """Start with nothing printed."""
        super().__init__()
        self._journal = journal

    @override
    def write(self, text: str) -> int:
        for line in text.splitlines():
            self._note(text_or_json(line))
        return super().write(text)

    def _note(self, line: object) -> None:
        # A line in the metrics' format is none of the log's.
        if not isinstance(line, dict) or "_aws" in line:
            return
        for step, milliseconds in (line.get("steps") or {}).items():
            self._journal.note(Kind.STEP, step, {}, ms=milliseconds)
        self._journal.note(Kind.LOG, str(line.get("message")), line)


@contextmanager
def flows_go_along() -> Iterator[None]:
    """Let each request that is sent in a flow name it: by our own connections, or `http.client`."""
    plain, end = http_messages.request_bytes, http.client.HTTPConnection.endheaders

    def request_bytes(
        method: str, url: SplitResult, headers: Mapping[str, str], body: bytes | str | None
    ) -> bytes:
        name = flow_under_way()
        return plain(method, url, {**headers, FLOW_HEADER: name} if name else headers, body)

    def ended(connection: http.client.HTTPConnection, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        if name := flow_under_way():
            connection.putheader(FLOW_HEADER, name)
        end(connection, *args, **kwargs)

    with (
        patch.object(connections, "request_bytes", request_bytes),
        patch.object(http.client.HTTPConnection, "endheaders", ended),
    ):
        yield


def _passed(request: Request, body: bytes, response: Response) -> Passed:
    is_dropped = DROPPED_HEADER in response.headers
    return Passed(
        request,
        _form_of(request) or text_or_json(body),
        None if is_dropped else response.status_code,
        response.headers,
        None if is_dropped else text_or_json(response.get_data()),
    )


def _flow_of(environ: "WSGIEnvironment") -> str:
    return str(environ.get(f"HTTP_{FLOW_HEADER.upper().replace('-', '_')}", ""))


def _asked(request: Request, body: bytes) -> Json:
    headers = {name.lower(): value for name, value in request.headers if name.lower() in _TOLD}
    shown: Json = {"method": request.method, "path": request.path, "headers": headers}
    shown["body"] = text_or_json(body)
    # A shop's body holds tokens, which are masked in JSON alone.
    is_signed = "webhook-signature" in headers
    return shown | ({"raw": body.decode(errors="replace")} if is_signed else {})


def _told(answer: object, response: Response) -> str:
    """Return a decision and its reason, an error's code, the shop's customer, or the status."""
    document = answer if isinstance(answer, dict) else {}
    words = [document.get(each) for each in ("decision", "reason", "error", "stripe_customer_id")]
    return ", ".join(str(each) for each in words if each) or response.status


def text_or_json(document: bytes | str) -> object:
    """Read JSON; what is none is a text, and nothing is None."""
    try:
        return json.loads(document) if document else None
    except (ValueError, RecursionError):
        return document if isinstance(document, str) else document.decode(errors="replace")


def _form_of(request: Request) -> Mapping[str, str]:
    if request.mimetype != "application/x-www-form-urlencoded":
        return {}
    try:
        return request.form.to_dict()
    except HTTPException:
        return {}  # more of it than anybody reads


def _key(body: object) -> str:
    """Return the item that a request is about, or its table."""
    asked: Mapping[str, Any] = body if isinstance(body, dict) else {}
    key = asked.get("Key") or asked.get("Item") or {}
    found = key.get("pk") if isinstance(key, dict) else None
    name = found.get("S") if isinstance(found, dict) else asked.get("TableName", "")
    return str(name)
