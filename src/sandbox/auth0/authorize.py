"""Auth0's `/authorize` and the log-in page behind it: from what an application asks to its answer.

https://auth0.com/docs/api/authentication (authorization code flow with PKCE).
"""

import secrets
import threading
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from sandbox.auth0.clients import (
    Applications,
    Asked,
    Back,
    Query,
    Refusal,
    RefusedBack,
    origin_of,
)
from sandbox.auth0.grants import Claims, Codes, Grant, Session
from sandbox.auth0.people import BY_CODE, DATABASE, PROVIDERS, People
from sandbox.auth0.tokens import Tokens
from sandbox.tenant import Login, Tenant, Transaction


@dataclass(frozen=True)
class Answer:
    """What the application is told, and where."""

    back: Back
    parameters: Query


@dataclass(frozen=True)
class Page:
    """A page of ours that the browser is to be shown: its name, and of which log-in."""

    name: str
    state: str


@dataclass(frozen=True)
class Away:
    """An address to which an Action sends the browser."""

    url: str


type Outcome = Answer | Page | Away | Refusal


@dataclass(frozen=True)
class Pending:
    """A log-in that is under way; with a session once it is known who it is."""

    asked: Asked
    session: Session | None = None
    code: tuple[str, str] | None = None
    """An address, and the code that it was sent."""
    sent_by: str = ""
    """The Action that has sent the browser away."""


@dataclass
class LogIn:
    """The log-ins and sessions of one tenant."""

    tenant: Tenant
    tokens: Tokens
    applications: Applications
    hosts: dict[str, str] = field(default_factory=dict)
    """Where this machine serves an https origin to which an Action may send people."""

    def __post_init__(self) -> None:
        """Start with nobody logged in."""
        self.people = People(self.tenant)
        self.codes = Codes(self.tokens.clock)
        self._sessions: dict[str, Session] = {}
        self._pending: dict[str, Pending] = {}
        self._lock = threading.Lock()

    def begin(self, query: Query, cookie: str) -> Outcome:
        """`/authorize`: a page, unless a session is enough; with `prompt=none` nobody is asked."""
        asked = self.applications.asked(query)
        match asked:
            case Refusal():
                return asked
            case RefusedBack(refusal, back):
                return _refused(back, refusal)
        if query.get("connection", DATABASE) not in (DATABASE, *PROVIDERS, *BY_CODE):
            return _refused(asked.back, Refusal("invalid_request", "the connection was not found"))
        session = self.session_of(cookie)
        if session and asked.takes_session_of(self.tokens.clock() - session.since):
            return self._go_on(asked, session, is_by_session=True)
        if asked.is_silent:
            return _refused(asked.back, Refusal("login_required", "Login required"))
        return Page(_first_page(query), self._keep(Pending(asked)))

    def pending(self, state: str) -> Pending | None:
        """Return a log-in that waits for somebody."""
        return self._pending.get(state)

    def send_code(self, state: str, pending: Pending, address: str) -> None:
        """Send a code to an address: there is no mail here, so the page shows it."""
        code = f"{secrets.randbelow(10**6):06}"
        self._keep(replace(pending, code=(address, code)), state)

    def finish(self, state: str, user_id: str, connection: str) -> tuple[Outcome, str]:
        """Log somebody in, and go on with what the application asked for; give the cookie too.

        The session is kept although the log-in may be denied, as Auth0 does.
        """
        pending = self._take(state)
        if pending is None:
            return _OVER, ""
        cookie, sid = secrets.token_urlsafe(24), secrets.token_urlsafe(16)
        session = Session(sid, user_id, connection, self.tokens.clock())
        with self._lock:
            self._sessions[cookie] = session
        return self._go_on(pending.asked, session), cookie

    def come_back(self, state: str) -> Outcome:
        """`/continue`: whom an Action sent away is back."""
        pending = self._take(state)
        if pending is None or pending.session is None or not self._is_there(pending.session):
            return _OVER
        session = pending.session
        transaction = Transaction(query=pending.asked.query, state=state)
        login = self.tenant.come_back(
            session.user_id, session.connection, transaction, pending.sent_by
        )
        return self._away_or_ended(pending.asked, session, login, state)

    def log_out(self, query: Query, cookie: str) -> Away | Refusal | None:
        """`/v2/logout`: end the session; only to an address that the settings allow."""
        to, client = (
            query.get("returnTo"),
            self.applications.clients.get(query.get("client_id", "")),
        )
        every = [client] if client else [*self.applications.clients.values()]
        if to and not any(to in each.logout_urls for each in every):
            text = "The returnTo is not among the logout URLs that the settings allow."
            return Refusal("invalid_request", text)
        with self._lock:
            self._sessions.pop(cookie, None)
        return Away(to) if to else None

    def session_of(self, cookie: str) -> Session | None:
        """Return a browser's session; that of a user who is gone, or was linked, is over."""
        session = self._sessions.get(cookie)
        return session if session and self._is_there(session) else None

    def _is_there(self, session: Session) -> bool:
        return session.user_id in self.tenant.users

    def _keep(self, pending: Pending, state: str = "") -> str:
        state = state or secrets.token_urlsafe(24)
        with self._lock:
            self._pending[state] = pending
        return state

    def _take(self, state: str) -> Pending | None:
        with self._lock:
            return self._pending.pop(state, None)

    def _go_on(self, asked: Asked, session: Session, *, is_by_session: bool = False) -> Outcome:
        """Run the Login flow; then back to the application, or away as an Action says."""
        state = self._keep(Pending(asked, session))
        transaction = Transaction(
            is_silent=asked.is_silent,
            is_by_session=is_by_session,
            query=asked.query,
            state=state,
        )
        login = self.tenant.log_in(session.user_id, session.connection, transaction)
        self._take(state)
        return self._away_or_ended(asked, session, login, state)

    def _away_or_ended(self, asked: Asked, session: Session, login: Login, state: str) -> Outcome:
        if login.decision == "redirect" and not asked.is_silent:
            self._keep(Pending(asked, session, sent_by=login.sent_by), state)
            return Away(self._on_this_machine(login.redirect or ""))
        return self._ended(asked, session, login)

    def _on_this_machine(self, url: str) -> str:
        origin = origin_of(url)
        return url.replace(origin, self.hosts.get(origin, origin), 1)

    def _ended(self, asked: Asked, session: Session, login: Login) -> Outcome:
        match login.decision:
            case "deny":
                return _refused(asked.back, Refusal("access_denied", login.denial or ""))
            case "redirect":
                text = "External interaction required"
                return _refused(asked.back, Refusal("interaction_required", text))
        grant = Grant(asked, session, Claims.of(login))
        return _answer(asked.back, code=self.codes.issue(grant))


_OVER = Refusal(
    "invalid_request",
    "This log-in is over, or was never begun. Please go back to the application and try again.",
)


def _first_page(query: Query) -> str:
    connection = query.get("connection", "")
    if connection in PROVIDERS:
        return f"provider/{connection}"
    if connection in BY_CODE:
        return "code"
    return "signup" if query.get("screen_hint") == "signup" else "login"


def _answer(back: Back, **parameters: str) -> Answer:
    return Answer(back, parameters | ({} if back.state is None else {"state": back.state}))


def _refused(back: Back, refusal: Refusal) -> Answer:
    return _answer(back, error=refusal.error, error_description=refusal.description)


def with_parameters(url: str, parameters: Query) -> str:
    """Add parameters to an address that may have some."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"
