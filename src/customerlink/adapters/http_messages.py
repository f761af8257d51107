"""HTTP/1.1's messages: a request put into bytes, and an answer read from them.

Answers are read by httptools, which is llhttp, the parser that Node has (https://llhttp.org): it
says where an answer ends, and refuses what is none.
"""

import re
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import SplitResult

from customerlink.adapters.slim_imports import without
from customerlink.model.frozen import field, frozen

# Another library, for addresses.
with without("httptools.parser.url_parser"):
    from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

NO_MESSAGE = (ValueError, EOFError, HttpParserError, HttpParserUpgrade)
"""What is raised of a request that cannot be sent, and of an answer that is none."""

_LONGEST_HEAD = 64 * 1024
_LONGEST_BODY = 16 * 1024 * 1024
"""Bytes; the longest answer that is asked for, a page of a hundred customers, has a hundredth."""

_PIECE = 16 * 1024
"""Bytes that are read at once."""

# https://www.rfc-editor.org/rfc/rfc9110#section-5: a name is a token; a value breaks no line.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xff]*")
_REQUEST_LINE = re.compile(r"[A-Z]+ [!-~]+ HTTP/1\.1")
_FRAMING = frozenset({"content-length", "transfer-encoding"})
_SENDS_A_BODY = frozenset({"PATCH", "POST", "PUT"})


@frozen
class Answer:
    """A whole answer; the names of its `headers` are in small letters."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def request_bytes(
    method: str, url: SplitResult, headers: Mapping[str, str], body: bytes | str | None
) -> bytes:
    """Return a request; raise `ValueError`, which quotes nothing, where it cannot be one."""
    target = f"{url.path or '/'}{'?' if url.query else ''}{url.query}"
    sent = body.encode() if isinstance(body, str) else body or b""
    first = f"{method} {target} HTTP/1.1"
    given = {"host": url.netloc, "accept-encoding": "identity"}
    given |= {name.lower(): value for name, value in headers.items()}
    is_framed = not _FRAMING.isdisjoint(given)  # how long it is, is said here alone
    if sent or method in _SENDS_A_BODY:
        given["content-length"] = str(len(sent))
    lines = [f"{name}: {value}" for name, value in given.items()]
    if is_framed or not (_REQUEST_LINE.fullmatch(first) and all(map(_HEADER.fullmatch, lines))):
        raise ValueError
    head = "\r\n".join((first, *lines, "", ""))
    return head.encode("latin-1") + sent


def read_answer(read_into: Callable[[memoryview], int]) -> tuple[Answer, bool]:
    """Return a request's answer, and whether the connection may carry another one.

    Not of HEAD, whose answers name a length and have none. `read_into` reads some bytes, and
    returns their number: 0 at the connection's end. Raise one of `NO_MESSAGE`.
    """
    before, found = sys.exception(), _Found()
    parser = found.parser = HttpResponseParser(found)
    # An interim answer may say `close`, and a chunk's length may be padded (RFC 9112, 7.1.1).
    parser.set_dangerous_leniencies(lenient_keep_alive=True, lenient_spaces_after_chunk_size=True)
    buffer, size = memoryview(bytearray(_PIECE)), 0
    try:
        while not found.is_whole:
            # Before more is read: in which pieces it comes decides nothing.
            if size > (_LONGEST_BODY if found.has_head else _LONGEST_HEAD):
                raise ValueError
            read = read_into(buffer)
            size += read
            if read:
                parser.feed_data(buffer[:read])
            elif found.ends_with_its_connection():
                found.is_whole = True
            else:
                raise EOFError
    except HttpParserError as error:
        # The parser makes an error of its own of what its calls raise, Ctrl-C included.
        is_new = error.__context__ is not before
        if is_new and isinstance(error.__context__, KeyboardInterrupt | SystemExit):
            raise error.__context__ from None
        # What is behind an answer would pass for the next one's beginning.
        if not found.is_whole:
            raise
        found.is_kept = False
    finally:
        # The two refer to each other: nobody is to look for them as garbage.
        found.parser = None
    return Answer(found.status, found.headers, bytes(found.body)), found.is_kept


class _Found:
    """What the parser has found of an answer, by its calls."""

    def __init__(self) -> None:
        self.parser: HttpResponseParser | None = None
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.has_head = self.is_whole = self.is_kept = False

    def ends_with_its_connection(self) -> bool:
        """Return whether nothing else says where it ends (RFC 9112, 6.3)."""
        return self.has_head and _FRAMING.isdisjoint(self.headers)

    def on_message_begin(self) -> None:
        if self.is_whole:
            raise ValueError

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.has_head:  # what stands behind a body is no header
            told = value.decode("latin-1").rstrip(" \t")
            self.headers.setdefault(name.decode("latin-1").lower(), told)

    def on_headers_complete(self) -> None:
        self.has_head = True
        self.status = self.parser.get_status_code() if self.parser else 0
        if self.status < HTTPStatus.CONTINUE:  # neither an answer nor an interim one
            raise ValueError

    def on_body(self, body: bytes) -> None:
        if self.status < HTTPStatus.OK:
            # Of a status that it does not know, the parser takes the next answer for the body.
            raise ValueError
        self.body += body

    def on_message_complete(self) -> None:
        if self.status < HTTPStatus.OK:
            # An interim answer: the one that counts is to come (RFC 9110, 15.2).
            self.headers.clear()
            self.has_head = False
            return
        self.is_whole = True
        self.is_kept = self.parser is not None and self.parser.should_keep_alive()
        if "transfer-encoding" in self.headers and self.parser:
            # Of who does not know chunks, another one's (RFC 9112, 6.1).
            self.is_kept &= self.parser.get_http_version() == "1.1"
