"""The simulation's writing of the Action's rules, against the Action's own JavaScript."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.simulation.auth0 import is_to_be_reported
from werkzeug.wrappers import Request, Response

from sandbox.serving import Server
from sandbox.tenant import ActionHost


class Endpoint:
    """Answers as it is told, and counts."""

    def __init__(self) -> None:
        """Start without an answer."""
        self.calls = 0
        self.status, self.body = 500, ""

    def __call__(self, environ: Any, start: Any) -> Any:
        """Serve one request."""
        Request(environ).get_data()
        self.calls += 1
        return Response(self.body, self.status)(environ, start)


@pytest.fixture(scope="module")
def action() -> Iterator[tuple[ActionHost, Endpoint, str]]:
    """Run the Action in Node, with an endpoint to call."""
    endpoint = Endpoint()
    with Server(endpoint) as server, ActionHost() as host:
        yield host, endpoint, server.url


def event(url: str, count: int, metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what the rules look at."""
    return {
        "tenant": {"id": "acme"},
        "user": {"user_id": "auth0|1", "app_metadata": metadata},
        "stats": {"logins_count": count},
        "secrets": {
            "CUSTOMERLINK_URL": url,
            "CUSTOMERLINK_SIGNING_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        },
    }


METADATA = [
    {
        key: value
        for key, value in zip(("stripe_customer_id", "stripe_signup"), pair, strict=True)
        if value
    }
    for pair in itertools.product([None, "cus_1"], [None, "unfinished", "exempt", "other"])
]


@pytest.mark.parametrize("count", [0, 1, 2, 50])
@pytest.mark.parametrize("metadata", METADATA, ids=json.dumps)
def test_who_is_reported(
    action: tuple[ActionHost, Endpoint, str],
    count: int,
    metadata: dict[str, Any],
) -> None:
    """For every count and metadata."""
    host, endpoint, url = action
    endpoint.calls = 0
    host.run(event(url, count, metadata))

    assert bool(endpoint.calls) is is_to_be_reported(count, metadata)


@pytest.mark.parametrize(
    "answer",
    [
        {
            "version": 1,
            "decision": "continue",
            "reason": "customer_found",
            "app_metadata": {"stripe_customer_id": "cus_2", "stripe_signup": None},
        },
        {"version": 1, "decision": "continue", "reason": "not_new", "app_metadata": {}},
        {
            "version": 1,
            "decision": "deny",
            "reason": "email_in_use",
            "message": "no",
            "app_metadata": {"stripe_signup": "unfinished"},
        },
    ],
)
def test_instruction_is_carried_out(
    action: tuple[ActionHost, Endpoint, str],
    answer: dict[str, Any],
) -> None:
    """Decision and metadata, as the simulation takes them."""
    host, endpoint, url = action
    endpoint.status, endpoint.body = 200, json.dumps(answer)
    asked = host.run(event(url, 1, {}))

    assert asked["app_metadata"] == answer["app_metadata"]
    assert (asked["denial"] is not None) is (answer["decision"] == "deny")


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize("count", [1, 2])
def test_failure_denies_and_marks(
    action: tuple[ActionHost, Endpoint, str],
    count: int,
    status: int,
) -> None:
    """Who is signing up; a later login without id and marker goes on. 503 after one more try."""
    host, endpoint, url = action
    endpoint.calls, endpoint.status, endpoint.body = 0, status, ""
    asked = host.run(event(url, count, {}))

    assert (asked["denial"] is not None) is (count == 1)
    assert asked["app_metadata"] == ({"stripe_signup": "unfinished"} if count == 1 else {})
    assert asked["error"] is None
    assert endpoint.calls == (2 if status == 503 else 1)
