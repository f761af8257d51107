"""The benchmark of a sign-up, with few runs: what it measures is there, and its report is whole."""

from pathlib import Path

import pytest
from benchmarks import sign_up


@pytest.mark.alone
def test_measures_and_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the usual Lambda, whose build asks a package index: the floor stands in for it."""
    monkeypatch.setattr(sign_up, "COLD", 1)
    monkeypatch.setattr(sign_up, "WARM", 2)
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
