"""The Management API over HTTP, as the auth0-python package speaks to it."""

import math
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_plus

from flask import Flask, Response, jsonify, request

from sandbox.auth0.actions import Actions
from sandbox.auth0.bodies import (
    ACTION,
    BINDINGS,
    EVENT_STREAM,
    EXPORT,
    IDENTITY,
    TEST_EVENT,
    USER,
    VERIFICATION,
    body,
)
from sandbox.auth0.connections import Connections
from sandbox.auth0.event_streams import EventStreams
from sandbox.auth0.failure import Auth0Failure, bad_body
from sandbox.auth0.jobs import Jobs
from sandbox.auth0.tokens import Tokens
from sandbox.auth0.users import Users
from sandbox.rate_limits import RateLimit, auth0_kind, auth0_limits
from sandbox.serving import refuse_what_is_odd

TOKEN_SECONDS = 86_400
SCOPES = (
    "create:actions",
    "create:event_streams",
    "create:users",
    "delete:actions",
    "delete:event_streams",
    "delete:users",
    "read:actions",
    "read:connections",
    "read:event_streams",
    "read:users",
    "update:actions",
    "update:event_streams",
    "update:users",
)

type Json = dict[str, Any]
type Texts = Mapping[str, str]
type Grant = Callable[[Texts], tuple[Json, int]]
type Route = tuple[str, str, str, Callable[..., object]]


@dataclass
class ManagementApi:
    """What is behind the API: clients and their tokens, users, Actions, jobs."""

    users: Users
    clock: Callable[[], float] = time.time
    requests: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Requests that fail once with 503, by their beginning: `PATCH /api/v2/actions`."""
    grants: dict[str, Grant] = field(default_factory=dict)
    """What else gives tokens, beside client credentials."""
    _clients: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    _tokens: dict[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start with no Actions and no jobs."""
        self.tokens = Tokens(clock=self.clock)
        self.rate = RateLimit(self.clock)
        """Of all requests; more than a test asks for."""
        self._limits: dict[str, RateLimit] = {}
        self.refused: Counter[str] = Counter()
        """Requests of each kind that met a limit."""
        self.actions = Actions(self.clock)
        self.connections = Connections()
        self.event_streams = EventStreams(self.clock)
        self.jobs = Jobs(self.users, self.clock)

    def limit_to(self, plan: str) -> None:
        """Take as many requests as a plan does."""
        self._limits = auth0_limits(plan, self.clock)

    def count(self, method: str, path: str) -> dict[str, str]:
        """Count a request; return the headers, or raise 429 with them."""
        kind = auth0_kind(method, path)
        limit = self._limits.get(kind) or self._limits.get("") or self.rate
        is_there, left, full_at = limit.take()
        headers = {
            "x-ratelimit-limit": str(int(limit.requests)),
            "x-ratelimit-remaining": str(left),
            "x-ratelimit-reset": str(math.ceil(full_at)),
        }
        if not is_there:
            self.refused[kind] += 1
            message = "Global limit has been reached"
            raise Auth0Failure(429, message, "too_many_requests", headers)
        return headers

    def add_client(
        self, scopes: tuple[str, ...] = SCOPES, known: tuple[str, str] | None = None
    ) -> tuple[str, str]:
        """Make a machine-to-machine application; return its id and its secret, new or known."""
        client_id, secret = known or (secrets.token_urlsafe(24), secrets.token_urlsafe(48))
        self._clients[client_id] = (secret, scopes)
        return client_id, secret

    def token(self, body: Texts) -> tuple[Json, int]:
        """`POST /oauth/token`: a document, and its status."""
        every = {"client_credentials": self._to_a_machine, **self.grants}
        grant = every.get(body.get("grant_type", ""))
        if grant is None:
            return {"error": "unsupported_grant_type", "error_description": "Unsupported"}, 403
        return grant(body)

    def _to_a_machine(self, body: Texts) -> tuple[Json, int]:
        secret, scopes = self._clients.get(body.get("client_id", ""), ("", ()))
        if not secret or secret != body.get("client_secret"):
            return {"error": "access_denied", "error_description": "Unauthorized"}, 401
        if not body.get("audience", "").endswith("/api/v2/"):
            return {"error": "access_denied", "error_description": "Service not found"}, 403
        token = secrets.token_urlsafe(32)
        self._tokens[token] = (self.clock() + TOKEN_SECONDS, scopes)
        granted = {"access_token": token, "scope": " ".join(scopes)}
        return granted | {"expires_in": TOKEN_SECONDS, "token_type": "Bearer"}, 200

    def fail(self, asked: str) -> None:
        """Raise the fault that is due for a request, if any."""
        due = next((each for each in self.faults if asked.startswith(each)), None)
        if due:
            self.faults.remove(due)
            raise Auth0Failure(503, "Service unavailable")

    def authorise(self, token: str | None, scope: str) -> None:
        """Raise the 401 or 403 that the API answers."""
        if not token:
            raise Auth0Failure(401, "Missing authentication")
        until, scopes = self._tokens.get(token, (0.0, ()))
        if self.clock() >= until:
            raise Auth0Failure(401, "Invalid token")
        if scope not in scopes:
            message = f"Insufficient scope, expected any of: {scope}"
            raise Auth0Failure(403, message, "insufficient_scope")


