"""The ways in: through the edge, if there is one, and from an address that may call."""

import hashlib
from typing import Any

import pytest

from customerlink.functions.shell.edge import AROUND, NOT_ALLOWED, came_through, not_reporting
from customerlink.wiring.settings import Settings

OLD, NEW = "old-secret-of-the-edge", "new-secret-of-the-edge"
MINIMAL = {"CUSTOMERLINK_SECRET_ID": "secret", "CUSTOMERLINK_LEDGER_TABLE": "table"}


def digest(secret: str) -> str:
    """Return what a deployment knows of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def settings(*secrets: str, callers: str = "") -> Settings:
    """Return a deployment's, behind an edge with these secrets."""
    return Settings.from_environment(
        MINIMAL
        | {
            "CUSTOMERLINK_EDGE_SECRET_DIGESTS": ",".join(map(digest, secrets)),
            "CUSTOMERLINK_ALLOWED_CALLER_CIDRS": callers,
        }
    )


def event(source: str = "198.51.100.9", **headers: str) -> dict[str, Any]:
    """Return what API Gateway makes of a request."""
    named = {f"x-customerlink-{name}": value for name, value in headers.items()}
    return {"headers": named, "requestContext": {"apiId": "api", "http": {"sourceIp": source}}}


class TestSecret:
    """What the edge alone can send."""

    @pytest.mark.parametrize(
        ("sent", "is_let_in"),
        [
            ({"edge": OLD}, True),
            ({"edge": NEW}, True),
            ({"edge": OLD + " "}, False),
            ({"edge": f"{OLD},{OLD}"}, False),
            ({"edge": digest(OLD)}, False),
            ({"edge": ""}, False),
            ({"edge": "é"}, False),
            ({"edge": "\ud800"}, False),
            ({}, False),
        ],
    )
    def test_both_are_good_amid_a_rotation(self, sent: dict[str, str], *, is_let_in: bool) -> None:
        """And nothing else, the digest itself least of all."""
        assert came_through(settings(OLD, NEW), event(**sent)) is is_let_in

    def test_old_one_after_the_rotation(self) -> None:
        """Nobody gets in by it any more."""
        assert not came_through(settings(NEW), event(edge=OLD))

    def test_no_edge(self) -> None:
        """Whoever calls the API by itself is let in, with whatever headers."""
        for each in (event(), event(edge=OLD), {}):
            assert came_through(settings(), each)

    def test_invoked_by_who_may(self) -> None:
        """What came by no API is the deployment's own check: IAM let it, and it has no secret."""
        assert came_through(settings(OLD), {"requestContext": {"http": {"sourceIp": ""}}})

    @pytest.mark.parametrize("headers", [None, [], "x", {"X-CustomerLink-Edge": 7}])
    def test_odd_headers(self, headers: object) -> None:
        """They let nobody in, and raise nothing."""
        assert not came_through(settings(OLD), {**event(), "headers": headers})

    def test_letter_case(self) -> None:
        """A header's name has none."""
        assert came_through(settings(OLD), {**event(), "headers": {"X-CustomerLink-Edge": OLD}})


class TestCaller:
    """Whose address counts."""

    def test_behind_the_edge(self) -> None:
        """The viewer's, and not the edge's."""
        behind = settings(OLD, callers="203.0.113.0/24, 2001:db8::/32")

        for viewer in ("203.0.113.7", "2001:db8::7"):
            assert not_reporting(behind, event(edge=OLD, viewer=viewer)) is None
        for viewer in ("203.0.114.7", "", "unknown", "203.0.113.7, 203.0.113.7"):
            told = not_reporting(behind, event("203.0.113.1", edge=OLD, viewer=viewer))
            assert told is NOT_ALLOWED

    def test_before_it(self) -> None:
        """What a caller says of itself counts only if the edge has said it."""
        behind, alone = (settings(*each, callers="203.0.113.0/24") for each in ([OLD], []))

        for sent in ({}, {"edge": NEW}, {"edge": ""}):
            assert not_reporting(behind, event(viewer="203.0.113.7", **sent)) is AROUND
        assert not_reporting(alone, event(viewer="203.0.113.7")) is NOT_ALLOWED
        assert not_reporting(alone, event("203.0.113.7")) is None

    def test_no_networks(self) -> None:
        """Everybody who came through may report, and has to sign."""
        assert not_reporting(settings(OLD), event(edge=OLD)) is None
