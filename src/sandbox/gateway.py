"""API Gateway's HTTP API: turns HTTP into payload-2.0 events and hands them to the function."""

import base64
import json
import queue
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import urllib3
from werkzeug.wrappers import Request, Response

from sandbox.patience import PATIENCE_SECONDS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

FUNCTION_SECONDS = 8.0
"""The function's time-out, as the template has it."""

ROUTES = {
    ("POST", "/post-login"): "invoke",
    ("POST", "/pre-user-registration"): "invoke",
    ("POST", "/post-user-registration"): "invoke",
    ("POST", "/customers/me"): "shop",
    ("POST", "/accounts/link"): "shop",
    ("GET", "/verify-email"): "page",
    ("POST", "/verify-email"): "page",
    ("POST", "/events/auth0"): "events",
    ("POST", "/events/stripe"): "events",
}
"""The template's routes, and which of the gateway's functions serves each."""

SCOPES = {"POST /customers/me": "customers:own", "POST /accounts/link": "accounts:link"}
"""The template's `AuthorizationScopes`."""

type Event = dict[str, Any]
type Invoke = Callable[[Event], Mapping[str, Any]]


@dataclass
class Context:
    """What the handler is given beside the event."""

    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_name: str = "PostLoginFunction"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:PostLoginFunction"
    _end: float = field(default_factory=lambda: time.monotonic() + FUNCTION_SECONDS)

    @classmethod
    def of(cls, name: str, seconds: float) -> "Context":
        """Return that of another function, which has so many seconds."""
        arn = cls.invoked_function_arn.replace(cls.function_name, name)
        end = time.monotonic() + seconds
        return cls(function_name=name, invoked_function_arn=arn, _end=end)

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function's time-out."""
        return max(0, int((self._end - time.monotonic()) * 1000))


def in_process(handler: Callable[[Event, Any], Mapping[str, Any]]) -> Invoke:
    """Call the handler in this process."""
    return lambda event: handler(event, Context())


def by_runtime_emulators(*urls: str) -> Invoke:
    """Call functions behind Lambda runtime emulators, one invocation at a time each."""
    pool = urllib3.PoolManager(maxsize=len(urls))
    idle: queue.Queue[str] = queue.Queue()
    for url in urls:
        idle.put(url)

    def invoke(event: Event) -> Mapping[str, Any]:
        url = idle.get()
        try:
            answer = pool.request(
                "POST",
                f"{url}/2015-03-31/functions/function/invocations",
                body=json.dumps(event),
                timeout=PATIENCE_SECONDS,
                retries=False,
            )
        except urllib3.exceptions.HTTPError:
            return {}  # the runtime died: API Gateway answers 500
        finally:
            idle.put(url)
        return dict(answer.json())

    return invoke


def event_of(request: Request) -> Event:
    """Return the event that API Gateway makes of a request (payload format 2.0)."""
    body = request.get_data()
    is_text = request.mimetype.startswith(("application/json", "text/"))
    try:
        text = body.decode() if is_text else None
    except UnicodeDecodeError:
        text = None
    now = time.time()
    return {
        "version": "2.0",
        "routeKey": f"{request.method} {request.path}",
        "rawPath": request.path,
        "rawQueryString": request.query_string.decode(errors="replace"),
        "headers": _joined(request.headers),
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "sandbox",
            "domainName": request.host,
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.remote_addr,
                "userAgent": request.user_agent.string,
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": f"{request.method} {request.path}",
            "stage": "$default",
            "timeEpoch": int(now * 1000),
        },
        "body": text if text is not None else base64.b64encode(body).decode(),
        "isBase64Encoded": text is None,
    }


@dataclass(frozen=True)
class Exchange:
    """One call as the gateway's access log has it."""

    status: int
    reason: str | None
    """The decision's reason, or the error code."""


class Gateway:
    """The WSGI application; `exchanges` tells what went through."""

    def __init__(self, invoke: Invoke) -> None:
        """Take the way to the Actions' function; each may be exchanged while serving."""
        self.invoke = self.shop = self.page = self.events = invoke
        self.authorise: Callable[[str], Mapping[str, Any] | None] = lambda _: None
        """The JWT authoriser: given a bearer token, its claims, or none."""
        self.exchanges: list[Exchange] = []
        self.loses_answers = False
        """Whether what the functions answer never arrives."""

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        response = self._respond(Request(environ))
        if self.loses_answers:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return response(environ, start)

    def _respond(self, request: Request) -> Response:
        function = ROUTES.get((request.method, request.path))
        if function is None:
            return _json(404, {"message": "Not Found"})
        event = event_of(request)
        if function == "shop":
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            claims = self.authorise(token) if scheme.lower() == "bearer" else None
            if claims is None:
                return _json(401, {"message": "Unauthorized"})
            scope = SCOPES[event["routeKey"]]
            if scope not in _scopes(claims):
                return _json(403, {"message": "Forbidden"})
            texts = {name: _as_text(value) for name, value in claims.items()}
            event["requestContext"]["authorizer"] = {"jwt": {"claims": texts, "scopes": [scope]}}
        answer = getattr(self, function)(event)
        if "statusCode" not in answer:
            self.exchanges.append(Exchange(500, None))
            return _json(500, {"message": "Internal Server Error"})
        is_json = answer["headers"]["content-type"] == "application/json"
        body = json.loads(answer["body"]) if is_json else {}
        reason = body.get("reason", body.get("error"))
        self.exchanges.append(Exchange(answer["statusCode"], reason))
        return Response(answer["body"], answer["statusCode"], answer["headers"])


def _scopes(claims: Mapping[str, Any]) -> list[str]:
    """By `scope`, or `scp`; an ID token has neither."""
    given = claims.get("scope", claims.get("scp"))
    return given if isinstance(given, list) else str(given or "").split()


def _as_text(value: object) -> str:
    """Return a claim as the authoriser hands it on: a list is `[one two]`."""
    if isinstance(value, list):
        return f"[{' '.join(map(_as_text, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Lower the names, and join repeated headers with commas, as API Gateway does."""
    joined: dict[str, str] = {}
    for given, value in headers:
        name = given.lower()
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _json(status: int, body: Mapping[str, str]) -> Response:
    return Response(json.dumps(body), status, {"content-type": "application/json"})
