"""The file that an export wrote, as it is or not at all."""

import gzip
from pathlib import Path

import pytest
from werkzeug.wrappers import Request, Response

from customerlink.adapters.auth0.download import downloading
from customerlink.adapters.auth0.errors import Auth0SilentError, NotDownloadedError
from customerlink.adapters.trouble import trouble_of
from customerlink.model.trouble import Trouble
from sandbox.serving import Server

LINES = gzip.compress(b'{"user_id": "auth0|1"}\n' * 5)


@pytest.mark.parametrize("encoding", [None, "gzip", "identity"])
def test_as_it_is(encoding: str | None) -> None:
    """It stays gzipped, whatever a header says of it."""
    headers = {"content-encoding": encoding} if encoding else {}
    with Server(Response(LINES, headers=headers)) as server, downloading(server.url) as pieces:
        assert b"".join(pieces) == LINES


@pytest.mark.parametrize("status", [302, 403, 404, 503])
def test_status(status: int) -> None:
    """An address that has expired is told by its status, and no other address is asked."""
    answer = Response("hidden", status, {"location": "http://127.0.0.1:9/"})
    with (
        Server(answer) as server,
        pytest.raises(NotDownloadedError, match=f"status {status}"),
        downloading(server.url),
    ):
        pass


@pytest.mark.parametrize("missing", [1, 10, len(LINES)])
def test_end_that_does_not_come(missing: int) -> None:
    """A file that breaks off is an outage, not a shorter file."""

    @Request.application
    def application(_: Request) -> Response:
        answer = Response(LINES[: len(LINES) - missing])
        answer.automatically_set_content_length = False
        answer.headers["content-length"] = str(len(LINES))
        return answer

    with Server(application) as server, downloading(server.url) as pieces:
        with pytest.raises(Auth0SilentError) as raised:
            b"".join(pieces)
        assert trouble_of(raised.value) is Trouble.OUTAGE


def test_nobody_listens() -> None:
    """It is an outage."""
    with pytest.raises(Auth0SilentError), downloading("http://127.0.0.1:9/"):
        pass


def test_no_credentials_are_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .netrc has one for the host, and the address is the only key to the file."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password hidden\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    seen: list[str | None] = []

    @Request.application
    def application(request: Request) -> Response:
        seen.append(request.headers.get("authorization"))
        return Response(LINES)

    with Server(application) as server, downloading(server.url) as pieces:
        b"".join(pieces)

    assert seen == [None]
