"""The page of a verification on a phone, by day and by night, and judged by axe-core."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.e2e.node import played

from customerlink.cli.config import Config
from customerlink.cli.dashboards import Dashboards
from customerlink.cli.history import Run
from customerlink.cli.report import html
from customerlink.model.drift import Drift, Finding
from customerlink.model.row import Row, RowOutcome
from customerlink.model.user import CustomerId, Tenant, UserId
from customerlink.usecases.compare import Report

BEGIN = datetime(2026, 7, 1, tzinfo=UTC)


def whole() -> str:
    """Return a page that has everything, ids and numbers as long as they come."""
    long = UserId(f"samlp|a-corporate-directory|{'x' * 120}"), CustomerId(f"cus_{'9' * 60}")
    samples = {each: [Finding(each, *long, f"{long[1]} {long[0]}")] * 3 for each in Drift}
    counts = dict.fromkeys(Drift, 12_345_678) | {Drift.UNCLAIMED: 0}
    rows = [Row(long[0], RowOutcome.UNREAD, "is no user")]
    found = Report(BEGIN.isoformat(), Tenant("a-tenant-" + "y" * 50), counts, samples, rows)
    runs = [Run(BEGIN + timedelta(days=each), 1_000_000 * each) for each in range(40)]
    return html(found, runs, Dashboards(Config(domain="acme.eu.auth0.com")))


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Open the page once, and say what the browser shows."""
    page = tmp_path_factory.mktemp("report") / "report.html"
    page.write_text(whole())
    found: dict[str, Any] = played("report.mjs", page.as_uri())
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible(seen: dict[str, Any], scheme: str) -> None:
    """No rule of axe-core's is broken, nor left to a person, contrast among them."""
    assert seen[scheme]["violations"] == []
    assert seen[scheme]["unsure"] == []
    judged = {"color-contrast", "svg-img-alt", "landmark-one-main", "link-name", "document-title"}
    assert judged <= set(seen[scheme]["passed"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(seen: dict[str, Any], scheme: str) -> None:
    """Nothing is wider than 360 pixels, whatever the ids."""
    assert not seen[scheme]["overflows"]


def test_at_night(seen: dict[str, Any]) -> None:
    """Dark where the reader's machine is."""
    assert seen["light"]["paper"] == "rgb(255, 255, 255)"
    assert seen["dark"]["paper"] == "rgb(18, 20, 23)"


def test_over_time_is_read_aloud(seen: dict[str, Any]) -> None:
    """The line is a picture with words."""
    assert seen["drawing"]["role"] == "img"
    assert seen["drawing"]["name"].startswith("40 runs; not in order: 0 at first")


def test_nothing_is_fetched(seen: dict[str, Any]) -> None:
    """But the page itself."""
    assert len(seen["requests"]) == 1
