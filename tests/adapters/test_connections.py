"""Kept connections: reused, replaced when hung up, bounded in time, verified."""

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

from customerlink.adapters.connections import Connections, NoAnswerError, NotConnectedError
from customerlink.adapters.streams import SocketStream

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-Name: value\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nX-Name: value\r\n\r\n"
URL = "http://script"


class Script:
    """Streams that read what a test gives them: bytes, an error to raise, or b"" for the end."""

    def __init__(self, *reads: bytes | Exception) -> None:
        """Take what is read, on whichever stream; the last is read for ever."""
        self.reads = [*reads]
        self.writes = b""
        self.most = 1 << 20
        """How many bytes the other side takes at once."""
        self.has_news = False
        self.seconds: list[float] = []
        self.dialled = self.closed = self.taken = 0

    def dial(self, *_: object) -> "ScriptedStream":
        """Connect at once."""
        self.dialled += 1
        return ScriptedStream(self)


class ScriptedStream:
    """One of them."""

    def __init__(self, script: Script) -> None:
        """Follow a script."""
        self._script = script

    def read_into(self, buffer: memoryview, seconds: float) -> int:
        """Read what comes next in the script, as far as it fits."""
        self._script.seconds.append(seconds)
        reads = self._script.reads
        data = reads.pop(0) if len(reads) > 1 else reads[0]
        if isinstance(data, Exception):
            raise data
        size = min(len(buffer), len(data))
        if rest := data[size:]:
            reads.insert(0, rest)
        buffer[:size] = data[:size]
        return size

    def write(self, data: memoryview, seconds: float) -> int:
        """Take as much as the script says."""
        self._script.seconds.append(seconds)
        self._script.taken += 1
        taken = bytes(data[: self._script.most])
        self._script.writes += taken
        return len(taken)

    def has_news(self) -> bool:
        """Say what the script says."""
        return self._script.has_news

    def close(self) -> None:
        """Count."""
        self._script.closed += 1


def ask(  # noqa: PLR0913 (what a request is made of)
    connections: Connections,
    url: str = URL,
    *,
    method: str = "GET",
    body: bytes | None = None,
    connect: float = 1.0,
    total: float = 2.0,
) -> tuple[int, bytes]:
    """Ask once."""
    answer = connections.request(method, f"{url}/a?b=c", {}, body, connect=connect, total=total)
    assert answer.headers["x-name"] == answer.headers["X-NAME"] == "value"
    return answer.status, answer.body


class TestKept:
    """One connection after the other's answer, as long as both sides are in step."""

    def test_for_all_requests(self) -> None:
        """One connection serves them all, whatever pieces the answers come in."""
        script = Script(OK, OK[:5], OK[5:], *(OK[i : i + 1] for i in range(len(OK))), OK)
        connections = Connections(URL, dial=script.dial)

        assert [ask(connections) for _ in range(4)] == [(200, b"ok")] * 4
        assert (script.dialled, script.closed) == (1, 0)
        head = b"GET /a?b=c HTTP/1.1\r\nHost: script\r\nAccept-Encoding: identity\r\n\r\n"
        assert script.writes == head * 4

    def test_by_server(self) -> None:
        """A connection serves its own server only."""
        script = Script(OK, OK)
        connections = Connections(URL, dial=script.dial)
        ask(connections, "http://one")
        ask(connections, "http://two")

        assert script.dialled == 2

    def test_not_when_the_other_side_has_hung_up(self) -> None:
        """It is seen before the next request is sent, so that it does not fail."""
        script = Script(OK, OK)
        connections = Connections(URL, dial=script.dial)
        ask(connections)
        script.has_news = True
        ask(connections)

        assert (script.dialled, script.closed) == (2, 1)

    def test_not_when_the_answer_says_so(self) -> None:
        """The whole answer is read, and then both hang up."""
        closing = OK.replace(b"X-Name", b"connection: close\r\nX-Name")
        script = Script(closing[:-2], closing[-2:])
        connections = Connections(URL, dial=script.dial)

        assert ask(connections) == (200, b"ok")
        assert script.closed == 1
        assert not any(connections._idle.values())

    def test_not_when_more_came_than_was_promised(self) -> None:
        """What is behind an answer must not pass for the next one's beginning."""
        script = Script(OK + OK, b"")
        connections = Connections(URL, dial=script.dial)

        assert ask(connections) == (200, b"ok")
        assert script.closed == 1

    def test_hung_up_with_the_warm_function(self) -> None:
        """Nobody is left to use them."""
        script = Script(OK)
        connections = Connections(URL, dial=script.dial)
        ask(connections)
        del connections

        assert script.closed == 1


