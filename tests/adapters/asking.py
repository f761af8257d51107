"""What the tests of connections share: a request, and answers to it."""

from customerlink.adapters.connections import Connections
from sandbox.patience import PATIENCE_SECONDS

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-Name: value\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nX-Name: value\r\n\r\n"
URL = "http://script"


def ask(  # noqa: PLR0913 (what a request is made of)
    connections: Connections,
    url: str = URL,
    *,
    method: str = "GET",
    body: bytes | None = None,
    connect: float = PATIENCE_SECONDS,
    total: float = PATIENCE_SECONDS,
) -> tuple[int, bytes]:
    """Ask once."""
    answer = connections.request(method, f"{url}/a?b=c", {}, body, connect=connect, total=total)
    assert answer.headers["x-name"] == "value"
    return answer.status, answer.body
