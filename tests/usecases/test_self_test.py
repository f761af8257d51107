"""The request that proves a deployment's whole way in; tests/functions sends it."""

import json

import pytest

from customerlink.functions.shell.api_gateway import Request
from customerlink.model.signature import SigningSecret, is_signed
from customerlink.model.signup import SignUp, parse
from customerlink.model.trust import Trust
from customerlink.model.user import Tenant, User, UserId
from customerlink.usecases.self_test import USER_ID, SelfTest, has_passed

SECRET, OTHER = SigningSecret(b"a" * 32), SigningSecret(b"b" * 32)
NOW = 1_795_000_000.5


@pytest.fixture
def self_test() -> SelfTest:
    """Return the request."""
    return SelfTest.signed(SECRET, NOW)


def test_is_signed(self_test: SelfTest) -> None:
    """By the given secret and for this moment: whoever has another one is a stranger."""
    for secret, is_known in ((SECRET, True), (OTHER, False)):
        known = is_signed([secret], self_test.headers, self_test.body, now=NOW, tolerance=1)
        assert known is is_known


def test_each_is_another_one() -> None:
    """A replay can be told from a new test."""
    ids = {SelfTest.signed(SECRET, NOW).headers["webhook-id"] for _ in range(3)}

    assert len(ids) == 3


def test_is_the_second_login_of_nobody(self_test: SelfTest) -> None:
    """Well-formed, and no sign-up: no customer can come of it."""
    user = User(Tenant("self-test"), UserId(USER_ID))

    assert parse(self_test.body, Trust()) == SignUp(user, logins_count=2)


def test_as_an_event(self_test: SelfTest) -> None:
    """What the function reads of the event is the very request, and where it comes from."""
    event = json.loads(json.dumps(self_test.event("203.0.113.7")))

    assert Request.of(event) == Request("POST /post-login", self_test.headers, self_test.body)
    assert event["requestContext"]["http"]["sourceIp"] == "203.0.113.7"


@pytest.mark.parametrize(
    ("status", "body", "passed"),
    [
        (200, {"reason": "not_new"}, True),
        (200, {"decision": "continue", "reason": "not_new", "app_metadata": {}}, True),
        (200, {"reason": "customer_created"}, False),
        (200, {}, False),
        (200, "not_new", False),
        (200, None, False),
        (401, {"error": "invalid_signature"}, False),
        (500, {"reason": "not_new"}, False),
    ],
)
def test_has_passed(status: int, body: object, *, passed: bool) -> None:
    """Only the one answer that comes after signature, parsing and a read of the ledger."""
    assert has_passed(status, body) is passed
