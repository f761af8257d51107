"""A person's browser at the log-in page, without any network: what they press, and what comes."""

import base64
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import jwt
from werkzeug.test import Client, TestResponse

from sandbox.auth0.api import ManagementApi, management_app
from sandbox.auth0.clients import Applications
from sandbox.auth0.clients import Client as Application
from sandbox.auth0.universal_login import add_log_in
from sandbox.journal import Journal
from sandbox.tenant import ActionHost, Tenant

SHOP, NAME, API = "shop-id", "Ada's <shop>", "https://shop.example/api"
PAGE, OTHER = "http://127.0.0.1:5/index.html", "http://127.0.0.1:5/link.html"
VERIFIER = "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
ASKED = {
    "client_id": SHOP,
    "redirect_uri": PAGE,
    "response_type": "code",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "state": "the-state",
    "nonce": "the-nonce",
    "scope": "openid profile email offline_access customers:own unheard:of",
    "audience": API,
}

type Json = dict[str, Any]


@dataclass
class FakeHost:
    """In place of Node: answers events as a test wants it, and keeps them."""

    asks: Callable[[str, Json], Json] = lambda _handler, _event: {}
    events: list[Json] = field(default_factory=list)
    journal: Journal = field(default_factory=Journal)

    def run(self, event: Json, handler: str = "onExecutePostLogin") -> Json:
        """Run a handler on an event."""
        self.events.append(event)
        nothing: Json = {"denial": None, "redirect": None, "app_metadata": {}}
        return nothing | {"id_token": {}, "access_token": {}} | self.asks(handler, event)


class World:
    """A tenant with an application, at a clock that a test moves."""

    def __init__(self) -> None:
        """Start with nobody."""
        self.now = time.time()
        self.host = FakeHost()
        self.tenant = Tenant(
            cast("ActionHost", self.host), {"CUSTOMERLINK_URL": "http://x/post-login"}
        )
        management = ManagementApi(self.tenant.users, lambda: self.now)
        app = management_app(management)
        applications = Applications(apis={API: frozenset({"customers:own"})})
        applications.add(Application.single_page(SHOP, NAME, PAGE, OTHER))
        self.log_in = add_log_in(app, management, self.tenant, applications)
        self.tokens = management.tokens
        self.tokens.issuer = "http://127.0.0.1:6/"
        self.app = app

    def browser(self) -> "Browser":
        """Return a browser of somebody's own."""
        return Browser(Client(self.app))


@dataclass
class Browser:
    """Goes where it is sent, within the tenant."""

    client: Client

    def begin(self, **changes: str | None) -> TestResponse:
        """Go to `/authorize`, as an application sends people there; None leaves a parameter out."""
        asked = {name: value for name, value in (ASKED | changes).items() if value is not None}
        return self.client.get("/authorize", query_string=asked)

    def to_page(self, **changes: str | None) -> str:
        """Begin; return the address of the page that is shown."""
        answer = self.begin(**changes)
        assert answer.status_code == 302, answer.text
        assert answer.headers["location"].startswith("/u/"), answer.headers["location"]
        return answer.headers["location"]

    def at(self, page: str, name: str) -> str:
        """Follow a link of a page to another one of the same log-in."""
        return f"/u/{name}?{urlsplit(page).query}"

    def says(self, page: str, **form: str) -> TestResponse:
        """Send a page's form."""
        return self.client.post(page, data=form)

    def signs_up(self, email: str, **changes: str | None) -> dict[str, str]:
        """Sign up; return what the application is told."""
        page = self.to_page(screen_hint="signup", **changes)
        return told(self.says(page, email=email, password="a password"))

    def logs_in(self, email: str, **changes: str | None) -> dict[str, str]:
        """Log in by a password; return what the application is told."""
        return told(self.says(self.to_page(**changes), email=email, password="a password"))

    def comes_from(self, connection: str, **form: str) -> dict[str, str]:
        """Log in by a provider; return what the application is told."""
        page = self.to_page(connection=connection, prompt="login")
        return told(self.says(page, **{"email_verified": "on"} | form))

    def token(self, **body: Any) -> tuple[Json, int]:
        """Ask `/oauth/token`."""
        answer = self.client.post("/oauth/token", json={"client_id": SHOP} | body)
        return cast("Json", answer.get_json()), answer.status_code

    def redeems(self, code: str, /, **changes: Any) -> tuple[Json, int]:
        """Exchange a code."""
        body = {"code": code, "redirect_uri": PAGE, "code_verifier": VERIFIER}
        return self.token(**{"grant_type": "authorization_code"} | body | changes)

    def renews(self, token: str, **more: Any) -> tuple[Json, int]:
        """Use a refresh token."""
        return self.token(grant_type="refresh_token", refresh_token=token, **more)


def told(answer: TestResponse) -> dict[str, str]:
    """Return what the application is told at its page."""
    assert answer.status_code == 302, problem(answer)
    to = urlsplit(answer.headers["location"])
    assert to._replace(query="").geturl() == PAGE
    return {name: value for name, [value] in parse_qs(to.query).items()}


def problem(answer: TestResponse) -> str:
    """Return what a page says is wrong."""
    found = re.search(r'role="alert">([^<]*)<', answer.text)
    return found[1] if found else ""


def claims(token: str) -> Mapping[str, Any]:
    """Read a token."""
    read: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return read
