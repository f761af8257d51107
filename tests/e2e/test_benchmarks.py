"""The benchmarks, with few runs: what they measure is there, and their reports are whole."""

import json
from pathlib import Path

import pytest
from benchmarks import functions, sign_up, sync
from benchmarks.floor import ledger_requests


@pytest.mark.alone
def test_measures_and_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the usual Lambda, whose build asks a package index: the floor stands in for it."""
    monkeypatch.setattr(sign_up, "COLD", 1)
    monkeypatch.setattr(sign_up, "WARM", 2)
    monkeypatch.setattr(sign_up, "IN_A_ROW", 1)
    monkeypatch.setattr(sign_up, "USUAL", sign_up.PEERS / "floor")
    with sign_up.stand_ins() as outside:
        peers = sign_up.peers(outside, tmp_path / "artifacts")
        figures = sign_up.measure(outside, peers)
    shown = {name: rows for (name, *_), rows in sign_up.tables(figures)}

    assert {each[0] for each in shown["ratio"]} == {each.name for each in sign_up.REACH}
    assert all(len(values) > 0 for values in figures.values())
    # Two calls to Stripe at 80 ms each are the least that a sign-up can take.
    assert min(figures["warm ours"] + figures["warm floor"]) > 160
    assert min(figures["imports"] + figures["clients"] + figures["first calls"]) > 0
    assert sign_up.markdown(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
    assert sign_up.picture(figures).count("<rect") == 1 + 4 + 3 + 3 + 3 + 2


@pytest.mark.alone
def test_cold_starts_beside_the_sign_ups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answers, and each is compared with the sign-up's."""
    monkeypatch.setattr(functions, "RUNS", 1)
    figures = functions.measure(tmp_path)
    [(_, ratios), (_, spreads)] = functions.tables(figures)

    assert {each[0].partition(":")[0] for each in ratios} == {*functions.BOUNDS}
    assert len(spreads) == 2 * len(functions.FUNCTIONS)
    assert all(value > 0 for values in figures.values() for value in values)


def test_floor_sends_what_a_sign_up_does() -> None:
    """Three writes to the items of whoever signs up, and of nobody else."""
    requests = [json.loads(each.replace("<user>", "auth0|1")) for each in ledger_requests("t")]
    keys = [each["Key"]["pk"]["S"] for each in requests]

    assert keys[0] == keys[2] == "signup#acme#auth0|1"
    assert keys[1].startswith("email#acme#")
    assert keys[1].endswith("-auth0|1")
    assert all("ConditionExpression" in each for each in requests)
    assert requests[2]["ExpressionAttributeValues"][":epoch"] == {"N": "1"}


@pytest.mark.parametrize(
    ("ours", "spread"),
    [([1.0], ""), ([1.0, 1.0, 1.0, 1.0], "0.50 to 0.50"), ([1.0, 2.0, 3.0, 4.0], "0.62 to 1.88")],
)
def test_spread_of_a_ratio(ours: list[float], spread: str) -> None:
    """Half of the ratios, run by run, are in it; one has none."""
    reach = sign_up.Reach("a ratio", "ours", "theirs", 1.0)

    assert reach.spread({"ours": ours, "theirs": [2.0] * len(ours)}) == spread


def test_many_events() -> None:
    """No customer is written more often than it was changed, and once more; all are counted."""
    figures = sync.play(500, users=5, at_a_time=1, most=5)
    counts = figures.counts

    assert counts["events"] >= 500
    assert [each for each in figures.by_customer.values() if each[1] > each[0] + 1] == []
    assert counts["echoes"] + counts["twice"] >= 0.4 * counts["events"]
    assert counts["events"] == figures.changes + counts["echoes"] + counts["twice"]
    assert min(figures.dollars().values()) > 0
    assert str(figures).startswith(f"{counts['events']:,} events: {figures.changes:,} changes")


def test_each_kind_is_timed() -> None:
    """From the change to the other side."""
    took = sync.how_soon(1)

    assert [*took] == [*sync.KINDS]
    assert all(0 < seconds < sync.WAIT_SECONDS for each in took.values() for seconds in each)
