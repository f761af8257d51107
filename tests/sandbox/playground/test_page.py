"""The playground's server: who is served, what the stream says, and how little the page is."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from tests.e2e.runtime import ROOT
from werkzeug.test import Client, TestResponse

from sandbox.journal import Journal, Kind
from sandbox.playground.__main__ import Playground, playground
from sandbox.playground.page import FILES, SERVED
from sandbox.playground.weather import Weather

HERE = "http://127.0.0.1:8805"
PRIVATE = [("GET", "/state"), ("GET", "/events"), ("POST", "/weather"), ("POST", "/policy")]


@pytest.fixture(scope="module")
def running() -> Iterator[Playground]:
    """Run one playground for this file."""
    with playground() as made:
        yield made


def asked(running: Playground, method: str, path: str, **more: Any) -> TestResponse:
    """Ask as the page does, unless told otherwise; a header that is None is left out."""
    headers = {"origin": HERE, "x-playground-token": running.page.token} | more.pop("headers", {})
    given = {name: value for name, value in headers.items() if value is not None}
    return Client(running.page).open(path, method=method, base_url=HERE, headers=given, **more)


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "localhost:8805", "127.0.0.1", "127.0.0.1:8806", "[::1]:8805", ""),
        *("127.0.0.1:8805.evil.example", "127.0.0.2:8805", "2130706433:8805"),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), *PRIVATE])
def test_another_host(running: Playground, host: str, method: str, path: str) -> None:
    """Whoever came by another name, as a rebound one, gets nothing, the page itself included."""
    answer = asked(
        running, method, path, headers={"host": host}, json={"name": Weather.STRIPE_DOWN}
    )

    assert answer.status_code == 403
    assert running.page.control.skies.now is Weather.CALM


ELSEWHERE = [
    *("null", "http://evil.example", "https://127.0.0.1:8805", "http://127.0.0.1:1", ""),
    *("http://127.0.0.1:8805.evil.example", None),
]


@pytest.mark.parametrize("site", [None, "cross-site", "same-site", "none"])
@pytest.mark.parametrize("origin", ELSEWHERE)
@pytest.mark.parametrize("path", ["/weather", "/policy", "/story"])
def test_another_origin(
    running: Playground, origin: str | None, site: str | None, path: str
) -> None:
    """What changes something is asked by this page alone."""
    headers = {"origin": origin, "sec-fetch-site": site}
    answer = asked(running, "POST", path, headers=headers, json={"name": "Stripe down"})

    assert answer.status_code == 403
    assert running.page.control.skies.now is Weather.CALM


@pytest.mark.parametrize(
    "headers",
    [{}, {"sec-fetch-site": "same-origin"}, {"origin": None, "sec-fetch-site": "same-origin"}],
)
def test_this_origin(running: Playground, headers: dict[str, str | None]) -> None:
    """A browser names the page's origin, or says that it is the server's own."""
    answer = asked(running, "POST", "/weather", headers=headers, json={"name": Weather.CALM})

    assert answer.status_code == 200


@pytest.mark.parametrize("token", [None, "", "another run's", "é"])
@pytest.mark.parametrize(("method", "path"), PRIVATE)
def test_another_token(running: Playground, token: str | None, method: str, path: str) -> None:
    """And with this run's token."""
    assert asked(running, method, path, headers={"x-playground-token": token}).status_code == 403


@pytest.mark.parametrize("path", [*SERVED, "/operations", "/nothing"])
def test_files(running: Playground, path: str) -> None:
    """Nothing but the page's own script runs, and nobody frames it."""
    answer = asked(running, "GET", path)
    policy = answer.headers["content-security-policy"]

    assert answer.status_code == (404 if path == "/nothing" else 200)
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


ODD = [
    ("/weather", {"name": "rain"}),
    ("/weather", {"name": ["calm"]}),
    ("/weather", []),
    ("/weather", None),
    ("/policy", {"name": "VerifiedEmail", "value": "perhaps"}),
    ("/policy", {"name": "StripeApiBase", "value": "http://evil.example"}),
    ("/policy", {"name": {}, "value": 5}),
    ("/story", {"name": "two_tabs "}),
    ("/story", {"name": 5}),
]


@pytest.mark.parametrize(("path", "body"), ODD)
def test_odd_switch(running: Playground, path: str, body: object) -> None:
    """A switch that there is not is a clear 400, and changes nothing."""
    before = running.page.control.shown()

    assert asked(running, "POST", path, json=body).status_code == 400
    assert asked(running, "POST", path, data=b"\xff{").status_code == 400
    assert running.page.control.shown() == before


