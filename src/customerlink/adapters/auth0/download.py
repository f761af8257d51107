"""The file that an export wrote, fetched by requests: it may be larger than a function's memory."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from urllib3.exceptions import HTTPError

from customerlink.adapters.auth0.errors import Auth0SilentError, NotDownloadedError

_SECONDS = 20.0
_PIECE = 1 << 16


@contextmanager
def downloading(location: str) -> Iterator[Iterator[bytes]]:
    """Open an export's file: gzipped JSON lines, piece by piece.

    Raise `Auth0SilentError` or `NotDownloadedError`.
    """
    try:
        with requests.get(
            location, stream=True, timeout=_SECONDS, allow_redirects=False, auth=_as_it_is
        ) as answer:
            if answer.status_code != requests.codes.ok:
                raise NotDownloadedError(answer.status_code)
            yield _pieces(answer)
    except requests.RequestException as error:
        raise Auth0SilentError(f"no answer: {type(error).__name__}") from None


def _pieces(answer: requests.Response) -> Iterator[bytes]:
    """Read it as it is: as content, its gzip would be undone where a header names it."""
    try:
        yield from answer.raw.stream(_PIECE, decode_content=False)
    except HTTPError as error:
        raise Auth0SilentError(f"no answer: {type(error).__name__}") from None


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send no credentials: without this, requests adds what a .netrc has for the host."""
    return request
