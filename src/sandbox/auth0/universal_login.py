"""The log-in over HTTP: the pages that a person sees, and what OpenID Connect's clients call."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Flask, jsonify, request
from werkzeug.datastructures import Headers
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from sandbox.auth0.api import ManagementApi, sent_texts
from sandbox.auth0.authorize import Answer, Away, LogIn, Outcome, Page, Pending, with_parameters
from sandbox.auth0.clients import OIDC_SCOPES, Applications, Query, Refusal, origin_of
from sandbox.auth0.mail import Inbox
from sandbox.auth0.people import DATABASE, PROVIDERS, Problem, Provided, address_for_code
from sandbox.auth0.token_endpoint import TokenEndpoint
from sandbox.pages import page, rendered
from sandbox.tenant import Tenant

_COOKIE = "auth0"
_MOST_ACCOUNTS = _MOST_MAILS = 50
_READ_BY_PAGES = ("/oauth/", "/userinfo", "/.well-known/")
"""What a single-page application asks from its own origin."""

type Json = dict[str, Any]


def add_log_in(
    app: Flask, management: ManagementApi, tenant: Tenant, applications: Applications
) -> LogIn:
    """Serve it beside the Management API, which shares `/oauth/token` and the signing key."""
    tokens = management.tokens
    log_in = LogIn(tenant, tokens, applications)
    endpoint = TokenEndpoint(tenant, tokens, applications, log_in.codes)
    management.grants |= endpoint.grants()
    pages = _Pages(log_in, endpoint, management.jobs.inbox)
    for path, view in pages.views().items():
        app.add_url_rule(path, path, view, methods=["GET", "POST"])
    app.add_url_rule("/oauth/revoke", "revoke", pages.revoke, methods=["POST"])

    @app.after_request
    def readable(response: Any) -> Any:  # noqa: ANN401 (Flask's)
        origin = request.headers.get("origin", "")
        if request.path.startswith(_READ_BY_PAGES) and log_in.applications.allows_origin(origin):
            response.headers.update(_readable_by(origin))
        return response

    return log_in


def _readable_by(origin: str) -> Headers:
    return Headers(
        {
            "access-control-allow-origin": origin,
            "access-control-allow-headers": "authorization, auth0-client, content-type",
            "vary": "origin",
        }
    )


class _Pages:
    """The views."""

    def __init__(self, log_in: LogIn, endpoint: TokenEndpoint, inbox: Inbox) -> None:
        self._log_in, self._endpoint, self._inbox = log_in, endpoint, inbox

    def views(self) -> dict[str, Callable[..., Response]]:
        """Return what each address shows."""
        return {
            "/authorize": self.authorize,
            "/u/login": lambda: self._waiting(self._password, signs_up=False),
            "/u/signup": lambda: self._waiting(self._password, signs_up=True),
            "/u/code": lambda: self._waiting(self._code),
            "/u/provider/<connection>": lambda connection: self._waiting(
                self._provider, connection=connection
            ),
            "/u/mail": self.mails,
            "/u/email-verification": self.verify,
            "/continue": lambda: self._shown(
                self._log_in.come_back(request.values.get("state", ""))
            ),
            "/v2/logout": self.log_out,
            "/userinfo": self.user_info,
            "/.well-known/openid-configuration": self.configuration,
        }

    def authorize(self) -> Response:
        """Begin a log-in."""
        if any(len(request.values.getlist(name)) > 1 for name in request.values):
            return self._refused(Refusal("invalid_request", "A parameter is given twice."))
        return self._shown(self._log_in.begin(request.values.to_dict(), _cookie()))

    def log_out(self) -> Response:
        """End the session of a browser."""
        outcome = self._log_in.log_out(request.values.to_dict(), _cookie())
        response = self._shown(outcome) if outcome else Response("OK", content_type="text/plain")
        if not isinstance(outcome, Refusal):
            response.delete_cookie(_COOKIE, httponly=True, samesite="Lax")
        return response

    def user_info(self) -> Response:
        """Show a profile to who has a token for it."""
        bearer = request.authorization
        token = bearer.token if bearer and bearer.type == "bearer" else None
        profile = self._endpoint.user_info(token) if token else None
        if profile is None:
            wanted = {"www-authenticate": 'Bearer error="invalid_token"'}
            return Response("Unauthorized", HTTPStatus.UNAUTHORIZED, wanted)
        return jsonify(profile)

    def revoke(self) -> tuple[Response, int]:
        """End a refresh token."""
        document, status = self._endpoint.revoke(sent_texts())
        return jsonify(document), status

    def configuration(self) -> Response:
        """Say what there is: https://openid.net/specs/openid-connect-discovery-1_0.html."""
        issuer = self._log_in.tokens.issuer
        scopes = {each for api in self._log_in.applications.apis.values() for each in api}
        document: Json = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}authorize",
            "token_endpoint": f"{issuer}oauth/token",
            "userinfo_endpoint": f"{issuer}userinfo",
            "jwks_uri": f"{issuer}.well-known/jwks.json",
            "revocation_endpoint": f"{issuer}oauth/revoke",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "web_message"],
            "grant_types_supported": [
                *("authorization_code", "refresh_token", "client_credentials"),
            ],
            "code_challenge_methods_supported": ["S256"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": [*OIDC_SCOPES, *sorted(scopes)],
            "token_endpoint_auth_methods_supported": [
                *("none", "client_secret_post", "client_secret_basic"),
            ],
        }
        return jsonify(document)

    def mails(self) -> Response:
        """Show what was sent, to everybody."""
        mails, tenant = self._inbox.sent[::-1][:_MOST_MAILS], self._log_in.tenant.name
        return page("mail", title="The mail", tenant=tenant, mails=mails)

    def verify(self) -> Response:
        """Verify an address by the link that was sent to it."""
        if not self._inbox.follow(request.args.get("ticket", "")):
            return self._refused(Refusal("invalid_request", "This link is good no more."))
        tenant = self._log_in.tenant.name
        return page("verified", title="Your address is verified", tenant=tenant)

    # The pages of a log-in

    def _waiting(self, view: Callable[..., Response], **more: Any) -> Response:  # noqa: ANN401
        state = request.values.get("state", "")
        pending = self._log_in.pending(state)
        if pending is None or pending.session or more.get("connection", DATABASE) not in _KNOWN:
            return self._shown(self._log_in.come_back(""))
        return view(state, pending, **more)

    def _password(self, state: str, pending: Pending, *, signs_up: bool) -> Response:
        given = request.form.get("email", pending.asked.query.get("login_hint", ""))
        more: Json = {"signs_up": signs_up, "providers": PROVIDERS, "email": given}
        title = "Sign up" if signs_up else "Log in"
        if request.method == "GET":
            return self._page("login", title, pending, state=state, **more)
        people = self._log_in.people
        found = (people.sign_up if signs_up else people.log_in)(
            request.form.get("email", ""), request.form.get("password", "")
        )
        if isinstance(found, Problem):
            return self._page("login", title, pending, found, state=state, **more)
        if signs_up:
            self._inbox.send(found)
        return self._finished(state, found, DATABASE)

    def _provider(self, state: str, pending: Pending, connection: str) -> Response:
        people, name = self._log_in.people, PROVIDERS[connection]
        more: Json = {
            "provider": name,
            "accounts": people.accounts(connection)[:_MOST_ACCOUNTS],
            "email": request.form.get("email", pending.asked.query.get("login_hint", "")),
        }
        if request.method == "GET":
            return self._page("provider", name, pending, state=state, **more)
        found = people.come_from(connection, _provided())
        if isinstance(found, Problem):
            return self._page("provider", name, pending, found, state=state, **more)
        return self._finished(state, found, connection)

    def _code(self, state: str, pending: Pending) -> Response:
        problem = None
        if request.method == "POST":
            found = self._read_code(state, pending)
            if isinstance(found, Response):
                return found
            problem = found
        now = self._log_in.pending(state) or pending
        address, code = now.code or ("", "")
        hint = pending.asked.query.get("login_hint", "")
        more = {"address": address, "code": code, "email": hint, "state": state}
        return self._page("code", "Log in with a code", pending, problem, **more)

    def _read_code(self, state: str, pending: Pending) -> Response | Problem | None:
        if "address" in request.form:
            address = address_for_code(request.form["address"])
            if isinstance(address, Problem):
                return address
            self._log_in.send_code(state, pending, address)
            return None
        if not pending.code or request.form.get("code", "").strip() != pending.code[1]:
            return Problem("That is not the code.")
        address = pending.code[0]
        user_id = self._log_in.people.come_by_code(address)
        return self._finished(state, user_id, "email" if "@" in address else "sms")

    def _finished(self, state: str, user_id: str, connection: str) -> Response:
        outcome, cookie = self._log_in.finish(state, user_id, connection)
        response = self._shown(outcome)
        if cookie:
            response.set_cookie(_COOKIE, cookie, httponly=True, samesite="Lax")
        return response

    def _page(
        self,
        name: str,
        title: str,
        pending: Pending,
        problem: Problem | None = None,
        **more: Any,  # noqa: ANN401 (of a template)
    ) -> Response:
        text = problem.text if problem else ""
        application = pending.asked.client.name
        status = HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK
        more |= {"application": application, "problem": text}
        return page(name, status, title=title, tenant=self._log_in.tenant.name, **more)

    def _refused(self, refusal: Refusal) -> Response:
        title, tenant = "That does not work", self._log_in.tenant.name
        return page("error", HTTPStatus.BAD_REQUEST, title=title, tenant=tenant, refusal=refusal)

    def _shown(self, outcome: Outcome) -> Response:
        match outcome:
            case Refusal():
                return self._refused(outcome)
            case Page(name, state):
                return _sent(f"/u/{name}?state={state}")
            case Away(url):
                return _sent(url)
            case Answer(back, parameters) if back.is_message:
                origin = origin_of(back.redirect_uri)
                html = rendered("message", response=parameters, origin=origin)
                return Response(html, content_type="text/html; charset=utf-8")
            case Answer(back, parameters):
                return _sent(with_parameters(back.redirect_uri, parameters))


_KNOWN = (DATABASE, *PROVIDERS)


def _cookie() -> str:
    return request.cookies.get(_COOKIE, "")


def _sent(to: str) -> Response:
    return redirect(to, HTTPStatus.FOUND)


def _provided() -> Provided:
    form: Query = request.form
    given = {name: form.get(name, "").strip() for name in ("account", "email", "name")}
    return Provided(**given, is_verified="email_verified" in form)
