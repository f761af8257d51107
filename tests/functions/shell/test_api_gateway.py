"""API Gateway's events, payload format 2.0, whatever they lack, and the answers to them."""

import base64
import json
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerlink.functions.shell.api_gateway import (
    ERRORS,
    Rejection,
    Request,
    answer,
    caller_of,
    claims_of,
)


def with_headers(**headers: str) -> Request:
    """Return a request with these headers."""
    return Request.of({"headers": {name.replace("_", "-"): text for name, text in headers.items()}})


class TestRequest:
    """What is read of an event."""

    def test_whole(self) -> None:
        """Route, raw body, and headers whose names are in lower case."""
        event = {"routeKey": "POST /orders", "headers": {"X-Id": "1"}, "body": "{\u00e9}"}

        assert Request.of(event) == Request("POST /orders", {"x-id": "1"}, "{é}".encode())

    @pytest.mark.parametrize("event", [{}, {"headers": None, "body": None}, {"body": ""}])
    def test_empty(self, event: dict[str, Any]) -> None:
        """What is missing is empty: it is for the signature to refuse it."""
        assert Request.of(event) == Request("", {}, b"")

    @given(st.binary())
    def test_base64_body(self, raw: bytes) -> None:
        """The bytes are those that the caller sent, and signed."""
        event = {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}

        assert Request.of(event).body == raw

    @pytest.mark.parametrize("body", ["%%%", "QQ", "QUJD\n", "é"])
    def test_body_that_is_not_the_base64_that_it_says(self, body: str) -> None:
        """It counts as empty, and raises nothing."""
        assert Request.of({"body": body, "isBase64Encoded": True}).body == b""

    def test_half_a_character(self) -> None:
        """JSON may hold a lone surrogate; it stays a body, for the parser to judge."""
        assert Request.of({"body": "\ud800"}).body == b"\xed\xa0\x80"


class TestHeaders:
    """What is read of the headers."""

    @pytest.mark.parametrize(
        ("header", "token"),
        [
            ("Bearer abc", "abc"),
            ("bearer  abc ", "abc"),
            ("Bearer", ""),
            ("Basic abc", ""),
            ("abc", ""),
            ("", ""),
        ],
    )
    def test_bearer_token(self, header: str, token: str) -> None:
        """The scheme's letter case does not matter; another scheme's is none."""
        assert with_headers(Authorization=header).bearer() == token

    def test_no_token(self) -> None:
        """Empty, and no error."""
        assert with_headers().bearer() == ""

    @pytest.mark.parametrize(
        ("content_type", "is_json"),
        [
            ("application/json", True),
            ("Application/JSON; charset=utf-8", True),
            (" application/json ;", True),
            ("text/plain", False),
            ("application/jsonp", False),
            ("", False),
        ],
    )
    def test_json(self, content_type: str, *, is_json: bool) -> None:
        """By the media type alone, parameters aside."""
        assert with_headers(content_type=content_type).is_json() is is_json


class TestWhoCalls:
    """What API Gateway says of the caller."""

    def test_address(self) -> None:
        """As the gateway saw it, whatever a header claims."""
        http = {"sourceIp": "203.0.113.7"}
        event = {"headers": {"x-forwarded-for": "10.0.0.1"}, "requestContext": {"http": http}}

        assert caller_of(event) == "203.0.113.7"

    def test_claims(self) -> None:
        """What the authoriser has found in the token."""
        jwt = {"claims": {"sub": "auth0|ada"}}

        assert claims_of({"requestContext": {"authorizer": {"jwt": jwt}}}) == jwt["claims"]

    @pytest.mark.parametrize(
        "context",
        [
            None,
            {},
            {"http": None, "authorizer": None},
            {"http": {}, "authorizer": {"jwt": None}},
            {"http": {"sourceIp": None}, "authorizer": {"jwt": {"claims": None}}},
        ],
    )
    def test_nobody(self, context: object) -> None:
        """What is missing is empty, and lets nobody in."""
        event = {"requestContext": context}

        assert (caller_of(event), claims_of(event)) == ("", {})


class TestAnswer:
    """What goes back."""

    def test_document(self) -> None:
        """JSON, which nobody in between may keep."""
        assert answer(HTTPStatus.OK, {"reason": "é"}) == {
            "statusCode": 200,
            "headers": {"content-type": "application/json", "cache-control": "no-store"},
            "body": '{"reason": "\\u00e9"}',
        }

    @pytest.mark.parametrize("error", sorted(ERRORS))
    def test_rejection(self, error: str) -> None:
        """A code to act on, a text to read."""
        told = Rejection(HTTPStatus.BAD_REQUEST, error, "why").answer()

        assert told["statusCode"] == 400
        assert json.loads(told["body"]) == {"error": error, "detail": "why"}

    def test_unknown_code(self) -> None:
        """No alarm would know of it: it is a bug of ours."""
        with pytest.raises(ValueError, match="sorry is not among the codes"):
            Rejection(HTTPStatus.BAD_REQUEST, "sorry", "")
