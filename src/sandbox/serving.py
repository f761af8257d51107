"""WSGI applications as real HTTP servers on free ports of 127.0.0.1."""

import io
import threading
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request

from sandbox.shapes import LONGEST_BODY

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


type Middleware = "Callable[[WSGIApplication], WSGIApplication]"


def unchanged(application: "WSGIApplication") -> "WSGIApplication":
    """Put nothing around an application."""
    return application


def replayable(environ: "WSGIEnvironment") -> "tuple[bytes, WSGIEnvironment]":
    """Read a request's body; return it, and the request with a body that can be read once more."""
    body = Request(environ).get_data()
    return body, with_body(environ, body)


def with_body(environ: "WSGIEnvironment", body: bytes) -> "WSGIEnvironment":
    """Return a request with that body, which can be read once."""
    return {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}


def refuse_what_is_odd(app: Flask, said: Callable[[int, str], Mapping[str, object]]) -> None:
    """Answer in an API's own form, by `said`, where a framework would with a page or a traceback.

    Such as a method that a route has not, and a body that is too large or nests too deep.
    """
    app.config["MAX_CONTENT_LENGTH"] = LONGEST_BODY

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[Response, int]:
        status = error.code or HTTPStatus.BAD_REQUEST
        return jsonify(said(status, error.name)), status

    @app.errorhandler(RecursionError)
    def too_deep(_: RecursionError) -> tuple[Response, int]:
        return jsonify(said(400, "The body nests too deep")), 400


class _KeepAlive(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None:  # noqa: ANN401
        """Keep quiet: the demo's table is the log."""


class Server:
    """One application on one port, in threads of its own, while the block runs."""

    def __init__(
        self,
        application: "WSGIApplication",
        port: int = 0,
        host: str = "127.0.0.1",
        certificate: tuple[str, str] | None = None,
    ) -> None:
        """Bind at once, so that `url` is known before the server runs.

        With a certificate's file and its key's, it speaks HTTPS.
        """
        self._server = make_server(
            host,
            port,
            application,
            threaded=True,
            request_handler=_KeepAlive,
            ssl_context=certificate,
        )
        self.url = f"{'https' if certificate else 'http'}://{host}:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            args=(0.02,),
            daemon=True,
        )

    def __enter__(self) -> Self:
        """Start serving."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def one_at_a_time(application: "WSGIApplication") -> "WSGIApplication":
    """Let one request in at a time: for applications that are not atomic under concurrency."""
    lock = threading.Lock()

    def locked(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        with lock:
            return list(application(environ, start))

    return locked
