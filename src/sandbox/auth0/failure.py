"""Error answers in the Management API's form."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from sandbox.shapes import whole


@dataclass
class Auth0Failure(Exception):  # noqa: N818 (an answer, not a mistake of ours)
    """An error answer (https://auth0.com/docs/api/management/v2)."""

    status: int
    message: str
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the JSON document."""
        phrase = HTTPStatus(self.status).phrase
        document = {"statusCode": self.status, "error": phrase, "message": self.message}
        return document | ({"errorCode": self.code} if self.code else {})


def bad_body(message: str) -> Auth0Failure:
    """Return the answer to a body that the schema refuses."""
    return Auth0Failure(400, f"Payload validation error: '{message}'.", "invalid_body")


def bad_query(message: str) -> Auth0Failure:
    """Return the answer to a query that the schema refuses."""
    return Auth0Failure(400, f"Query validation error: '{message}'.", "invalid_query_string")


def page_of(query: dict[str, str], maximum: int = 100) -> tuple[int, int]:
    """Read `page` (from 0) and `per_page` (50 unless given, 100 at most)."""
    numbers = []
    for name, default, least, most in (("page", 0, 0, None), ("per_page", 50, 0, maximum)):
        text = query.get(name, str(default))
        number = whole(text)
        if number is None:
            raise bad_query(f"Expected a whole number on property {name}")
        if most is not None and number > most:
            raise bad_query(f"Value {number} is greater than maximum {most}' on property {name}")
        numbers.append(max(number, least))
    return numbers[0], numbers[1]
