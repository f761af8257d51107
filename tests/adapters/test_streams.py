"""Sockets, and TLS on them: what the other side does to a stream, and what it cannot do."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.adapters.asking import CHUNKED, OK, ask

from customerlink.adapters.connections import Connections, NoAnswerError, NotConnectedError
from customerlink.adapters.streams import SocketStream, seconds_left
from sandbox.patience import PATIENCE_SECONDS, wait_until

type Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve) -> Iterator[str]:
    """Hand each connection to a function; return the address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=serving, args=(connection,), daemon=True).start()

        def serving(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                serve(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


def answering(connection: socket.socket) -> None:
    """Answer every request."""
    while connection.recv(65536):
        connection.sendall(OK)


def answering_once(connection: socket.socket) -> None:
    """Answer, and hang up without a word."""
    connection.recv(65536)
    connection.sendall(OK)


def now_and_then() -> Iterator[None]:
    """Go on each twentieth of a second, for longer than anybody waits."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        time.sleep(0.05)
        yield


def dribble(connection: socket.socket, data: bytes) -> None:
    """Send what is said at once, and a byte now and then."""
    connection.sendall(data)
    for _ in now_and_then():
        connection.sendall(b"1")


@contextmanager
def ends_in(seconds: float) -> Iterator[None]:
    """Expect the block to end then, and not with the other side; a busy machine may be late."""
    start = time.monotonic()
    yield
    assert seconds <= time.monotonic() - start < PATIENCE_SECONDS / 2


@contextmanager
def stream(serve: Serve) -> Iterator[SocketStream]:
    """Return a stream to what serves."""
    with server(serve) as url:
        made = SocketStream.dial("127.0.0.1", int(url.rpartition(":")[2]), None, PATIENCE_SECONDS)
        yield made
        made.close()


class TestStream:
    """The few things that a connection asks of it."""

    def test_read_and_written(self) -> None:
        """As much at a time as comes, or goes; nothing is read once the other side hung up."""
        buffer = memoryview(bytearray(100))
        with stream(answering_once) as one:
            assert one.write(memoryview(b"GET"), PATIENCE_SECONDS) == 3
            read = 0
            while size := one.read_into(buffer[read:], PATIENCE_SECONDS):
                read += size

        assert bytes(buffer[:read]) == OK

    def test_news(self) -> None:
        """There is none before the other side has spoken or hung up, and to look is no wait."""
        with stream(answering_once) as one:
            assert not one.has_news()
            one.write(memoryview(b"GET"), PATIENCE_SECONDS)
            wait_until(one.has_news)

    def test_nothing_to_read(self) -> None:
        """A call waits so many seconds, and no longer."""
        with stream(answering) as one, ends_in(0.2), pytest.raises(TimeoutError):
            one.read_into(memoryview(bytearray(1)), 0.2)


def test_time_that_is_up() -> None:
    """None left is no time to wait, which a socket would take for "do not wait"."""
    assert 0 < seconds_left(time.monotonic() + PATIENCE_SECONDS) <= PATIENCE_SECONDS
    for end in (0, -1):
        with pytest.raises(TimeoutError):
            seconds_left(time.monotonic() + end)


class TestSockets:
    """Connections over the real stream."""

    def test_several_at_once(self) -> None:
        """Each in use has its own connection; they are kept and used again."""
        accepted: list[int] = []

        def counting(connection: socket.socket) -> None:
            accepted.append(1)
            answering(connection)

        with server(counting) as url:
            connections = Connections(url)
            threads = [threading.Thread(target=ask, args=(connections, url)) for _ in range(8)]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
            before = len(accepted)
            assert ask(connections, url) == (200, b"ok")

        assert len(accepted) == before <= 8

    def test_hung_up_in_between(self) -> None:
        """The next request goes by a new connection."""
        hung_up = threading.Semaphore(0)

        def hanging_up(connection: socket.socket) -> None:
            answering_once(connection)
            connection.close()
            hung_up.release()

        with server(hanging_up) as url:
            connections = Connections(url)
            for _ in range(3):
                assert ask(connections, url) == (200, b"ok")
                assert hung_up.acquire(timeout=PATIENCE_SECONDS)

    def test_nobody_listens(self) -> None:
        """The request did not leave."""
        with pytest.raises(NotConnectedError, match="ConnectionRefusedError"):
            ask(Connections(), "http://127.0.0.1:9")

    def test_every_address_is_tried(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """All within the time for connecting; whoever has no address cannot be reached."""
        with server(answering) as url:
            found = socket.getaddrinfo("127.0.0.1", int(url.rpartition(":")[2]))
            refused = socket.getaddrinfo("127.0.0.1", 9)
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_: refused[:1] + found[:1])
            assert ask(Connections(url), url) == (200, b"ok")
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [])
            with pytest.raises(NotConnectedError, match="OSError"):
                ask(Connections(url), url)

    @pytest.mark.parametrize(
        "beginning",
        [
            pytest.param(b"HTTP/1.1 200 ", id="status line"),
            pytest.param(b"HTTP/1.1 200 OK\r\nx-name: ", id="headers"),
            pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n", id="body"),
            pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="body of unknown length"),
            pytest.param(CHUNKED, id="size of a chunk"),
            pytest.param(CHUNKED + b"ffff\r\n", id="chunk"),
        ],
    )
    def test_answer_that_dribbles(self, beginning: bytes) -> None:
        """A byte now and then does not hold a caller beyond the time in all."""

        def serve(connection: socket.socket) -> None:
            connection.recv(65536)
            dribble(connection, beginning)

        with server(serve) as url, ends_in(0.5), pytest.raises(NoAnswerError, match="TimeoutError"):
            ask(Connections(url), url, total=0.5)

    @pytest.mark.parametrize("bytes_a_time", [0, 50_000])
    def test_body_that_is_not_taken(self, bytes_a_time: int) -> None:
        """Nor does a peer that does not read what it is sent, or reads little by little."""

        def serve(connection: socket.socket) -> None:
            for _ in now_and_then():
                connection.recv(bytes_a_time) if bytes_a_time else None

        with server(serve) as url, ends_in(0.5), pytest.raises(NoAnswerError, match="TimeoutError"):
            ask(Connections(url), url, method="POST", body=bytes(50_000_000), total=0.5)


class TestTls:
    """And over one that is encrypted."""

    def test_names_no_host_but_its_own_certificate(self) -> None:
        """TLS that cannot be verified is no connection."""

        def plain(connection: socket.socket) -> None:
            connection.recv(65536)
            connection.sendall(b"no TLS here")

        with server(plain) as url, pytest.raises(NotConnectedError):
            ask(Connections("https://x"), f"https{url[4:]}")

    @pytest.mark.parametrize("beginning", [b"", b"\x16\x03\x03\x3f\xff\x02"])
    def test_handshake_that_dribbles(self, beginning: bytes) -> None:
        """It belongs to connecting, and ends with its time."""

        def serve(connection: socket.socket) -> None:
            connection.recv(65536)
            dribble(connection, beginning) if beginning else time.sleep(PATIENCE_SECONDS)

        with server(serve) as url, ends_in(0.5), pytest.raises(NotConnectedError, match="Timeout"):
            ask(Connections(), f"https{url[4:]}", connect=0.5)

    @pytest.fixture
    def certified(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
        """Certify this machine, and let the client trust who did."""
        file = tmp_path / "certified.pem"
        file.write_bytes(certificate())
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def test_kept(self, certified: ssl.SSLContext) -> None:
        """One handshake serves many requests."""
        handshakes: list[int] = []

        def serve(connection: socket.socket) -> None:
            handshakes.append(1)
            with certified.wrap_socket(connection, server_side=True) as encrypted:
                answering(encrypted)

        with server(serve) as url:
            connections = Connections()
            for _ in range(3):
                assert ask(connections, f"https{url[4:]}") == (200, b"ok")

        assert len(handshakes) == 1

    def test_decrypted_and_not_read(self, certified: ssl.SSLContext) -> None:
        """What came in one record with the answer is no news to the socket, but it is to TLS."""

        def serve(connection: socket.socket) -> None:
            with certified.wrap_socket(connection, server_side=True) as encrypted:
                encrypted.sendall(OK + OK)
                encrypted.recv(1)

        with server(serve) as url:
            trusting = ssl.create_default_context()
            stream = SocketStream.dial("127.0.0.1", int(url[17:]), trusting, PATIENCE_SECONDS)
            buffer = memoryview(bytearray(len(OK)))
            assert stream.read_into(buffer, PATIENCE_SECONDS) == len(OK)
            assert stream.has_news()
            stream.close()

    def test_answer_that_dribbles(self, certified: ssl.SSLContext) -> None:
        """The time in all holds what is encrypted as well."""

        def serve(connection: socket.socket) -> None:
            with certified.wrap_socket(connection, server_side=True) as encrypted:
                encrypted.recv(65536)
                dribble(encrypted, OK[:20])

        with server(serve) as url, ends_in(0.5), pytest.raises(NoAnswerError, match="TimeoutError"):
            ask(Connections(), f"https{url[4:]}", total=0.5)

    def test_body_that_is_not_taken(self, certified: ssl.SSLContext) -> None:
        """A peer that reads a record now and then does not begin the time anew."""

        def serve(connection: socket.socket) -> None:
            with certified.wrap_socket(connection, server_side=True) as encrypted:
                for _ in now_and_then():
                    encrypted.recv(20_000)

        with server(serve) as url, ends_in(0.5), pytest.raises(NoAnswerError, match="TimeoutError"):
            ask(Connections(), f"https{url[4:]}", method="POST", body=bytes(50_000_000), total=0.5)


def certificate() -> bytes:
    """Make a key and a certificate of this machine's address, signed by itself, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
