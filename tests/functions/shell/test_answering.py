"""An answer to every request, whatever happens: the runtime would print what is raised."""

import json
from http import HTTPStatus

import pytest
from tests.functions.shell.conftest import Printed

from customerlink.functions.shell.answering import answered
from customerlink.functions.shell.api_gateway import Answer, Rejection, answer
from customerlink.model.errors import (
    ConfigurationError,
    CustomerLinkError,
    LedgerUnavailableError,
    SecretUnavailableError,
)

REJECTION = Rejection(HTTPStatus.UNAUTHORIZED, "invalid_signature", "no secret signed it")


def raising(trouble: Exception) -> Answer:
    """Answer by raising."""
    raise trouble


def test_decision(printed: Printed) -> None:
    """It is answered as it is; whoever decides reports it."""
    decided = answer(HTTPStatus.OK, {"decision": "continue"})

    assert answered(lambda: decided, "request-1") is decided
    assert printed.text.getvalue() == ""


def test_rejection(printed: Printed) -> None:
    """It is answered with its code, reported and counted."""
    told = answered(lambda: REJECTION, "request-1")

    assert told == REJECTION.answer()
    assert printed.lines()[0]["request_id"] == "request-1"
    assert printed.metrics() == {"invalid_signature": [1]}


@pytest.mark.parametrize(
    ("trouble", "status", "error", "failed_at"),
    [
        (ConfigurationError("CUSTOMERLINK_TABLE is missing"), 500, "internal_error", "setting"),
        (SecretUnavailableError("AWS is gone", "no_answer"), 500, "internal_error", "secret"),
        (LedgerUnavailableError("slow"), 503, "ledger_unavailable", "ledger"),
    ],
)
def test_expected_error(
    trouble: CustomerLinkError, status: int, error: str, failed_at: str, printed: Printed
) -> None:
    """The operator reads what it is and whose trouble, the caller does not."""
    told = answered(lambda: raising(trouble), "request-1")
    [line] = printed.lines()

    assert told["statusCode"] == status
    assert json.loads(told["body"])["error"] == error
    assert str(trouble) not in told["body"]
    assert (line["detail"], line["failed_at"]) == (str(trouble), failed_at)
    assert printed.metrics() == {error: [1]}


def test_bug(printed: Printed) -> None:
    """Its text may quote anybody: neither the caller nor the log gets it."""
    told = answered(lambda: raising(KeyError("ada@example.com")), "request-1")

    assert told["statusCode"] == 500
    assert json.loads(told["body"])["error"] == "internal_error"
    assert printed.lines()[0]["exception"] == "KeyError"
    assert "ada@" not in told["body"] + printed.text.getvalue()
    assert printed.metrics() == {"internal_error": [1]}


def test_what_is_to_end_the_process() -> None:
    """It is no bug, and ends it."""

    def stopped() -> Answer:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answered(stopped, "request-1")
