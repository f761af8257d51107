"""The invariants under every interleaving that ten thousand seeds give."""

import subprocess
import sys
from unittest.mock import patch

import pytest
from tests.e2e.runtime import ROOT
from tests.simulation import faults
from tests.simulation.__main__ import main
from tests.simulation.campaign import Report, play_many, shortest
from tests.simulation.history import ENTRIES, play

from customerlink.model.customer import Customer
from sandbox.aws import CREDENTIALS

HISTORIES = 10_000


def test_ten_thousand_histories(capsys: pytest.CaptureFixture[str]) -> None:
    """Every fault happens, every way in meets every policy, and no invariant breaks."""
    total = Report()
    for report in play_many(range(HISTORIES)):
        total += report
    kinds = {
        kind
        for group in (
            faults.INVOCATION,
            faults.STRIPE,
            faults.DYNAMODB,
            faults.NETWORK,
            faults.AUTH0,
            faults.MANAGEMENT,
            faults.SECRETS,
        )
        for kind in group
    }
    with capsys.disabled():
        print(f" {total.histories} histories, {total.logins} logins, {total.faults.total()} faults")

    assert total.failed == []
    assert total.histories == HISTORIES
    assert {kind for kind in kinds if total.faults[kind] < 50} == set()
    assert total.faults["409 idempotency_key_in_use"] > 50
    assert total.acts.keys() == {"login", "person", "sync", "approve-deletions", *ENTRIES}
    assert min(total.histories_of.values()) > 40


def test_a_seed_is_a_history() -> None:
    """The same, step by step, in another process with other hashes."""
    seed = 424
    program = f"from tests.simulation.history import play; print(*play({seed}).log, sep='\\n')"
    environment = {**CREDENTIALS, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PYTHONHASHSEED": "7"}
    other = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert other.stdout.splitlines() == play(seed).log


def test_a_violation_is_told_shortly(capsys: pytest.CaptureFixture[str]) -> None:
    """Were ownership not checked: the shortest history that shows it, and exit status 1."""
    with patch.object(Customer, "belongs_to", lambda *_: True):
        seed = next(each for each in range(1000) if play(each).violation)
        short = shortest(seed)
        whole = play(seed)
        with patch.object(sys, "argv", ["make simulate", "--seed", str(seed)]):
            status = main()

    assert status == 1
    assert short.violation
    assert short.logins < whole.logins
    assert "VIOLATION" in capsys.readouterr().out


def test_a_sound_seed_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 0."""
    with patch.object(sys, "argv", ["make simulate", "--seed", "0"]):
        assert main() == 0

    assert "seed 0: every invariant holds" in capsys.readouterr().out


def test_report(capsys: pytest.CaptureFixture[str]) -> None:
    """Seeds, steps, faults by kind."""
    with patch.object(sys, "argv", ["make simulate", "--histories", "300"]):
        assert main() == 0

    shown = capsys.readouterr().out
    assert "300 histories (seeds 0 to 299)" in shown
    assert "histories a minute" in shown
    assert "crash" in shown
