"""The least of Auth0's `/authorize` that a browser needs: a log-in page, PKCE, and the tokens.

https://auth0.com/docs/api/authentication (authorization code flow with PKCE). The log-in page asks
for a `user_id` alone: whoever knows it is that user.
"""

import base64
import hashlib
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, jsonify, redirect, request

from sandbox.auth0.tokens import Tokens
from sandbox.tenant import Tenant

_COOKIE = "auth0"
_ANSWERS_ANYBODY = {"access-control-allow-origin": "*", "access-control-allow-headers": "*"}
_CONNECTIONS = {"google-oauth2": "google-oauth2", "samlp": "acme-saml"}

type Query = Mapping[str, str]


@dataclass(frozen=True)
class Session:
    """Who has logged in here, and when."""

    user_id: str
    since: float


@dataclass(frozen=True)
class Grant:
    """What a code is good for, once."""

    query: Query
    session: Session


@dataclass
class LogIn:
    """Sessions and codes of one tenant."""

    tenant: Tenant
    tokens: Tokens
    clients: set[str]
    _sessions: dict[str, Session] = field(default_factory=dict)
    _grants: dict[str, Grant] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, query: Query, cookie: str | None) -> Response:
        """`GET /authorize`: the log-in page; with `prompt=none` nobody is asked."""
        if query.get("client_id") not in self.clients:
            return Response("Unknown client", 400)
        if query.get("prompt") != "none":
            return Response(_page(query), content_type="text/html")
        session = self._sessions.get(cookie or "")
        return self._go_on(query, session) if session else _back(query, error="login_required")

    def log_in(self, query: Query, user_id: str) -> Response:
        """Log a user in, and go on with what the application asked for."""
        if user_id not in self.tenant.users:
            return Response("Wrong user", 401)
        cookie, session = secrets.token_urlsafe(16), Session(user_id, self.tokens.clock())
        with self._lock:
            self._sessions[cookie] = session
        response = self._go_on(query, session)
        # Kept although the log-in may be denied, as Auth0 does.
        response.set_cookie(_COOKIE, cookie, httponly=True, samesite="Lax")
        return response

    def tokens_for(self, body: Query) -> tuple[dict[str, Any], int]:
        """`POST /oauth/token` with a code: a document, and its status."""
        with self._lock:
            grant = self._grants.pop(body.get("code", ""), None)
        digest = hashlib.sha256(body.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        is_good = grant is not None and all(
            grant.query.get(name) == value
            for name, value in (
                ("client_id", body.get("client_id")),
                ("redirect_uri", body.get("redirect_uri")),
                ("code_challenge", challenge),
            )
        )
        if grant is None or not is_good:
            return {"error": "invalid_grant", "error_description": "Invalid code"}, 403
        return self._tokens(grant.query, grant.session), 200

    def _tokens(self, query: Query, session: Session) -> dict[str, Any]:
        scope, client = query.get("scope", ""), query["client_id"]
        # https://auth0.com/docs/authenticate/login/max-age-reauthentication
        is_asked = "max_age" in query or query.get("prompt") == "login"
        user = self.tenant.users[session.user_id]
        id_token = self.tokens.id_token(
            user, client, query.get("nonce", ""), session.since if is_asked else None
        )
        access_token = self.tokens.access_token(
            session.user_id, query.get("audience", ""), azp=client, scope=scope
        )
        granted = {"access_token": access_token, "id_token": id_token, "scope": scope}
        return granted | {"expires_in": 3600, "token_type": "Bearer"}

    def _go_on(self, query: Query, session: Session) -> Response:
        """Run the Login flow; then back to the application, or away as an Action says."""
        connection = _CONNECTIONS.get(session.user_id.partition("|")[0])
        silent = query.get("prompt") == "none"
        login = self.tenant.login(
            session.user_id,
            connection or "Username-Password-Authentication",
            silent=silent,
            query=query,
        )
        if login.decision == "deny":
            return _back(query, error="access_denied", error_description=login.denial or "")
        if login.redirect:
            return _redirect(login.redirect)
        code = secrets.token_urlsafe(16)
        with self._lock:
            self._grants[code] = Grant(query, session)
        return _back(query, code=code)


def add_log_in(app: Flask, log_in: LogIn) -> None:
    """Serve it beside the Management API, whose `/oauth/token` serves machines."""

    @app.get("/authorize")
    def authorize() -> Response:
        return log_in.begin(request.args.to_dict(), request.cookies.get(_COOKIE))

    @app.post("/authorize/login")
    def logged_in() -> Response:
        form = request.form.to_dict()
        return log_in.log_in(form, form.pop("as", ""))

    @app.before_request
    def exchanged() -> Response | None:
        if request.path != "/oauth/token":
            return None
        # A page of the shop's asks from its own origin.
        if request.method == "OPTIONS":
            return Response(status=204, headers=_ANSWERS_ANYBODY)
        if request.form.get("grant_type") != "authorization_code":
            return None
        document, status = log_in.tokens_for(request.form.to_dict())
        response = jsonify(document)
        response.status_code = status
        response.headers.update(_ANSWERS_ANYBODY)
        return response


def _page(query: Query) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in query.items()
    )
    return (
        '<!doctype html><title>Log in</title><form method="post" action="/authorize/login">'
        f'{hidden}<input name="as" aria-label="user_id"><button>Log in</button></form>'
    )


def _back(query: Query, **answer: str) -> Response:
    given = urlencode(answer | {"state": query.get("state", "")})
    return _redirect(f"{query.get('redirect_uri', '')}?{given}")


def _redirect(to: str) -> Response:
    response: Any = redirect(to)
    return Response(response.get_data(), response.status_code, response.headers)
