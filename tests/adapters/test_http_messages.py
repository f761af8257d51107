"""Answers as RFC 9112 has them: which are none, which are whole, and after which the next comes."""

import random
from collections.abc import Callable, Iterable

import h11
import pytest
from tests.adapters.asking import CHUNKED, OK

from customerlink.adapters import http_messages
from customerlink.adapters.http_messages import NO_MESSAGE, Answer, read_answer

OLD = CHUNKED.replace(b"1.1", b"1.0").replace(b"X-Name", b"connection: keep-alive\r\nX-Name")
SEEDS = (
    *(OK, CHUNKED + b"2;a=b\r\nok\r\n0\r\nx-trailer: value\r\n\r\n", OLD + b"0\r\n\r\n"),
    *(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"HTTP/1.1 204 No Content\r\na:\r\n\r\n"),
    b"HTTP/1.0 200 OK\r\n\r\nok",
)
PARTS = (
    *(b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b",", b";", b"0", b"2", b"\0", b"\xff", b"204"),
    *(b"content-length: 2\r\n", b"transfer-encoding: chunked\r\n", b"connection: close\r\n"),
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n", b"0\r\n\r\n", b"2\r\nok\r\n"),
)


def reading(pieces: Iterable[bytes]) -> Callable[[memoryview], int]:
    """Return what reads these pieces, each at once as far as it fits, and then the end."""
    rest = [each for each in pieces if each]

    def read_into(buffer: memoryview) -> int:
        data = rest.pop(0) if rest else b""
        size = min(len(data), len(buffer))
        if data[size:]:
            rest.insert(0, data[size:])
        buffer[:size] = data[:size]
        return size

    return read_into


def read(*pieces: bytes) -> tuple[Answer, bool] | None:
    """Return what is read, or None where that is no answer."""
    try:
        return read_answer(reading(pieces))
    except NO_MESSAGE:
        return None


def read_by_h11(data: bytes) -> tuple[int, bytes] | None:
    """Return status and body as another library reads them."""
    connection, status, body = h11.Connection(h11.CLIENT), 0, b""
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "script")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    try:
        while True:
            match connection.next_event():
                case h11.NEED_DATA:
                    connection.receive_data(b"")
                case h11.Response(status_code=status):
                    pass
                case h11.Data(data=more):
                    body += more
                case h11.EndOfMessage():
                    return status, body
                case h11.PAUSED | h11.ConnectionClosed():
                    return None
    except h11.RemoteProtocolError:
        return None


def test_as_another_library_reads_them_and_in_any_pieces() -> None:
    """What both take for an answer is the same one, whatever was changed in it."""
    chance, both = random.Random(1), 0
    for _ in range(3000):
        data = bytearray(chance.choice(SEEDS))
        for _ in range(chance.choice((0, 1, 1, 2, 3))):
            start = chance.randrange(len(data) + 1)
            data[start : start + chance.choice((0, 0, 1, 3))] = chance.choice((b"", *PARTS))
        found, cut = read(bytes(data)), chance.randrange(len(data) + 1)
        in_pieces = read(bytes(data[:cut]), bytes(data[cut:]))
        assert (found and found[0]) == (in_pieces and in_pieces[0]), data
        other = read_by_h11(bytes(data))
        if found and other:
            both += 1
            assert (found[0].status, found[0].body) == other, data
    assert both > 900


@pytest.mark.parametrize("status", [b"000", b"007", b"099"])
@pytest.mark.parametrize("behind", [b"", OK])
def test_status_that_is_none(status: bytes, behind: bytes) -> None:
    """Below 100 it is neither an answer nor an interim one, whose body would be the next one's."""
    assert read(OK.replace(b"200", status) + behind) is None


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 103 Early Hints\r\nconnection: close\r\n\r\n",
        b"HTTP/1.0 100 Continue\r\n\r\n",
        b"HTTP/1.1 104 Upload\r\nconnection: close\r\nlocation: /a\r\n\r\n" * 3,
    ],
)
def test_interim_answer_that_says_close(interim: bytes) -> None:
    """The one that counts comes all the same, and says itself whether another one may."""
    found = read(interim + OK)

    assert found is not None
    assert (found[0].status, found[0].body, found[1]) == (200, b"ok", True)


