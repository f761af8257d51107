"""The Lambda function behind `/verify-email`: a page, without JavaScript, that sends a mail again.

It knows what session tokens are signed with, and nothing else: another function sends the mail
(`send_mail.py`), which no route leads to.

Auth0's Action verify-email.js sends the browser here with a signed session token
(https://auth0.com/docs/customize/actions/explore-triggers/signup-and-login-triggers/login-trigger/
redirect-with-actions), and gets it back at the token's `continue_at`.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from customerlink.adapters.auth0.session_token import SessionToken, session_token
from customerlink.adapters.aws.aws_json import Aws
from customerlink.adapters.aws.mail_function import MailFunction, MailNotSentError
from customerlink.adapters.aws.secrets_manager import FETCH_SECONDS
from customerlink.adapters.aws.stored_secrets import stored_session_secrets
from customerlink.adapters.connections import Connections
from customerlink.functions.page_look import PAGES, Look, look_of
from customerlink.functions.shell.answering import report_trouble
from customerlink.functions.shell.api_gateway import (
    NO_SUCH_ROUTE,
    Answer,
    Event,
    Rejection,
    Request,
)
from customerlink.functions.shell.edge import AROUND, came_through
from customerlink.functions.shell.json_body import is_too_large
from customerlink.functions.shell.telemetry import report_odd, report_rejection
from customerlink.model.errors import ConfigurationError
from customerlink.model.locales import MAX_LOCALES, Locales, best, locales
from customerlink.model.values import Reader, text
from customerlink.model.verification_mail import Mail
from customerlink.wiring.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# By locale and name; English first, for whoever reads none of them.
_TEXTS: dict[str, dict[str, str]] = json.loads((PAGES / "verify-email.json").read_text())

_ROUTES = frozenset({"GET /verify-email", "POST /verify-email"})

_UNAVAILABLE = Rejection(
    HTTPStatus.SERVICE_UNAVAILABLE, "mail_unavailable", "the mail could not be sent"
)


@dataclass(frozen=True, slots=True)
class Session:
    """Who came here, and where the login goes on."""

    token: str
    state: str
    login: SessionToken

    @property
    def back(self) -> str:
        """Return the address at which Auth0 goes on with this login."""
        return f"{self.login.continue_at}?{urlencode({'state': self.state})}"


class Page:
    """What a warm function keeps."""

    def __init__(self) -> None:
        """Read settings and what session tokens are signed with."""
        self.settings = Settings.from_environment(os.environ)
        self.look, odd = look_of(os.environ)
        report_odd(odd)
        aws_url = os.environ.get("AWS_ENDPOINT_URL", "")
        aws = Aws(Connections(aws_url), {**os.environ})
        client = aws.secrets_manager(FETCH_SECONDS / 2, FETCH_SECONDS / 2)
        found = stored_session_secrets(client, os.environ["CUSTOMERLINK_SESSION_SECRET_ID"])
        self._mails = MailFunction(aws, os.environ["CUSTOMERLINK_MAIL_FUNCTION"])
        self._session_secrets = found or self._mails.session_secrets()
        if not self._session_secrets:
            raise ConfigurationError("the page's secret has no session_secrets yet")

    def answer(self, method: str, values: dict[str, str], browsers: Locales) -> Answer:
        """Show the page, after sending the mail if asked to, in a language of the person's."""
        token = values.get("session_token", "")
        login = session_token(token, self._session_secrets)
        language, texts = _in_language(login.locales + browsers if login else browsers)
        mail = self._mails.send(login.user_id) if login and method == "POST" else None
        if login is None or mail is Mail.GONE:
            expired = _paragraph(texts["log_in"])
            return _page(HTTPStatus.BAD_REQUEST, self.look, language, texts["expired"], expired)
        session = Session(token, values.get("state", ""), login)
        main = _main(texts, session, texts[mail] if mail else "")
        return _page(HTTPStatus.OK, self.look, language, texts["title"], main)


def handler(event: Event, context: "LambdaContext") -> Answer:
    """Answer one request of a browser's."""
    return respond(_the_page, event, context)


def respond(page: Callable[[], Page], event: Event, context: "LambdaContext") -> Answer:
    """Answer, whatever happens; what the SDKs raise may be personal, and is told by kind."""
    request = Request.of(event)
    method = request.route.partition(" ")[0]
    browsers = _browsers(request.headers)
    look = Look()
    try:
        opened = page()
        look = opened.look
        if not came_through(opened.settings, event):
            report_rejection(AROUND, context.aws_request_id)
            return AROUND.answer()
        if request.route not in _ROUTES:
            report_rejection(NO_SUCH_ROUTE, context.aws_request_id)
            return NO_SUCH_ROUTE.answer()
        return opened.answer(method, _values(method, request), browsers)
    except MailNotSentError as trouble:
        _the_page.cache_clear()
        failed = replace(_UNAVAILABLE, detail=str(trouble), failure=trouble.failure)
        report_rejection(failed, context.aws_request_id)
    except Exception as trouble:  # noqa: BLE001 (a bug is logged by kind and place, and alarmed)
        report_trouble(trouble, context.aws_request_id)
    language, texts = _in_language(browsers)
    back = _paragraph(texts["go_back"])
    return _page(HTTPStatus.SERVICE_UNAVAILABLE, look, language, texts["failed"], back)


def _browsers(headers: Mapping[str, str]) -> Locales:
    """Return the languages that a browser asks for, in its order; what is none is passed over."""
    ranges = headers.get("accept-language", "").split(",")
    named = " ".join(each.partition(";")[0].strip() for each in ranges[:MAX_LOCALES])
    return Reader({"asked": named})("asked", locales) or ()


def _in_language(wanted: Locales) -> tuple[str, dict[str, str]]:
    return best({locale: (locale, texts) for locale, texts in _TEXTS.items()}, wanted)


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


def _page(status: HTTPStatus, look: Look, language: str, title: str, main: str) -> Answer:
    body = look.page(language, title, main)
    return {"statusCode": status.value, "headers": look.headers(), "body": body}


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _main(texts: dict[str, str], session: Session, notice: str) -> str:
    """Return what the page shows to somebody who is to verify their address."""
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in (("session_token", session.token), ("state", session.state))
    )
    return (
        _mailed(texts, session.login.address)
        + (f'<p role="status">{escape(notice)}</p>' if notice else "")
        + f'<p><a class="button" href="{escape(session.back)}">{escape(texts["continue"])}</a></p>'
        + f'<form method="post" action="verify-email">{hidden}'
        + f'<button class="button">{escape(texts["again"])}</button></form>'
    )


def _mailed(texts: dict[str, str], address: str | None) -> str:
    """Return where the mail went: a mistyped address is seen here, or nowhere."""
    if address is None:
        return _paragraph(texts["mailed"])
    shown = f'<bdi class="address">{escape(address)}</bdi>'
    return f"<p>{escape(texts['mailed_to']).replace('{address}', shown)}</p>"


@cache
def _the_page() -> Page:
    return Page()
