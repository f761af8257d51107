"""What is posted as JSON, for every route that takes it: how long, of which type, and an object."""

from http import HTTPStatus

from customerlink.functions.shell.api_gateway import Rejection, Request
from customerlink.model.documents import LONGEST_BYTES, json_object

TOO_LARGE = Rejection(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "request_too_large",
    f"body is longer than {LONGEST_BYTES} bytes",
)
NOT_JSON = Rejection(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "unsupported_media_type",
    "content-type is not application/json",
)


def is_too_large(request: Request) -> bool:
    """Return whether a body is longer than anything that is read of it."""
    return len(request.body) > LONGEST_BYTES


def json_body(request: Request) -> dict[str, object] | Rejection:
    """Return the object that was posted, or what is wrong with it."""
    if is_too_large(request):
        return TOO_LARGE
    if not request.is_json():
        return NOT_JSON
    found = json_object(request.body)
    if isinstance(found, str):
        return Rejection(HTTPStatus.BAD_REQUEST, "invalid_request", f"body {found}")
    return found