def test_head_and_body_go_together() -> None:
    """A request is written at once."""
    script = Script(OK)
    ask(Connections(URL, dial=script.dial), method="POST", body=b"body")

    assert script.writes.endswith(b"\r\n\r\nbody")
    assert script.taken == 1


@pytest.mark.parametrize(
    ("method", "answer", "body"),
    [
        ("HEAD", OK[:-2], b""),
        ("POST", b"HTTP/1.1 204 No Content\r\nX-Name: value\r\n\r\n", b""),
        ("POST", b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
        ("GET", CHUNKED + b"1\r\no\r\n1;a=b\r\nk\r\n0\r\n\r\n", b"ok"),
        ("GET", CHUNKED + b"0\r\nx-trailer: value\r\n\r\n", b""),
    ],
)
def test_framing(method: str, answer: bytes, body: bytes) -> None:
    """An answer ends where it says; the connection is kept."""
    script = Script(answer)
    connections = Connections(URL, dial=script.dial)

    assert ask(connections, method=method)[1] == body
    assert script.closed == 0


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n"]
)
def test_length_that_is_missing_or_no_number(head: bytes) -> None:
    """The answer ends with its connection."""
    script = Script(head + b"X-Name: value\r\n\r\nok", b"")

    assert ask(Connections(URL, dial=script.dial)) == (200, b"ok")
    assert script.closed == 1


@pytest.mark.parametrize(
    "reads",
    [
        pytest.param([b""], id="hung up"),
        pytest.param([OK[:-1], b""], id="less than was promised"),
        pytest.param([CHUNKED + b"2\r\no", b""], id="half a chunk"),
        pytest.param([CHUNKED + b"many\r\nok\r\n"], id="a chunk of no size"),
        pytest.param([ConnectionResetError()], id="reset"),
        pytest.param([OK[:20], TimeoutError()], id="silent from then on"),
        pytest.param([b"HTTP/1.1 200 OK\r\nx: " + b"x" * 70_000], id="a line too long"),
        pytest.param([b"HTTP/1.1 200 OK\r\n" + b"x: x\r\n" * 101], id="too many headers"),
        pytest.param([b"SSH-2.0-OpenSSH_9.9\r\n", b""], id="another protocol"),
        pytest.param([b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK], id="an interim answer"),
    ],
)
def test_no_whole_answer(reads: list[bytes | Exception]) -> None:
    """The request has left, so its effect is unknown; the connection is not kept."""
    script = Script(*reads)
    connections = Connections(URL, dial=script.dial)
    with pytest.raises(NoAnswerError):
        ask(connections)

    assert script.closed == 1
    assert not any(connections._idle.values())


def test_told_by_its_kind() -> None:
    """No error quotes what the other side sent."""
    with pytest.raises(NoAnswerError, match=r"^BadStatusLine$") as raised:
        ask(Connections(URL, dial=Script(b"ada@example.com\r\n").dial))

    assert raised.value.__cause__ is None


def test_request_that_cannot_be_sent() -> None:
    """A header that nobody may send is a bug, which ends the connection as well."""
    script = Script(OK)
    connections = Connections(URL, dial=script.dial)
    with pytest.raises(ValueError, match="Invalid header"):
        connections.request("GET", URL, {"a": "b\r\nc"}, None, connect=1.0, total=1.0)

    assert script.closed == 1
    assert script.writes == b""


