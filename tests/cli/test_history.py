"""How earlier comparisons went, remembered for each tenant and mode."""

import json
from pathlib import Path

import pytest

from customerlink.cli.history import Run, remembered
from customerlink.model.drift import Drift
from customerlink.model.user import Tenant
from customerlink.usecases.compare import Report

GOOD = json.dumps({"at": "2026-07-01T12:00:00+00:00", "counts": {"linked": 9, "unlinked": 2}})


def report(tenant: str, day: int = 2, differing: int = 1) -> Report:
    """Return what a comparison found."""
    counts = {Drift.LINKED: 5, Drift.UNLINKED: differing}
    return Report(f"2026-07-{day:02}T12:00:00+00:00", Tenant(tenant), counts, {})


def test_one_for_each_tenant_and_mode(tmp_path: Path) -> None:
    """What was found of one is no point on the line of another."""
    found = {
        (tenant, mode): [
            each.differing
            for day in (1, 2)
            for each in remembered(report(tenant, day, differing), tmp_path, mode)[-1:]
        ]
        for differing, tenant in enumerate(("acme", "acme-staging", "other"), 1)
        for mode in ("test", "live")
    }

    assert {key: set(numbers) for key, numbers in found.items()} == {
        (tenant, mode): {differing}
        for differing, tenant in enumerate(("acme", "acme-staging", "other"), 1)
        for mode in ("test", "live")
    }
    assert len(list(tmp_path.iterdir())) == 6
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("kept", "earlier"),
    [
        ("", []),
        (f"{GOOD}\n", [2]),
        (f"{GOOD}\n" * 3, [2, 2, 2]),
        # Cut short by a crash, or by hand.
        (f"{GOOD}\n{GOOD[:40]}", [2]),
        (f"{GOOD}", [2]),
        (f"null\n[]\n1\n{{}}\n{GOOD}\n", [2]),
        ('{"at": 7, "counts": {}}\n{"at": "x", "counts": {}}\n', []),
        ('{"at": "2026-07-01", "counts": "x"}\n{"at": {}, "counts": {}}\n', []),
        ('{"at": "2026-07-01", "counts": {"unlinked": "x"}}\n', []),
        # Of another release: kinds that this one does not know, and a time without a zone.
        ('{"at": "2026-07-01", "counts": {"linked": 9, "unheard_of": 3}}\n', [3]),
        ("[" * 5000 + "\n", []),
        # Numbers that are none.
        *(
            (f'{{"at": "2026-07-01", "counts": {{"unlinked": {number}}}}}\n{GOOD}\n', [2])
            for number in ("Infinity", "-Infinity", "NaN", "1e999", "null", "[]", "9" * 5000)
        ),
    ],
)
def test_odd_lines(tmp_path: Path, kept: str, earlier: list[int]) -> None:
    """What cannot be read is a point less, and hides no other one."""
    (tmp_path / "history-acme-test.jsonl").write_text(kept)
    once = remembered(report("acme"), tmp_path, "test")
    again = remembered(report("acme", day=3), tmp_path, "test")

    assert [each.differing for each in once] == [*earlier, 1]
    assert [each.differing for each in again] == [*earlier, 1, 1]


def test_in_the_order_of_time(tmp_path: Path) -> None:
    """Whatever the clock said: the oldest run is the first."""
    for day in (3, 1, 2):
        found = remembered(report("acme", day), tmp_path, "test")

    assert [each.at.day for each in found] == [1, 2, 3]
    assert all(isinstance(each, Run) for each in found)
