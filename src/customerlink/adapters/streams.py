"""Sockets, and TLS on them, behind a small interface: `connections` needs none to be tested."""

import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Protocol


class Stream(Protocol):
    """What carries a connection's bytes. Each call waits so many seconds, or raises `OSError`."""

    def read_into(self, buffer: memoryview, seconds: float) -> int:
        """Read some bytes; return their number, which is 0 when the other side has hung up."""
        ...

    def write(self, data: memoryview, seconds: float) -> int:
        """Write some bytes; return their number."""
        ...

    def has_news(self) -> bool:
        """Return whether the other side has spoken, or hung up."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


type Dial = Callable[[str, int, ssl.SSLContext | None, float], Stream]
"""Connects to a host's port, by TLS if there is a context for it, within so many seconds."""


class SocketStream:
    """A stream over a socket, or over TLS on one."""

    def __init__(self, connected: socket.socket) -> None:
        """Take it over."""
        self._socket = connected

    @classmethod
    def dial(
        cls, host: str, port: int, context: ssl.SSLContext | None, seconds: float
    ) -> "SocketStream":
        """Connect; the time holds all of the host's addresses, and TLS's handshake.

        It does not hold the resolver, which has time-outs of its own (resolv.conf(5)).
        """
        end = time.monotonic() + seconds
        connected = _connected(host, port, end)
        try:
            # A request's last packet would wait for the receipt of those before it.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                connected.settimeout(seconds_left(end))
                connected = context.wrap_socket(connected, server_hostname=_ascii(host))
        except BaseException:
            connected.close()
            raise
        return cls(connected)

    def read_into(self, buffer: memoryview, seconds: float) -> int:
        """Read some bytes."""
        self._socket.settimeout(seconds)
        return self._socket.recv_into(buffer)

    def write(self, data: memoryview, seconds: float) -> int:
        """Write some; TLS's own `sendall` would begin the time anew for each of its records."""
        self._socket.settimeout(seconds)
        return self._socket.send(data)

    def has_news(self) -> bool:
        """Look without waiting, and at what TLS has decrypted and nobody has read."""
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def seconds_left(end: float) -> float:
    """Return the seconds until `end`, by the monotonic clock; raise `TimeoutError` at none."""
    seconds = end - time.monotonic()
    if seconds <= 0:  # which a socket would take for "do not wait"
        raise TimeoutError
    return seconds


def _ascii(host: str) -> bytes:
    """Return a host's name as it is sent; of a text Python makes it by IDNA, with its tables."""
    return host.encode("ascii")


def _connected(host: str, port: int, end: float) -> socket.socket:
    """Try a host's addresses in turn; the library's own way would begin the time anew for each."""
    failed = OSError("no address")
    found = socket.getaddrinfo(_ascii(host), port, 0, socket.SOCK_STREAM)
    for family, kind, protocol, _, address in found:
        tried = socket.socket(family, kind, protocol)
        try:
            tried.settimeout(seconds_left(end))
            tried.connect(address)
        except OSError as error:
            tried.close()
            failed = error
        else:
            return tried
    raise failed