def test_redirects_are_not_followed() -> None:
    """A key goes to one host."""
    head = b"HTTP/1.1 302 Found\r\nlocation: http://other/\r\nX-Name: value\r\n"
    script = Script(head + b"content-length: 0\r\n\r\n")

    assert ask(Connections(URL, dial=script.dial)) == (302, b"")
    assert script.dialled == 1


class TestTime:
    """The time in all is one for connecting, sending, and the whole answer."""

    def test_each_call_gets_what_is_left(self) -> None:
        """A peer that takes and gives a byte at a time gains nothing by it."""
        script = Script(*(OK[i : i + 1] for i in range(len(OK))))
        script.most = 1
        ask(Connections(URL, dial=script.dial), body=b"x" * 10)

        assert len(script.seconds) > len(OK)
        assert script.seconds == sorted(script.seconds, reverse=True)
        assert 0 < script.seconds[-1] < script.seconds[0] <= 2.0

    def test_no_time_left(self) -> None:
        """Nothing is sent then, so nothing can have come of it."""
        script = Script(OK)
        with pytest.raises(NotConnectedError, match="TimeoutError"):
            ask(Connections(URL, dial=script.dial), total=0.0)

        assert script.writes == b""
        assert script.closed == 1

    def test_connecting_takes_no_longer_than_all(self) -> None:
        """The shorter of both times holds."""
        given: list[float] = []

        def dial(_host: str, _port: int, _tls: ssl.SSLContext | None, seconds: float) -> None:
            given.append(seconds)
            raise TimeoutError

        for connect, total in ((1.0, 2.0), (2.0, 1.0)):
            with pytest.raises(NotConnectedError, match="TimeoutError"):
                ask(Connections(URL, dial=dial), connect=connect, total=total)  # type: ignore[arg-type]
        assert given == [1.0, 1.0]


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


def dribble(connection: socket.socket, data: bytes) -> None:
    """Send what is said at once, and a byte each twentieth of a second for a long time."""
    connection.sendall(data)
    for _ in range(200):
        time.sleep(0.05)
        connection.sendall(b"1")


@contextmanager
def ends_in(seconds: float) -> Iterator[None]:
    """Expect the block to end about then; a busy machine may be late."""
    start = time.monotonic()
    yield
    assert seconds <= time.monotonic() - start < seconds + 1.5


class TestSockets:
    """The real stream."""

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
        with server(answering_once) as url:
            connections = Connections(url)
            for _ in range(3):
                assert ask(connections, url) == (200, b"ok")
                time.sleep(0.1)

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
            pytest.param(b"", id="status line"),
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
            for _ in range(100):
                time.sleep(0.05)
                connection.recv(bytes_a_time) if bytes_a_time else None

        with server(serve) as url, ends_in(0.5), pytest.raises(NoAnswerError, match="TimeoutError"):
            ask(Connections(url), url, method="POST", body=bytes(50_000_000), total=0.5)


class TestTls:
    """The real stream, encrypted."""

    def test_one_verifying_context(self) -> None:
        """Names and certificates are verified; there is no context where none is needed."""
        context = Connections("https://api.stripe.com")._context

        assert isinstance(context, ssl.SSLContext)
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert Connections("http://127.0.0.1:1")._context is None
        assert Connections()._context is not None

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
            time.sleep(5) if not beginning else dribble(connection, beginning)

        with server(serve) as url, ends_in(0.5), pytest.raises(NotConnectedError, match="Timeout"):
            ask(Connections(), f"https{url[4:]}", connect=0.5, total=2.0)

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
            stream = SocketStream.dial("127.0.0.1", int(url[17:]), trusting, 1.0)
            assert stream.read_into(memoryview(bytearray(len(OK))), 1.0) == len(OK)
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
                for _ in range(100):
                    time.sleep(0.05)
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