def management_app(api: ManagementApi) -> Flask:
    """Return the WSGI application over a tenant."""
    app = Flask("auth0")

    @app.post("/oauth/token")
    def token() -> tuple[Response, int]:
        document, status = api.token(sent_texts())
        response = jsonify(document)
        response.headers["cache-control"] = "no-store"
        return response, status

    @app.get("/.well-known/jwks.json")
    def key_set() -> Response:
        return jsonify(api.tokens.key_set())

    @app.get("/exports/<token>/<name>")
    def exported(token: str, name: str) -> Response:
        content = api.jobs.file(token)
        if content is None:
            return Response(f"{name}: Request has expired", 403)
        return Response(content, content_type="application/gzip")

    refuse_what_is_odd(app, lambda status, text: Auth0Failure(status, text).body())
    for method, path, scope, carry_out in (
        *_user_routes(api),
        *_action_routes(api),
        *_connection_routes(api),
        *_event_stream_routes(api),
    ):
        view = _view(api, scope, carry_out)
        app.add_url_rule(f"/api/v2/{path}", f"{method} {path}", view, methods=[method])
    return app


def _user_routes(api: ManagementApi) -> Iterator[Route]:
    users, jobs, one = api.users, api.jobs, "users/<path:user_id>"
    read, update = "read:users", "update:users"
    yield "GET", "users", read, lambda: users.list_page(_query())
    yield "POST", "users", "create:users", lambda: users.create(body(USER))
    yield "GET", "users-by-email", read, lambda: users.by_email(_query().get("email", ""))
    yield "GET", one, read, users.read
    yield "PATCH", one, update, lambda user_id: users.patch(user_id, body(USER))
    yield "DELETE", one, "delete:users", users.delete
    yield "POST", f"{one}/identities", update, lambda user_id: users.link(user_id, body(IDENTITY))
    yield "POST", "jobs/users-exports", read, lambda: jobs.export(body(EXPORT))
    yield "POST", "jobs/users-imports", "create:users", lambda: jobs.import_users(*_upload())
    yield (
        "POST",
        "jobs/verification-email",
        update,
        lambda: jobs.send_verification(body(VERIFICATION)),
    )
    yield "GET", "jobs/<job_id>", read, lambda job_id: jobs.get(job_id, request.host_url)


def _action_routes(api: ManagementApi) -> Iterator[Route]:
    actions, one = api.actions, "actions/actions/<action_id>"
    version, bindings = f"{one}/versions/<version_id>", "actions/triggers/<trigger>/bindings"
    read, create, update = "read:actions", "create:actions", "update:actions"
    yield "GET", "actions/actions", read, lambda: actions.list_page(_query())
    yield "POST", "actions/actions", create, lambda: actions.create(body(ACTION))
    yield "GET", one, read, actions.get
    yield "PATCH", one, update, lambda action_id: actions.update(action_id, body(ACTION))
    yield "DELETE", one, "delete:actions", lambda action_id: actions.delete(action_id, _query())
    yield "POST", f"{one}/deploy", create, actions.deploy
    yield "GET", f"{one}/versions", read, lambda action_id: actions.versions(action_id, _query())
    yield "GET", version, read, actions.version
    yield "POST", f"{version}/deploy", create, actions.roll_back
    yield "GET", "actions/triggers", read, actions.triggers
    yield "GET", bindings, read, lambda trigger: actions.bindings(trigger, _query())
    yield "PATCH", bindings, update, lambda trigger: actions.bind(trigger, body(BINDINGS))


def _connection_routes(api: ManagementApi) -> Iterator[Route]:
    yield "GET", "connections", "read:connections", lambda: api.connections.list_page(_query())


def _event_stream_routes(api: ManagementApi) -> Iterator[Route]:
    streams, one = api.event_streams, "event-streams/<stream_id>"
    read, create, update = "read:event_streams", "create:event_streams", "update:event_streams"
    yield "GET", "event-streams", read, lambda: streams.list_page(_query())
    yield "POST", "event-streams", create, lambda: streams.create(body(EVENT_STREAM))
    yield "GET", one, read, streams.get
    yield "PATCH", one, update, lambda stream_id: streams.update(stream_id, body(EVENT_STREAM))
    yield "DELETE", one, "delete:event_streams", streams.delete
    yield "POST", f"{one}/test", create, lambda stream_id: streams.test(stream_id, body(TEST_EVENT))
    yield "GET", f"{one}/deliveries", read, streams.deliveries


def _view(
    api: ManagementApi, scope: str, carry_out: Callable[..., object]
) -> Callable[..., Response]:
    """Serve a route: the token, then the rate, then the call."""

    def view(**ids: str) -> Response:
        headers: dict[str, str] = {}
        asked = f"{request.method} {request.path}"
        try:
            api.fail(asked)
            api.authorise(request.authorization.token if request.authorization else None, scope)
            headers = api.count(request.method, request.path)
            shown = carry_out(**ids)
            status = HTTPStatus.NO_CONTENT if shown is None else HTTPStatus.OK
            status = HTTPStatus.CREATED if shown and request.method == "POST" else status
        except Auth0Failure as failure:
            status, shown = HTTPStatus(failure.status), failure.body()
            headers |= failure.headers
        api.requests.append(f"{asked} {status.value}")
        response = Response() if shown is None else jsonify(shown)
        response.status_code = status
        response.headers.update(headers)
        return response

    return view


def sent_texts() -> dict[str, str]:
    """Return what an OAuth endpoint was sent, as a form or as JSON; what is no text is not there.

    A client may name itself by HTTP's basic authentication.
    """
    document = request.get_json(silent=True)
    body = document if isinstance(document, dict) else request.form.to_dict()
    basic = request.authorization
    if basic and basic.type == "basic":
        named = {"client_id": basic.username, "client_secret": basic.password}
        body |= {name: unquote_plus(value or "") for name, value in named.items()}
    return {name: value for name, value in body.items() if isinstance(value, str)}


def _query() -> dict[str, str]:
    return request.args.to_dict()


def _upload() -> tuple[dict[str, str], bytes]:
    if "users" not in request.files:
        raise bad_body("Users file is missing")
    return request.form.to_dict(), request.files["users"].read()
