"""Kept connections: reused, replaced when hung up, bounded in time, verified."""

import ssl

import pytest
from tests.adapters.asking import CHUNKED, OK, URL, ask

from customerlink.adapters.connections import Connections, NoAnswerError, NotConnectedError
from sandbox.patience import PATIENCE_SECONDS


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


class TestKept:
    """One connection after the other's answer, as long as both sides are in step."""

    def test_for_all_requests(self) -> None:
        """One connection serves them all, whatever pieces the answers come in."""
        script = Script(OK, OK[:5], OK[5:], *(OK[i : i + 1] for i in range(len(OK))), OK)
        connections = Connections(URL, dial=script.dial)

        assert [ask(connections) for _ in range(4)] == [(200, b"ok")] * 4
        assert (script.dialled, script.closed) == (1, 0)
        head = b"GET /a?b=c HTTP/1.1\r\nhost: script\r\naccept-encoding: identity\r\n\r\n"
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
        ("POST", b"HTTP/1.1 204 No Content\r\nX-Name: value\r\n\r\n", b""),
        ("POST", b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
        ("GET", b"HTTP/1.1 103 Early Hints\r\nX-Name: other\r\n\r\n" * 2 + OK, b"ok"),
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


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_length_that_is_missing(version: bytes) -> None:
    """The answer ends with its connection."""
    script = Script(b"HTTP/" + version + b" 200 OK\r\nX-Name: value\r\n\r\nok", b"")

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
        pytest.param([CHUNKED + b"-5\r\nok\r\n"], id="a chunk of less than nothing"),
        pytest.param([CHUNKED + b"f" * 40 + b"\r\nok\r\n", b""], id="a chunk beyond all memory"),
        *(
            pytest.param(
                [b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\nok" % length, b""],
                id=f"{length} bytes",
            )
            for length in (17_000_000, 10**12, 10**21)
        ),
        pytest.param([b"HTTP/1.1 100 Continue\r\n\r\n", b""], id="an interim answer alone"),
        pytest.param([b"HTTP/1.1 100 Continue\r\n\r\n"], id="interim answers for ever"),
        pytest.param(
            [b"HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"],
            id="another protocol from now on",
        ),
        pytest.param(
            [OK.replace(b"length: 2", b"length: many"), b""], id="a length that is no number"
        ),
        pytest.param(
            [OK.replace(b"X-Name", b"content-length: 3\r\nX-Name"), b""], id="two lengths"
        ),
        pytest.param(
            [CHUNKED.replace(b"X-Name", b"content-length: 3\r\nX-Name") + b"0\r\n\r\n"],
            id="a length and chunks",
        ),
        pytest.param([CHUNKED + b"1\r\nx\r\n"], id="chunks for ever"),
        pytest.param([OK.replace(b"X-Name", b"X Name"), b""], id="a name that is none"),
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
    with pytest.raises(NoAnswerError, match=r"^HttpParserError$") as raised:
        ask(Connections(URL, dial=Script(b"ada@example.com\r\n").dial))

    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "name", "value"),
    [
        (URL, "a", "b\r\nc"),
        (URL, "a", "b\nc"),
        (URL, "a", "b\0c"),
        (URL, "a", "\N{GREEK SMALL LETTER ALPHA}"),
        (URL, "a b", "c"),
        (URL, "", "c"),
        (f"{URL}/a b", "a", "b"),
        (f"{URL}/\N{LATIN SMALL LETTER E WITH ACUTE}", "a", "b"),
        (f"{URL}/a\x7f", "a", "b"),
        (f"{URL}/a\nb", "a", "b"),
        (f"{URL}/a#b", "a", "b"),
        ("http://ada:word@script", "a", "b"),
        ("http://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example", "a", "b"),
        ("http://a\N{ACCOUNT OF}.example", "a", "b"),
        ("http://a b", "a", "b"),
        ("http://[::1", "a", "b"),
        ("http://script:many", "a", "b"),
        ("http://script:65536", "a", "b"),
        ("ftp://script", "a", "b"),
        ("http:///a", "a", "b"),
        (URL, "Content-Length", "2"),
        (URL, "transfer-encoding", "chunked"),
    ],
)
def test_request_that_cannot_be_sent(url: str, name: str, value: str) -> None:
    """A header or an address that nobody may send: nothing leaves, and no value is quoted."""
    script = Script(OK)
    connections = Connections(URL, dial=script.dial)
    with pytest.raises(NotConnectedError, match=r"^(ValueError|WebAddressError)$") as raised:
        connections.request("POST", url, {name: value}, None, connect=1.0, total=1.0)

    assert raised.value.__cause__ is None
    assert script.closed == script.dialled
    assert script.writes == b""


@pytest.mark.parametrize("method", ["GET / HTTP/1.1\r\na: b\r\n\r\nGET", "G T", "", "get"])
def test_method_that_cannot_be_sent(method: str) -> None:
    """It begins the request, and ends nothing in it."""
    script = Script(OK)
    with pytest.raises(NotConnectedError, match=r"^ValueError$"):
        ask(Connections(URL, dial=script.dial), method=method)

    assert script.writes == b""


@pytest.mark.parametrize(
    "url", ["http://[::1]:80", "HTTP://Script", "http://script.:80", "http://a_b.example"]
)
def test_host_of_another_form(url: str) -> None:
    """It is sent as it is given."""
    script = Script(OK)
    ask(Connections(URL, dial=script.dial), url)

    assert f"\r\nhost: {url[7:]}\r\n".encode() in script.writes


def test_text_is_as_long_as_its_bytes() -> None:
    """A body of text goes as UTF-8; half an emoji cannot be sent."""
    script = Script(OK)
    connections = Connections(URL, dial=script.dial)
    connections.request("POST", URL, {}, "\N{EURO SIGN}", connect=1.0, total=1.0)
    assert script.writes.endswith(b"\r\ncontent-length: 3\r\n\r\n\xe2\x82\xac")

    with pytest.raises(NotConnectedError, match=r"^UnicodeEncodeError$"):
        connections.request("POST", URL, {}, "\ud83d", connect=1.0, total=1.0)


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
        assert 0 < script.seconds[-1] < script.seconds[0] <= PATIENCE_SECONDS

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


def test_one_verifying_context() -> None:
    """Names and certificates are verified; there is no context where none is needed."""
    context = Connections("https://api.stripe.com")._context

    assert isinstance(context, ssl.SSLContext)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert Connections("http://127.0.0.1:1")._context is None
    assert Connections()._context is not None
