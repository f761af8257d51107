"""A verification as a page: what it says, and that it is nobody's script."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from customerlink.cli.config import Config, Mode
from customerlink.cli.dashboards import Dashboards
from customerlink.cli.history import Run
from customerlink.cli.report import html as page_of
from customerlink.model.drift import Drift, Finding
from customerlink.model.row import Row, RowOutcome
from customerlink.model.user import CustomerId, Tenant, UserId
from customerlink.usecases.compare import Report

NONE: dict[Drift, int] = dict.fromkeys(Drift, 0)
NOWHERE = Config(domain="http://127.0.0.1:8804", stripe_api_base="http://127.0.0.1:8801")


def html(report: Report, history: Sequence[Run] = (), config: Config = NOWHERE) -> str:
    """Return the page of a deployment that has no dashboards, unless told otherwise."""
    return page_of(report, history, Dashboards(config))


def report(counts: Mapping[Drift, int], *samples: Finding, tenant: str = "acme") -> Report:
    """Return what a comparison found."""
    found = {kind: [each for each in samples if each.drift is kind] for kind in Drift}
    return Report("2026-07-01T12:00:00+00:00", Tenant(tenant), {**NONE, **counts}, found)


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ({}, "Both sides agree"),
        ({Drift.LINKED: 5, Drift.EXEMPT: 1}, "Both sides agree"),
        ({Drift.LINKED: 5, Drift.DENIED: 1}, "Both sides agree"),
        ({Drift.LINKED: 5, Drift.UNLINKED: 1}, "The two sides differ"),
        ({Drift.LINKED: 5, Drift.LETTER_CASE: 1}, "The two sides differ"),
    ],
)
def test_verdict(counts: dict[Drift, int], verdict: str) -> None:
    """The first thing that one reads, with the tenant and the time."""
    page = html(report(counts))
    colour = "good" if verdict == "Both sides agree" else "bad"

    assert f'<h1 class="{colour}">{verdict}</h1>' in page
    assert "Tenant <b>acme</b>, <time" in page
    assert ">2026-07-01T12:00:00+00:00</time>" in page


def test_counts() -> None:
    """A row for each kind that there is, and for what is in order; the others by their names."""
    page = html(report({Drift.LINKED: 12_000, Drift.UNLINKED: 3_000}))
    numbers = re.findall(r'<th scope="row">(\w+)<td class="number (\w+)">([\d,]+)', page)

    assert ("linked", "good", "12,000") in numbers
    assert ("unlinked", "bad", "3,000") in numbers
    assert {kind for kind, _, number in numbers if number == "0"} == {
        "exempt",
        "denied",
        "superseded",
    }
    [others] = re.findall("None is (.*?)[.]</p>", page)
    assert {*others.split(", ")} | {kind for kind, *_ in numbers} == {*Drift}


def test_samples() -> None:
    """Of what is not in order, and of denials, with the reason."""
    samples = [
        Finding(Drift.LINKED, UserId("auth0|fine"), CustomerId("cus_1"), ""),
        Finding(Drift.DANGLING, UserId("auth0|ada"), CustomerId("cus_2"), "more"),
        Finding(Drift.DENIED, UserId("auth0|bob"), None, "email_in_use cus_9"),
        Finding(Drift.ABANDONED, None, CustomerId("cus_3"), ""),
    ]
    page = html(report({}, *samples))

    assert "<h3>dangling</h3><ul><li><code>auth0|ada cus_2 more</code></li></ul>" in page
    assert "<code>cus_3</code>" in page
    assert "<h3>denied</h3><ul><li><code>auth0|bob email_in_use cus_9</code></li></ul>" in page
    assert "auth0|fine" not in page


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (RowOutcome.UNREAD, "The two sides differ"),
        (RowOutcome.ODD, "Both sides agree"),
        (RowOutcome.FAILED, "Both sides agree"),
    ],
)
def test_rows(outcome: RowOutcome, verdict: str) -> None:
    """Each is named, so that the page says why the sides differ though every count is in order."""
    rows = [Row("line 1", outcome, "is not <JSON>"), Row("auth0|7", outcome, "user.name")]
    page = html(replace(report({Drift.LINKED: 5}), rows=rows))

    assert f">{verdict}</h1>" in page
    assert f"<li><code>{outcome}: line 1: is not &lt;JSON&gt;</code>" in page
    assert f"<li><code>{outcome}: auth0|7: user.name</code>" in page
    assert "<h2>Rows</h2>" not in html(report({}))


def test_markup_in_the_data() -> None:
    """A user's or a tenant's name is text, whatever is written in it."""
    evil = Finding(Drift.UNLINKED, UserId("auth0|<script>"), None, '"><img>')
    page = html(report({Drift.UNLINKED: 1}, evil, tenant="<b>acme</b>"))

    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;b&gt;acme&lt;/b&gt;" in page


@pytest.mark.parametrize(
    ("mode", "customers"),
    [
        (Mode.TEST, "https://dashboard.stripe.com/test/customers/"),
        (Mode.LIVE, "https://dashboard.stripe.com/customers/"),
    ],
)
def test_links(mode: Mode, customers: str) -> None:
    """Each id leads to the page of its dashboard, those in a detail too; no other word does."""
    found = [
        Finding(Drift.UNRECORDED, UserId("auth0|ada"), CustomerId("cus_1"), ""),
        Finding(Drift.DENIED, UserId("auth0|bob"), None, "email_in_use cus_2"),
        Finding(Drift.MISMATCHED, UserId("auth0|eve"), CustomerId("cus_3"), "google-oauth2|1"),
        Finding(Drift.ORPHANED, UserId("sha256:0123456789abcdef"), CustomerId("sha256:0"), ""),
    ]
    page = html(report({}, *found), config=Config(domain="acme.eu.auth0.com", mode=mode))
    links = dict(re.findall('<a href="([^"]+)">([^<]+)</a>', page))
    users = "https://manage.auth0.com/dashboard/eu/acme/users/"

    assert links == {
        f"{users}YXV0aDAlN0NhZGE": "auth0|ada",
        f"{users}YXV0aDAlN0Nib2I": "auth0|bob",
        f"{users}YXV0aDAlN0NldmU": "auth0|eve",
        f"{users}Z29vZ2xlLW9hdXRoMiU3QzE": "google-oauth2|1",
        f"{customers}cus_1": "cus_1",
        f"{customers}cus_2": "cus_2",
        f"{customers}cus_3": "cus_3",
    }


@pytest.mark.parametrize(("number", "more"), [(1, None), (4, "3"), (39, "38"), (12_001, "12,000")])
def test_more_than_the_samples(number: int, more: str | None) -> None:
    """How many there are besides those that are shown."""
    one = Finding(Drift.UNLINKED, UserId("auth0|ada"), None, "")
    found = re.findall(r"and ([\d,]+) more", html(report({Drift.UNLINKED: number}, one)))

    assert found == ([more] if more else [])


@pytest.mark.parametrize("history", [[], [Run(datetime(2026, 7, 1, tzinfo=UTC), 2)]])
def test_history(history: list[Run]) -> None:
    """Only a comparison of everybody has one."""
    assert ("Over time" in html(report({}), history)) is bool(history)
