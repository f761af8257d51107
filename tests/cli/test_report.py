"""A verification as a page: what it says, and that it is nobody's script."""

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from customerlink.cli.report import html
from customerlink.model.drift import Drift, Finding
from customerlink.model.row import Row, RowOutcome
from customerlink.model.user import CustomerId, Tenant, UserId
from customerlink.usecases.compare import Report

NONE: dict[Drift, int] = dict.fromkeys(Drift, 0)


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
    page = html(report(counts), [])

    assert f"<h1>{verdict}</h1>" in page
    assert "Tenant <b>acme</b>, 2026-07-01T12:00:00+00:00." in page


def test_counts() -> None:
    """A row for each kind, whose bar is as long as its share of the most."""
    page = html(report({Drift.LINKED: 12_000, Drift.UNLINKED: 3_000}), [])
    bars = dict(re.findall(r'<rect class="(good|bad)" width="([1-9]\d*)"', page))

    assert page.count('<td class="number">') == len(Drift)
    assert "12,000" in page
    assert bars == {"good": "160", "bad": "40"}


def test_samples() -> None:
    """Of what is not in order, and of denials, with the reason."""
    samples = [
        Finding(Drift.LINKED, UserId("auth0|fine"), CustomerId("cus_1"), ""),
        Finding(Drift.DANGLING, UserId("auth0|ada"), CustomerId("cus_2"), "more"),
        Finding(Drift.DENIED, UserId("auth0|bob"), None, "email_in_use cus_9"),
        Finding(Drift.ABANDONED, None, CustomerId("cus_3"), ""),
    ]
    page = html(report({}, *samples), [])

    assert "<h3>dangling</h3><ul><li><code>auth0|ada cus_2 more</code></ul>" in page
    assert "<code> cus_3 </code>" in page
    assert "<h3>denied</h3><ul><li><code>auth0|bob  email_in_use cus_9</code></ul>" in page
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
    page = html(replace(report({Drift.LINKED: 5}), rows=rows), [])

    assert f"<h1>{verdict}</h1>" in page
    assert f"<li><code>{outcome}: line 1: is not &lt;JSON&gt;</code>" in page
    assert f"<li><code>{outcome}: auth0|7: user.name</code>" in page
    assert "<h2>Rows</h2>" not in html(report({}), [])


def test_markup_in_the_data() -> None:
    """A user's or a tenant's name is text, whatever is written in it."""
    evil = Finding(Drift.UNLINKED, UserId("auth0|<script>"), None, '"><img>')
    page = html(report({Drift.UNLINKED: 1}, evil, tenant="<b>acme</b>"), [])

    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;b&gt;acme&lt;/b&gt;" in page


@pytest.mark.parametrize("history", [[], [{"linked": 5}]])
def test_first_run(history: list[dict[str, int]]) -> None:
    """A line has two ends, so there is none yet."""
    page = html(report({}), history)

    assert "This is the first run that is remembered." in page
    assert "<polyline" not in page


def test_over_time() -> None:
    """How many were not in order, run by run; those in order do not count."""
    history = [{"linked": 9, "unlinked": 2}, {"linked": 9, "dangling": 2, "unlinked": 2}, {}]
    page = html(report({}), history)

    assert 'points="0,60 300,10 600,110"' in page
    assert "3 runs; not in order: 2 at first, 0 now." in page


def test_always_in_order() -> None:
    """The line lies at the bottom."""
    assert 'points="0,110 600,110"' in html(report({}), [{"linked": 1}, {"linked": 2}])
