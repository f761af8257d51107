"""One judgement on what is posted as JSON, whichever the route."""

import pytest

from customerlink.functions.shell.api_gateway import Rejection, Request
from customerlink.functions.shell.json_body import json_body


def posted(body: str, content_type: str = "application/json", **event: object) -> Request:
    """Return a request with a body."""
    return Request.of({"headers": {"Content-Type": content_type}, "body": body, **event})


def test_object() -> None:
    """It is returned as it is."""
    assert json_body(posted('{"a": "é"}')) == {"a": "é"}


@pytest.mark.parametrize(
    ("request_", "status", "detail"),
    [
        (posted("[" * 100_000), 413, "body is longer than 65536 bytes"),
        (posted("{}" + " " * 65_535), 413, "body is longer than 65536 bytes"),
        (posted("é" * 40_000), 413, "body is longer than 65536 bytes"),
        (posted("{}", "text/plain"), 415, "content-type is not application/json"),
        (posted("{}", ""), 415, "content-type is not application/json"),
        (posted("a=1", "application/x-www-form-urlencoded"), 415, "content-type is not"),
        (posted("%%%", isBase64Encoded=True), 400, "body is not JSON"),
        (posted("/w==", isBase64Encoded=True), 400, "body is not JSON"),
        (posted("[" * 60_000), 400, "body is not JSON"),
        (posted("[]"), 400, "body is not a JSON object"),
    ],
)
def test_refused(request_: Request, status: int, detail: str) -> None:
    """By its length, its type, then its text: what is wrong is said, and never quoted."""
    told = json_body(request_)

    assert isinstance(told, Rejection)
    assert told.status == status
    assert told.detail.startswith(detail)
