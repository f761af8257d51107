"""The Lambda function behind `/verify-email`: a page, without JavaScript, that sends a mail again.

It knows what session tokens are signed with, and nothing else: another function sends the mail
(`send_mail.py`), which no route leads to.

Auth0's Action verify-email.js sends the browser here with a signed session token
(https://auth0.com/docs/customize/actions/explore-triggers/signup-and-login-triggers/login-trigger/
redirect-with-actions), and gets it back at the token's `continue_at`.
"""

import base64
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from http import HTTPStatus
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

import boto3
import jwt
from botocore.config import Config

from customerlink.adapters.aws.mail_function import MAIL_UNAVAILABLE, MailFunction
from customerlink.adapters.aws.secrets_manager import stored_session_secrets
from customerlink.functions.shell.api_gateway import (
    NO_SUCH_ROUTE,
    Answer,
    Event,
    Rejection,
    Request,
)
from customerlink.functions.shell.edge import AROUND, came_through
from customerlink.functions.shell.json_body import is_too_large
from customerlink.functions.shell.telemetry import report_bug, report_rejection
from customerlink.model.errors import ConfigurationError
from customerlink.model.values import Reader, text
from customerlink.model.verification_mail import Mail
from customerlink.wiring.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_PAGES = Path(__file__).with_name("pages")
_PAGE = Template((_PAGES / "verify-email.html").read_text())
_STYLE = (_PAGES / "verify-email.css").read_text()
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    # The address of this page holds the session token.
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
}

_ROUTES = frozenset({"GET /verify-email", "POST /verify-email"})

_UNAVAILABLE = Rejection(
    HTTPStatus.SERVICE_UNAVAILABLE, "auth0_unavailable", "the mail could not be sent"
)

_NOTICES = {
    Mail.SENT: "We have sent the mail again.",
    Mail.VERIFIED: "Your address is verified. You can continue.",
    Mail.UNTRUSTED: (
        "A mail would not help: addresses of your organisation's accounts cannot be verified here. "
        "Continue, and ask support for assistance."
    ),
    Mail.TOO_OFTEN: "A mail is on its way. Please wait a while before you ask for another one.",
    Mail.GONE: None,
}


@dataclass(frozen=True, slots=True)
class Session:
    """Who came here, and where the login goes on."""

    token: str
    user_id: str
    continue_at: str
    state: str

    @property
    def back(self) -> str:
        """Return the address at which Auth0 goes on with this login."""
        return f"{self.continue_at}?{urlencode({'state': self.state})}"


class Page:
    """What a warm function keeps."""

    def __init__(self) -> None:
        """Read settings and what session tokens are signed with."""
        self.settings = Settings.from_environment(os.environ)
        config = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2})
        client = boto3.client("secretsmanager", config=config)
        found = stored_session_secrets(client, os.environ["CUSTOMERLINK_SESSION_SECRET_ID"])
        self._mails = MailFunction(os.environ["CUSTOMERLINK_MAIL_FUNCTION"])
        self._session_secrets = found or self._mails.session_secrets()
        if not self._session_secrets:
            raise ConfigurationError("the page's secret has no session_secrets yet")

    def answer(self, method: str, values: dict[str, str]) -> Answer:
        """Show the page, after sending the mail if asked to."""
        session = self._session(values.get("session_token", ""), values.get("state", ""))
        notice = self._sent_again(session) if session and method == "POST" else ""
        if session is None or notice is None:
            return _page(
                HTTPStatus.BAD_REQUEST,
                "This page has expired",
                "Please log in again.",
            )
        return _page(
            HTTPStatus.OK,
            "Verify your email address",
            "We have sent you a mail. Open it, and follow its link; then come back here.",
            notice,
            session,
        )

    def _sent_again(self, session: Session) -> str | None:
        """Send the mail, and say what became of it; None for a user who is gone."""
        return _NOTICES[self._mails.send(session.user_id)]

    def _session(self, token: str, state: str) -> Session | None:
        for secret in self._session_secrets:
            try:
                claims = jwt.decode(
                    token, secret, algorithms=["HS256"], options={"require": ["exp", "iat", "sub"]}
                )
            except jwt.PyJWTError:
                continue
            if str(claims.get("continue_at", "")).startswith("https://"):
                return Session(token, str(claims["sub"]), claims["continue_at"], state)
        return None


def handler(event: Event, context: "LambdaContext") -> Answer:
    """Answer one request of a browser's."""
    return respond(_the_page, event, context)


def respond(page: Callable[[], Page], event: Event, context: "LambdaContext") -> Answer:
    """Answer, whatever happens; what the SDKs raise may be personal, and is told by kind."""
    request = Request.of(event)
    method = request.route.partition(" ")[0]
    try:
        opened = page()
        if not came_through(opened.settings, event):
            report_rejection(AROUND, context.aws_request_id)
            return AROUND.answer()
        if request.route not in _ROUTES:
            report_rejection(NO_SUCH_ROUTE, context.aws_request_id)
            return NO_SUCH_ROUTE.answer()
        return opened.answer(method, _values(method, request))
    except MAIL_UNAVAILABLE as trouble:
        _the_page.cache_clear()
        report_rejection(
            replace(_UNAVAILABLE, detail=type(trouble).__name__), context.aws_request_id
        )
    except Exception as bug:  # noqa: BLE001 (a bug is logged by kind and place, and alarmed)
        report_bug(bug, context.aws_request_id)
    return _page(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "That did not work",
        "Please go back, and try again in a moment.",
    )


def _values(method: str, request: Request) -> dict[str, str]:
    """Read the query, or the form: of each name the first value, if that is a text."""
    if is_too_large(request):
        return {}
    form = request.body.decode("ascii", "replace") if method == "POST" else ""
    try:
        given = parse_qs(form or request.query, max_num_fields=10)
    except ValueError:
        return {}
    read = Reader({name: values[0] for name, values in given.items()})
    return {name: value for name in given if (value := read(name, text))}


def _page(
    status: HTTPStatus, title: str, text: str, notice: str = "", session: Session | None = None
) -> Answer:
    body = _PAGE.substitute(
        style=_STYLE,
        title=title,
        text=text,
        notice=f'<p role="status">{notice}</p>' if notice else "",
        actions=_actions(session) if session else "",
    )
    return {"statusCode": status.value, "headers": _HEADERS, "body": body}


def _actions(session: Session) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in (("session_token", session.token), ("state", session.state))
    )
    return (
        f'<p><a class="button" href="{escape(session.back)}">Continue</a></p>'
        f'<form method="post" action="verify-email">{hidden}'
        '<button class="button">Send the mail again</button></form>'
    )


@cache
def _the_page() -> Page:
    return Page()
