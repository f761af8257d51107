"""The page's server: its files, the stream, both sides, and the switches.

Whoever speaks to it is on this machine and has the run's token: the host and the origin are
looked at, since a page from anywhere may ask a browser to come here.
"""

import hmac
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from sandbox.journal import Entry, Journal, Kind
from sandbox.playground.control import Control
from sandbox.playground.curl import Places
from sandbox.playground.looking import Looking
from sandbox.playground.runbooks import page as operations
from sandbox.playground.runbooks import runbook_of
from sandbox.playground.stories import STORIES
from sandbox.playground.weather import Weather

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

FILES = Path(__file__).with_name("page")
SERVED = {
    "/": ("index.html", "text/html"),
    "/playground.css": ("playground.css", "text/css"),
    "/playground.mjs": ("playground.mjs", "text/javascript"),
}
OPEN = {*SERVED, "/operations"}
"""What needs no token: nothing of it is this run's."""

SWITCHES = ("/weather", "/policy", "/story")

HEARTBEAT_SECONDS = 10.0
"""So often at least something is sent: it is told by that whether anybody still listens."""

_NUMBER = re.compile(r"[0-9]{1,15}")

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; frame-src http://127.0.0.1:*; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    # With none at all, a browser would hide the page's origin from its own server too.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


@dataclass
class Page:
    """The WSGI application."""

    journal: Journal
    looking: Looking
    control: Control
    places: Places
    token: str
    frame: str
    """The shop that the left panel shows."""
    export: str
    """The line that gives the command line this sandbox."""

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        request = Request(environ)
        response = self._refused(request) or self._respond(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response(environ, start)

    def _refused(self, request: Request) -> Response | None:
        """Return why a request is not served, if it is not."""
        # The server's own port, whatever the request calls it.
        here = f"127.0.0.1:{request.environ['SERVER_PORT']}"
        if request.environ.get("HTTP_HOST") != here:
            return _json(403, {"error": "Host is not this server"})
        if request.method not in ("GET", "HEAD") and not _is_from(f"http://{here}", request):
            return _json(403, {"error": "Origin is not this page"})
        given = request.headers.get("x-playground-token") or request.args.get("token", "")
        if request.path in OPEN:
            return None
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return _json(403, {"error": "the token is not this run's"})
        return None

    def _respond(self, request: Request) -> Response:
        if request.method == "POST" and request.path in SWITCHES:
            return self._switch(request.path, request.get_json(silent=True))
        views: Mapping[str, Callable[[Request], Response]] = {
            **dict.fromkeys(SERVED, _file),
            "/operations": lambda _: _html(operations()),
            "/events": self._events,
            "/state": lambda asked: _json(200, self._state(asked.args.get("user", ""))),
        }
        view = views.get(request.path) if request.method == "GET" else None
        return view(request) if view else _json(404, {"error": "there is nothing here"})

    def _events(self, request: Request) -> Response:
        last = request.headers.get("last-event-id", "")
        number = int(last) if _NUMBER.fullmatch(last) else 0
        return Response(self._stream(number), content_type="text/event-stream")

    def _stream(self, number: int) -> Iterator[str]:
        while True:
            entries = self.journal.after(number, HEARTBEAT_SECONDS)
            for each in entries:
                number = each.number
                yield f"id: {number}\ndata: {json.dumps(self._shown(each))}\n\n"
            if not entries:
                yield ": nothing new\n\n"

    def _shown(self, entry: Entry) -> Mapping[str, object]:
        """Return an entry, the line for a shell, and where a line of the log is explained."""
        more: dict[str, object] = {"curl": self.places.curl(entry)}
        if entry.kind is Kind.LOG:
            more["runbook"] = runbook_of(entry.detail)
        return entry.document() | more

    def _state(self, user_id: str) -> Mapping[str, object]:
        more = {"frame": self.frame, "export": self.export}
        return self.looking.shown(user_id) | self.control.shown() | more

    def _switch(self, path: str, body: object) -> Response:
        asked = body if isinstance(body, dict) else {}
        name, value = str(asked.get("name", "")), str(asked.get("value", ""))
        match path:
            case "/weather" if name in {*Weather}:
                self.control.turn(Weather(name))
                return _json(200, {})
            case "/policy" if self.control.choose(name, value):
                return _json(200, {})
            case "/story" if name in STORIES:
                told = self.control.tell(STORIES[name])
                return _json(200, told) if told else _json(409, {"error": "a story is being told"})
        return _json(400, {"error": "name or value is none that there is"})


def _is_from(origin: str, request: Request) -> bool:
    """Return whether a page of this origin asks: a browser need not name it to itself."""
    given = request.headers.get("origin")
    return given == origin or (given, request.headers.get("sec-fetch-site")) == (
        None,
        "same-origin",
    )


def _file(request: Request) -> Response:
    name, kind = SERVED[request.path]
    return Response((FILES / name).read_bytes(), content_type=f"{kind}; charset=utf-8")


def _html(text: str) -> Response:
    return Response(text, content_type="text/html; charset=utf-8")


def _json(status: int, document: Mapping[str, object]) -> Response:
    return Response(json.dumps(document), status, content_type="application/json")
