"""Connections that a warm function keeps alive, by the standard library's HTTP client.

A pool of urllib3's costs twice the processor time a request and 20 ms of a cold start
(docs/performance.md). This one keeps what a sign-up needs of it: a time for connecting and one in
all, a look whether the other side has hung up, and no redirects.
"""

import select
import ssl
import time
import weakref
from collections import defaultdict
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from customerlink.model.errors import CustomerLinkError
from customerlink.model.frozen import frozen


class NotConnectedError(CustomerLinkError):
    """The request did not leave: no connection, or no time left for it."""


class NoAnswerError(CustomerLinkError):
    """The request left, and no whole answer came in time."""


@frozen
class Answer:
    """A whole answer; `headers` are found in any letter case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connections:
    """Idle connections by their server; any number may be in use at once."""

    def __init__(self, *urls: str) -> None:
        """Make the TLS context that all share, unless the addresses are of plain HTTP only.

        It takes some 20 ms, so a cold start does without where nothing needs one.
        """
        needs_tls = not urls or not all(each.startswith("http://") for each in urls)
        self._context = ssl.create_default_context() if needs_tls else None
        self._idle: dict[tuple[str, str], list[HTTPConnection]] = defaultdict(list)
        weakref.finalize(self, _close_all, self._idle)

    def request(  # noqa: PLR0913 (what a request is made of)
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | str | None,
        *,
        connect: float,
        total: float,
    ) -> Answer:
        """Send a request and read its answer, within `connect` and `total` seconds."""
        end = time.monotonic() + total
        parts = urlsplit(url)
        idle = self._idle[parts.scheme, parts.netloc]
        connection = _still_open(idle) or self._connected(parts.scheme, parts.netloc, connect)
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        if not _has_time(connection, end):
            connection.close()
            raise NotConnectedError("no time left")
        try:
            connection.request(method, path, body, headers)
            if not _has_time(connection, end):
                raise TimeoutError
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())  # type: ignore[arg-type]
        except (OSError, HTTPException) as error:
            connection.close()
            raise NoAnswerError(type(error).__name__) from None
        if connection.sock is not None:
            idle.append(connection)
        return answer

    def _connected(self, scheme: str, netloc: str, seconds: float) -> HTTPConnection:
        if scheme == "https":
            context = self._context or ssl.create_default_context()
            connection: HTTPConnection = HTTPSConnection(netloc, timeout=seconds, context=context)
        else:
            connection = HTTPConnection(netloc, timeout=seconds)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise NotConnectedError(type(error).__name__) from None
        return connection


def _close_all(idle: Mapping[tuple[str, str], list[HTTPConnection]]) -> None:
    for connections in idle.values():
        while connections:
            connections.pop().close()


def _still_open(idle: list[HTTPConnection]) -> HTTPConnection | None:
    """Take one on which the other side has said nothing since, not even that it hung up."""
    while True:
        try:
            connection = idle.pop()
        except IndexError:  # asking for its length first would be another thread's chance
            return None
        poll = select.poll()
        poll.register(connection.sock, select.POLLIN)
        if not poll.poll(0):
            return connection
        connection.close()


def _has_time(connection: HTTPConnection, end: float) -> bool:
    left = end - time.monotonic()
    connection.sock.settimeout(max(left, 0))
    return left > 0
