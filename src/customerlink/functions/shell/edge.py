"""The ways in to a function: through the edge (edge.yaml), if the deployment has one.

The edge adds a secret to each request, of which a deployment knows the digest alone, and the
address of who called. Whoever found the API's own address has neither.
"""

import hashlib
import hmac
from http import HTTPStatus

from customerlink.functions.shell.api_gateway import (
    Event,
    Rejection,
    api_of,
    caller_of,
    headers_of,
)
from customerlink.wiring.settings import Settings

SECRET_HEADER = "x-customerlink-edge"  # noqa: S105 (a header's name)
VIEWER_HEADER = "x-customerlink-viewer"

NOT_ALLOWED = Rejection(
    HTTPStatus.FORBIDDEN,
    "caller_not_allowed",
    "the caller's address is not among those that may call",
)

AROUND = Rejection(
    HTTPStatus.FORBIDDEN,
    "not_by_the_edge",
    "the request did not come by the deployment's edge, or the edge has another secret",
)
"""In a word of its own: an edge whose secret is wrong turns everybody away, the watch as well."""


def came_through(settings: Settings, event: Event) -> bool:
    """Return whether a request came the way that it should.

    What did not come by an API was invoked by somebody whom IAM let: the deployment's own check.
    """
    if not (settings.edge_digests and api_of(event)):
        return True
    sent = headers_of(event).get(SECRET_HEADER, "").encode(errors="surrogatepass")
    digest = hashlib.sha256(sent).digest()
    return any(hmac.compare_digest(digest, each) for each in settings.edge_digests)


def not_reporting(settings: Settings, event: Event) -> Rejection | None:
    """Return why a request may be no report: its way, or the address that it came from."""
    if not came_through(settings, event):
        return AROUND
    return None if settings.allows(_caller(settings, event)) else NOT_ALLOWED


def _caller(settings: Settings, event: Event) -> str:
    """Return who called the edge, where there is one: the API saw the edge's own address."""
    if settings.edge_digests and api_of(event):
        return headers_of(event).get(VIEWER_HEADER, "")
    return caller_of(event)
