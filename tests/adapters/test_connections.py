"""Kept connections: reused, replaced when hung up, bounded in time, verified."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from customerlink.adapters.connections import Connections, NoAnswerError, NotConnectedError

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-Name: value\r\n\r\nok"

type Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve) -> Iterator[tuple[str, list[int]]]:
    """Hand each connection to a function; return the address, and a list of connections."""
    accepted: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                accepted.append(1)
                threading.Thread(target=serving, args=(connection,), daemon=True).start()

        def serving(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                serve(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", accepted
        listening.shutdown(socket.SHUT_RDWR)


def answering(connection: socket.socket) -> None:
    """Answer every request."""
    while connection.recv(65536):
        connection.sendall(OK)


def answering_once(connection: socket.socket) -> None:
    """Answer, and hang up without a word."""
    connection.recv(65536)
    connection.sendall(OK)
    time.sleep(0.05)
    connection.close()


def silent(connection: socket.socket) -> None:
    """Take the request, and say nothing."""
    connection.recv(65536)
    time.sleep(1)


def hanging_up(connection: socket.socket) -> None:
    """Take the request, and hang up."""
    connection.recv(65536)
    connection.close()


def half(connection: socket.socket) -> None:
    """Answer with less than was promised."""
    connection.recv(65536)
    connection.sendall(OK[:-1])
    connection.close()


def ask(connections: Connections, url: str, total: float = 2.0) -> tuple[int, bytes]:
    """Ask once."""
    answer = connections.request("GET", f"{url}/a?b=c", {}, None, connect=1.0, total=total)
    assert answer.headers["x-name"] == answer.headers["X-NAME"] == "value"
    return answer.status, answer.body


def test_kept() -> None:
    """One connection serves them all."""
    with server(answering) as (url, accepted):
        connections = Connections(url)
        for _ in range(5):
            assert ask(connections, url) == (200, b"ok")

    assert len(accepted) == 1


def test_several_at_once() -> None:
    """Each in use has its own; as many are kept."""
    with server(answering) as (url, accepted):
        connections = Connections(url)
        threads = [threading.Thread(target=ask, args=(connections, url)) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        before = len(accepted)
        ask(connections, url)

    assert len(accepted) == before <= 8


def test_hung_up_in_between() -> None:
    """Seen before the next request is sent, so that it does not fail."""
    with server(answering_once) as (url, accepted):
        connections = Connections(url)
        for _ in range(3):
            assert ask(connections, url) == (200, b"ok")
            time.sleep(0.1)

    assert len(accepted) == 3


@pytest.mark.parametrize("serve", [silent, hanging_up, half])
def test_no_whole_answer(serve: Serve) -> None:
    """The request has left: its effect is unknown; and the connection is not kept."""
    with server(serve) as (url, _):
        connections = Connections(url)
        start = time.monotonic()
        with pytest.raises(NoAnswerError):
            ask(connections, url, total=0.3)
        assert time.monotonic() - start < 2
        assert not any(connections._idle.values())


def test_no_time_left() -> None:
    """Nothing is sent then, so nothing can have come of it."""
    heard: list[bytes] = []

    def listening(connection: socket.socket) -> None:
        heard.append(connection.recv(65536))

    with server(listening) as (url, _), pytest.raises(NotConnectedError):
        ask(Connections(url), url, total=0.0)
    time.sleep(0.1)
    assert heard in ([], [b""])


def test_nobody_listens() -> None:
    """The request did not leave."""
    with pytest.raises(NotConnectedError):
        ask(Connections(), "http://127.0.0.1:9")


def test_redirects_are_not_followed() -> None:
    """A key goes to one host."""

    def moved(connection: socket.socket) -> None:
        connection.recv(65536)
        head = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\nX-Name: value\r\n"
        connection.sendall(head + b"content-length: 0\r\n\r\n")

    with server(moved) as (url, _):
        assert ask(Connections(url), url) == (302, b"")


def test_names_no_host_but_its_own_certificate() -> None:
    """TLS that cannot be verified is no connection."""

    def plain(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"no TLS here")

    with server(plain) as (url, _), pytest.raises(NotConnectedError):
        ask(Connections("https://x"), url.replace("http:", "https:"))


def test_tls_is_verified() -> None:
    """Names and certificates; one context for all connections, none where none is needed."""
    context = Connections("https://api.stripe.com")._context

    assert isinstance(context, ssl.SSLContext)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert Connections("http://127.0.0.1:1")._context is None
    assert Connections()._context is not None