def told(running: Playground, last: str | None, number: int) -> list[dict[str, Any]]:
    """Return so many of the stream's entries, behind the last one that somebody has."""
    answer = asked(running, "GET", "/events", headers={"last-event-id": last})
    assert answer.content_type.startswith("text/event-stream")
    lines = [each.decode() for each in islice(answer.iter_encoded(), number)]
    found = [re.fullmatch(r"id: (\d+)\ndata: (.*)\n\n", each) for each in lines]
    documents = [json.loads(each[2]) for each in found if each]
    assert [int(each[1]) for each in found if each] == [each["number"] for each in documents]
    return documents


def test_stream(running: Playground) -> None:
    """Every step of a log-in, with what a row shows: the idempotency key, the line for a shell."""
    running.box.tenant.login(running.box.tenant.add_user(email="stream@example.com"))
    entries = running.box.journal.after(0)
    documents = told(running, None, len(entries))

    assert [each["number"] for each in documents] == [each.number for each in entries]
    kinds = {each["kind"] for each in documents}
    assert kinds >= {
        "login",
        "action",
        "report",
        "step",
        "dynamodb",
        "stripe",
        "instruction",
        "log",
    }
    [create] = [each for each in documents if each["title"] == "POST /v1/customers 200"]
    assert create["detail"]["idempotency_key"].startswith("customerlink-")
    assert create["detail"]["idempotency_key"] in create["curl"]
    [line] = [each for each in documents if each["kind"] == "log"]
    assert line["runbook"] == "the-log-line"


@pytest.mark.parametrize(("last", "first"), [("3", 4), ("1", 2), (None, 1), ("-1", 1), ("x", 1)])
def test_resumed(running: Playground, last: str | None, first: int) -> None:
    """Whoever comes back with the number that was seen last gets what is behind it."""
    running.box.tenant.login(running.box.tenant.add_user(email=f"resumed-{last}@example.com"))

    assert told(running, last, 2)[0]["number"] == first


@pytest.mark.parametrize("last", ["9" * 5000, "٣", "3.5"])
def test_odd_number(running: Playground, last: str) -> None:
    """What is no number counts as none."""
    page = running.page
    answer = Client(page).get(
        "/events",
        base_url=HERE,
        headers={"x-playground-token": page.token},
        environ_overrides={"HTTP_LAST_EVENT_ID": last},
    )

    assert answer.status_code == 200


def test_no_secret_is_shown(running: Playground) -> None:
    """Neither the key nor the signing secret is in the stream."""
    shown = json.dumps(told(running, None, len(running.box.journal.after(0))))

    assert running.box.stripe_key not in shown
    assert running.box.signing_secret not in shown


def test_bound() -> None:
    """To this machine alone: the address says so, and the server's socket."""
    assert "0.0.0.0" not in (ROOT / "src/sandbox/playground/__main__.py").read_text()  # noqa: S104


def test_texts_are_texts() -> None:
    """No data becomes markup, and nothing is evaluated."""
    script = (FILES / "playground.mjs").read_text()

    for each in (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "Function(",
    ):
        assert each not in script


def test_as_little_as_said() -> None:
    """docs/playground.md says how long the page and its stream are, and how heavy."""
    files = [*sorted(FILES.iterdir()), FILES.parent / "page.py"]
    lines = sum(len(each.read_text().splitlines()) for each in files)
    weight = sum(each.stat().st_size for each in FILES.iterdir())
    said = re.search(
        r"(\d+) lines.*?(\d+) kB", (ROOT / "docs/playground.md").read_text(), re.DOTALL
    )

    assert {each.name for each in FILES.iterdir()} == {name for name, _ in SERVED.values()}
    assert said
    assert lines <= int(said[1]) <= 600
    assert weight <= int(said[2]) * 1000


@pytest.mark.parametrize("page", ["README.md", "docs/playground.md"])
def test_pictures(page: str) -> None:
    """Each is there, and small enough for a slow line."""
    pictures = re.findall(r"\(((?:docs/)?[\w-]+\.png)\)", (ROOT / page).read_text())
    files = [(ROOT / page).parent / each for each in pictures]

    assert files
    assert [each for each in files if not 0 < each.stat().st_size <= 200_000] == []


def test_journal_kinds_are_styled_by_one_rule() -> None:
    """The page knows kinds by name only where it shows more of one."""
    script = (FILES / "playground.mjs").read_text()
    named = set(re.findall(r"kind === '(\w+)'", script))

    assert named <= {*Kind}
    assert Journal().after(0) == []