@pytest.mark.parametrize("status", [b"104", b"150", b"199"])
@pytest.mark.parametrize("length", [2, 15, len(OK)])
def test_interim_answer_that_names_a_length(status: bytes, length: int) -> None:
    """It has no body: nothing of what follows is put in the place of one."""
    interim = b"HTTP/1.1 " + status + b" Odd\r\ncontent-length: %d\r\n\r\n" % length

    assert read(interim + OK + OK) is None


@pytest.mark.parametrize("length", [b"2 ", b"2   ", b"02 "])
def test_length_of_a_chunk_that_is_padded(length: bytes) -> None:
    """As servers do that make room for the longest one."""
    found = read(CHUNKED + length + b"\r\nok\r\n0\r\n\r\n")

    assert found is not None
    assert found[0].body == b"ok"


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (OLD + b"0\r\n\r\n", False),
        (OLD.replace(b"1.0", b"0.9") + b"0\r\n\r\n", False),
        (OK.replace(b"1.1", b"1.0"), False),
        (
            OK.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"X-", b"connection: Keep-Alive\r\nX-"),
            True,
        ),
        (OK.replace(b"X-", b"Connection: CLOSE\r\nX-"), False),
        (OK.replace(b"X-", b"connection: upgrade ,close\r\nX-"), False),
        (OK.replace(b"X-", b"connection: x\r\nconnection: close\r\nX-"), False),
        (OK.replace(b"X-", b"connection: closed\r\nX-"), True),
        (OK + b"HTTP", False),
        (OK.replace(b"X-", b"connection: close\r\nX-") + b"HTTP", False),
    ],
)
def test_kept(data: bytes, *, kept: bool) -> None:
    """Of who does not know chunks they are another one's: no second answer is awaited there."""
    found = read(data)

    assert found is not None
    assert found[1] is kept


@pytest.mark.parametrize("padding", [b" ", b"\t", b" \t  "])
def test_value_without_what_stands_around_it(padding: bytes) -> None:
    """Spaces and tabs are no part of it."""
    found = read(OK.replace(b"value", padding + b"a b" + padding))

    assert found is not None
    assert found[0].headers["x-name"] == "a b"


@pytest.mark.parametrize("size", [1000, 16_000, 16_384])
def test_longest_head_in_any_pieces(size: int) -> None:
    """How much of the body came with its end decides nothing; a longer one is no answer."""
    for length, is_one in ((65_000, True), (90_000, False)):
        names = b"".join(b"x-%d: %s\r\n" % (i, b"x" * 900) for i in range(length // 910))
        data = OK.replace(b"X-Name", names + b"X-Name").replace(b"length: 2", b"length: 20000")
        data += bytes(19_998)
        pieces = [
            data[: len(data) % size],
            *(data[i:][:size] for i in range(len(data) % size, len(data), size)),
        ]
        assert (read(*pieces) is not None) is is_one


@pytest.mark.parametrize("name", ["on_header", "on_body", "on_message_complete"])
@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_interrupt_is_heard(
    name: str, interrupt: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parser makes an error of its own of it; an earlier one is none of the answer's."""

    def interrupted(*_: object) -> None:
        raise interrupt

    monkeypatch.setattr(http_messages._Found, name, interrupted)
    with pytest.raises(interrupt):
        read(OK)
    monkeypatch.undo()

    def ends() -> None:
        try:
            interrupted()
        finally:
            assert read(OK + OK) is not None

    with pytest.raises(interrupt):
        ends()


def test_shows_nothing_but_its_status() -> None:
    """A secret is an answer's body, and an account stands in its headers."""
    found = read(OK)

    assert found is not None
    assert repr(found[0]) == "Answer(status=200)"
