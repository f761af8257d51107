"""The metrics: each has a name in the code, and a line in docs/operations.md."""

import re

from tests.e2e.runtime import ROOT

from customerlink.functions.shell.telemetry import DRIFT, Metric
from customerlink.usecases.finish_sign_up import FinishStatus

OPERATIONS = (ROOT / "docs/operations.md").read_text()


def test_every_metric_is_documented() -> None:
    """And nothing else is; reasons and error codes are counted by their own names."""
    _, _, section = OPERATIONS.partition("## The metrics\n")
    rows = re.findall(r"^\| (`.*?) \|", section.partition("\n## ")[0], re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+…?)`", row)}

    assert documented == {*Metric, f"{DRIFT}…"}


def test_every_end_of_a_repair_is_counted() -> None:
    """Each by a metric of its own."""
    counted = {each for each in Metric if each.startswith("repair_")}

    assert counted == {f"repair_{each}" for each in FinishStatus}
