"""The tenant's applications, and what one may ask of `/authorize`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

SILENT, AGAIN = "none", "login"
"""Values of `prompt`: nobody is asked; everybody is."""

OIDC_SCOPES = ("openid", "profile", "email", "offline_access")

type Query = Mapping[str, str]


@dataclass(frozen=True)
class Client:
    """An application of the tenant's, with what its settings allow.

    https://auth0.com/docs/get-started/applications/application-settings
    """

    client_id: str
    name: str
    """Which the log-in page shows."""
    callbacks: frozenset[str] = frozenset()
    logout_urls: frozenset[str] = frozenset()
    web_origins: frozenset[str] = frozenset()
    secret: str | None = None
    """A page that runs in the browser has none: it proves itself by PKCE alone."""

    @classmethod
    def single_page(cls, client_id: str, name: str, *pages: str) -> Self:
        """Return one of so many pages, each of which may be come back to."""
        origins = frozenset(origin_of(each) for each in pages)
        return cls(client_id, name, frozenset(pages), origins | set(pages), origins)

    def may_answer_at(self, redirect_uri: str, *, is_message: bool) -> bool:
        """Say whether an answer may go there; a message may go to a page's origin as well."""
        allowed = self.callbacks | self.web_origins if is_message else self.callbacks
        return redirect_uri in allowed


def origin_of(url: str) -> str:
    """Return what a browser calls the origin of a page."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True)
class Refusal:
    """Why something is not done, in OAuth's words."""

    error: str
    description: str


@dataclass(frozen=True)
class Back:
    """Where an answer goes, and how: by a redirect, or as a message to the page around."""

    redirect_uri: str
    state: str | None
    is_message: bool


@dataclass(frozen=True)
class Asked:
    """What an application asked for."""

    client: Client
    back: Back
    query: Query
    scopes: tuple[str, ...]
    audience: str
    prompts: frozenset[str]
    max_age: int | None

    @property
    def is_silent(self) -> bool:
        """Nobody is to be asked."""
        return SILENT in self.prompts

    @property
    def is_time_asked(self) -> bool:
        """Whether the ID token says when somebody logged in.

        https://auth0.com/docs/authenticate/login/max-age-reauthentication
        """
        return self.max_age is not None or AGAIN in self.prompts

    def takes_session_of(self, age: float) -> bool:
        """Say whether a session that is so many seconds old is enough."""
        return not self.prompts - {SILENT} and (self.max_age is None or age <= self.max_age)


@dataclass(frozen=True)
class RefusedBack:
    """A refusal that the application is told."""

    refusal: Refusal
    back: Back


@dataclass
class Applications:
    """The tenant's applications, and its APIs with their scopes."""

    clients: dict[str, Client] = field(default_factory=dict)
    apis: dict[str, frozenset[str]] = field(default_factory=dict)

    def add(self, client: Client) -> None:
        """Put one in, in place of the one that had its id."""
        self.clients[client.client_id] = client

    def allows_origin(self, origin: str) -> bool:
        """Say whether a page of some application's may read an answer."""
        return any(origin in each.web_origins for each in self.clients.values())

    def asked(self, query: Query) -> Asked | Refusal | RefusedBack:
        """Read a request; a bare refusal must not leave this tenant, as nobody vouches for whom to.

        https://auth0.com/docs/api/authentication (authorization code flow with PKCE)
        """
        client = self.clients.get(query.get("client_id", ""))
        if client is None:
            return Refusal("invalid_request", "Unknown client.")
        is_message = query.get("response_mode") == "web_message"
        redirect_uri = query.get("redirect_uri", "")
        if not client.may_answer_at(redirect_uri, is_message=is_message):
            return Refusal(
                "unauthorized_client",
                "Callback URL mismatch. The redirect_uri is not among those that the "
                "application's settings allow.",
            )
        back = Back(redirect_uri, query.get("state"), is_message)
        refusal = self._refusal(client, query)
        return RefusedBack(refusal, back) if refusal else self._read(client, back, query)

    def _read(self, client: Client, back: Back, query: Query) -> Asked:
        audience, max_age = query.get("audience", ""), query.get("max_age")
        known = {*OIDC_SCOPES, *self.apis.get(audience, ())}
        given = dict.fromkeys(query.get("scope", "openid profile email").split())
        return Asked(
            client,
            back,
            query,
            tuple(each for each in given if each in known),
            audience,
            frozenset(query.get("prompt", "").split()),
            None if max_age is None else int(max_age),
        )

    def _refusal(self, client: Client, query: Query) -> Refusal | None:
        prompts, audience = query.get("prompt", "").split(), query.get("audience", "")
        rules = (
            (query.get("response_type") == "code", _NO_CODE),
            (query.get("response_mode", "query") in _MODES, _bad("response_mode is not known")),
            (query.get("code_challenge_method", "S256") == "S256", _bad("only S256 is known")),
            (query.get("code_challenge") or client.secret, _bad("code_challenge is missing")),
            (SILENT not in prompts or len(prompts) == 1, _bad("prompt=none stands alone")),
            (_SECONDS.fullmatch(query.get("max_age", "0")), _bad("max_age is no number")),
            (not audience or audience in self.apis, _NO_API),
        )
        return next((refusal for holds, refusal in rules if not holds), None)


def _bad(description: str) -> Refusal:
    return Refusal("invalid_request", description)


_NO_CODE = Refusal("unsupported_response_type", "only response_type=code is known")
_NO_API = Refusal("access_denied", "Service not found: audience is no API of the tenant's")
_MODES = ("query", "web_message")
_SECONDS = re.compile(r"[0-9]{1,10}")
