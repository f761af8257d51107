"""Connections that a warm function keeps alive: HTTP/1.1 by the standard library's `http.client`.

It asks for a socket and a file, and knows a time-out for each of their calls, not one for all of
them. So it is handed an `_Exchange` in their place, by which each call gets what is left of the
whole time, however slowly the other side speaks or listens.

Why not urllib3: docs/architecture.md, "Written by hand, and why".
"""

import io
import ssl
import time
import weakref
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.client import BadStatusLine, HTTPConnection, HTTPException
from urllib.parse import SplitResult, urlsplit

from customerlink.adapters.streams import Dial, SocketStream, Stream, seconds_left
from customerlink.model.errors import CustomerLinkError
from customerlink.model.frozen import frozen

ONCE: Mapping[str, str] = {"connection": "close"}
"""The header for who asks once in minutes: a kept connection may be dead by then, unnoticed."""

_LONGEST_BODY = 16 * 1024 * 1024
"""Bytes; the longest answer that is asked for, a page of a hundred customers, has a hundredth."""


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

    def __init__(self, *urls: str, dial: Dial | None = None) -> None:
        """Make the TLS context that all share, unless the addresses are of plain HTTP only.

        It takes some 20 ms, so a cold start does without where nothing needs one.
        """
        needs_tls = not urls or not all(each.startswith("http://") for each in urls)
        self._context = ssl.create_default_context() if needs_tls else None
        self._dial = dial or SocketStream.dial
        self._idle: dict[tuple[str, str], list[Stream]] = defaultdict(list)
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
        with _raised_as(NotConnectedError):
            stream = _still_open(idle) or self._dialled(parts, min(connect, total))
        is_kept = False
        try:
            client, exchange = HTTPConnection(parts.netloc), _Exchange(stream, end)
            client.sock = exchange
            with _raised_as(NotConnectedError):
                seconds_left(end)
                # Nothing leaves yet: what cannot be a request was never sent.
                client.request(method, _target(parts), body, headers)
            with _raised_as(NoAnswerError):
                exchange.send()
                with client.getresponse() as response:
                    if response.status < HTTPStatus.OK or (response.length or 0) > _LONGEST_BODY:
                        # http.client skips a 100, and takes other interim answers for final ones.
                        raise BadStatusLine(str(response.status))
                    answer = Answer(response.status, response.headers, response.read())  # type: ignore[arg-type]
            is_kept = exchange.leaves_in_step()
        finally:
            if not is_kept:
                stream.close()
        if is_kept:
            idle.append(stream)
        return answer

    def _dialled(self, parts: SplitResult, seconds: float) -> Stream:
        context = None
        if parts.scheme == "https":
            context = self._context or ssl.create_default_context()
        port = parts.port or (443 if context else 80)
        return self._dial(parts.hostname or "", port, context, seconds)


class _Exchange:
    """One request and its answer on a stream: what `http.client` takes for a socket."""

    def __init__(self, stream: Stream, end: float) -> None:
        self._stream, self._end = stream, end
        self._incoming = _Incoming(stream, end)
        self._reader = _Reader(self._incoming)
        self._request = bytearray()
        self._is_last = False

    def sendall(self, data: bytes) -> None:
        # http.client hands over head and body apart; they go by one packet, and one record of TLS.
        self._request += data

    def send(self) -> None:
        rest = memoryview(self._request)
        while rest:
            rest = rest[self._stream.write(rest, seconds_left(self._end)) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        return self._reader

    def close(self) -> None:
        # http.client lets go of a socket that the answer's end closes, and reads on by the file.
        self._is_last = True

    def leaves_in_step(self) -> bool:
        """Return whether the next request may go by the stream.

        What was read beyond the answer would pass for the next one's beginning.
        """
        self._incoming.is_over = True
        return not self._is_last and not self._reader.peek(1)


class _Incoming(io.RawIOBase):
    def __init__(self, stream: Stream, end: float) -> None:
        self._stream, self._end = stream, end
        self.is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # of BufferedReader's
        return 0 if self.is_over else self._stream.read_into(buffer, seconds_left(self._end))


class _Reader(io.BufferedReader):
    def close(self) -> None:
        """Stay open for a look at what is behind the answer."""


@contextmanager
def _raised_as(error: type[CustomerLinkError]) -> Iterator[None]:
    """Raise the network's and http.client's errors as one of ours.

    Their kind is all that is told: their texts quote what the other side sent, or a header. Of a
    length below zero, or beyond all memory, http.client makes errors of Python's own.
    """
    try:
        yield
    except (OSError, HTTPException, ValueError, ArithmeticError, MemoryError) as raised:
        raise error(type(raised).__name__) from None


def _still_open(idle: list[Stream]) -> Stream | None:
    """Take one on which the other side has said nothing since, not even that it hung up."""
    while True:
        try:
            stream = idle.pop()
        except IndexError:  # asking for its length first would be another thread's chance
            return None
        if not stream.has_news():
            return stream
        stream.close()


def _target(parts: SplitResult) -> str:
    return f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"


def _close_all(idle: Mapping[tuple[str, str], list[Stream]]) -> None:
    for streams in idle.values():
        while streams:
            streams.pop().close()
