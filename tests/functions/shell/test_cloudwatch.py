"""What CloudWatch reads: the same as Powertools prints, which everybody's dashboards know."""

import io
import itertools
import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from customerlink.functions.shell.cloudwatch import Log, Measured, Metrics, Unit

NUMBERS = itertools.count()
LEVELS = ("info", "warning", "error")


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the documents that were printed, one a line."""
    return [json.loads(each) for each in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"tenant": "acme", "attempt": 2, "milliseconds": 1.25, "passed": False},
        {"strategy": None, "dropped": (), "steps": {"open": 1.5}, "statuses": [200, 429]},
        {"detail": "line\nbreak, „quotes“ and \\ \u2028"},
        {"failure": Unit.COUNT, "odd": {1}},
    ],
)
def test_line_is_powertools(
    level: str, extra: Mapping[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    """Level, message, service and what is told beside them; what has no value is not named."""
    stream = io.StringIO()
    # Powertools keeps a handler, with its stream, by the service's name.
    service = f"stack {next(NUMBERS)}"
    getattr(Logger(service=service, stream=stream), level)("said", extra=extra)
    theirs = json.loads(stream.getvalue())
    getattr(Log(service), level)("said", extra=extra)
    [ours] = printed(capsys)

    assert datetime.fromisoformat(ours.pop("timestamp")).tzinfo is not None
    theirs.pop("timestamp")
    theirs.pop("location")
    assert ours == theirs


@pytest.mark.parametrize(
    "counts", [{"customer_created": 1}, {"not_new": 1, "stripe_2xx": 2}, {"open_sign_ups": 0}]
)
def test_metrics_are_powertools(
    counts: Mapping[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Namespace, dimension, units and values, zeros included."""
    theirs = EphemeralMetrics(namespace="Ours", service="a stack")
    for name, value in counts.items():
        theirs.add_metric(name, MetricUnit.Count, value)
    theirs.add_metric("milliseconds", MetricUnit.Milliseconds, 1.5)
    theirs.flush_metrics()
    measured = [Measured(name, value) for name, value in counts.items()]
    measured.append(Measured("milliseconds", 1.5, Unit.MILLISECONDS))
    Metrics("Ours", "a stack", frozenset()).publish(measured, "a function")

    one, other = printed(capsys)
    for each in (one, other):
        assert each["_aws"].pop("Timestamp") > 1.7e12
    assert one == other


def test_nothing_measured_is_nothing_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """CloudWatch refuses a line without a metric."""
    Metrics("Ours", "a stack", frozenset({"none"})).publish([], "a function")

    assert printed(capsys) == []


@pytest.mark.parametrize("function", ["", "a function"])
def test_counted_by_function(function: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What an alarm of one function's looks at, on Lambda alone; nothing else is charged twice."""
    metrics = Metrics("Ours", "a stack", frozenset({"failed"}))
    metrics.publish([Measured("failed", 1), Measured("done", 2)], function)
    [document] = printed(capsys)

    counted = [
        (each["Dimensions"], [metric["Name"] for metric in each["Metrics"]])
        for each in document["_aws"]["CloudWatchMetrics"]
    ]
    by_function = ([["service", "function_name"]], ["failed"])
    assert counted == [([["service"]], ["failed", "done"]), *([by_function] if function else [])]
    assert document.get("function_name", "") == function


@pytest.mark.parametrize("count", [99, 100, 101, 250])
def test_a_hundred_in_a_line(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    """CloudWatch takes no more, and no line that has more."""
    measured = [Measured(f"metric_{number}", number) for number in range(count)]
    Metrics("Ours", "a stack", frozenset()).publish(measured, "")
    lines = printed(capsys)

    told = [each["_aws"]["CloudWatchMetrics"][0]["Metrics"] for each in lines]
    assert [len(each) for each in told] == [100] * (count // 100) + [count % 100] * (
        count % 100 > 0
    )
    assert {name for each in lines for name in each if name.startswith("metric_")} == {
        each.name for each in measured
    }


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number(value: float, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has none of them: it takes no other metric along."""
    measured = [Measured("odd", value), Measured("done", 1)]
    Metrics("Ours", "a stack", frozenset({"odd"})).publish(measured, "a function")
    [line] = printed(capsys)

    assert "odd" not in json.dumps(line)
    assert line["done"] == [1.0]
