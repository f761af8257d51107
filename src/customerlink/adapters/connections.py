"""Connections that a warm function keeps alive: HTTP/1.1, each call within one time in all.

Why not urllib3: docs/architecture.md, "Written by hand, and why".
"""

import ssl
import time
import weakref
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import SplitResult

from customerlink.adapters.http_messages import NO_MESSAGE, Answer, read_answer, request_bytes
from customerlink.adapters.streams import Dial, SocketStream, Stream, seconds_left
from customerlink.model.errors import CustomerLinkError
from customerlink.model.web_address import parts_of

ONCE: Mapping[str, str] = {"connection": "close"}
"""The header for who asks once in minutes: a kept connection may be dead by then, unnoticed."""


class NotConnectedError(CustomerLinkError):
    """The request did not leave: no connection, or no time left for it."""


class NoAnswerError(CustomerLinkError):
    """The request left, and no whole answer came in time."""


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
        with _raised_as(NotConnectedError):
            parts = parts_of(url)
            idle = self._idle[parts.scheme, parts.netloc]
            stream = _still_open(idle) or self._dialled(parts, min(connect, total))
        is_kept = False
        try:
            with _raised_as(NotConnectedError):
                # Nothing leaves yet: what cannot be a request was never sent.
                sent = request_bytes(method, parts, headers, body)
                seconds_left(end)
            with _raised_as(NoAnswerError):
                _send(stream, sent, end)
                answer, is_kept = read_answer(
                    lambda buffer: stream.read_into(buffer, seconds_left(end))
                )
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


def _send(stream: Stream, request: bytes, end: float) -> None:
    """Send head and body by one packet, and one record of TLS, as far as they fit."""
    rest = memoryview(request)
    while rest:
        rest = rest[stream.write(rest, seconds_left(end)) :]


@contextmanager
def _raised_as(error: type[CustomerLinkError]) -> Iterator[None]:
    """Raise the network's and the messages' errors as one of ours.

    Their kind is all that is told: their texts quote what the other side sent, or a header.
    """
    try:
        yield
    except (OSError, *NO_MESSAGE) as raised:
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


def _close_all(idle: Mapping[tuple[str, str], list[Stream]]) -> None:
    for streams in idle.values():
        while streams:
            streams.pop().close()
