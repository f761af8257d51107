"""What CloudWatch reads of what a function prints: a line of JSON for its log, or for metrics.

Powertools prints the same, and is a tenth of a cold start (docs/architecture.md, "Written by hand,
and why").
"""

import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import batched

from customerlink.model.frozen import frozen

_MOST_IN_A_LINE = 100


class Unit(StrEnum):
    """What a metric counts in, as CloudWatch calls it."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"


@frozen
class Measured:
    """One metric's value."""

    name: str
    value: float
    unit: Unit = Unit.COUNT


@frozen
class Log:
    """A service's log: what a line has no value for, it does not name."""

    service: str

    def info(self, message: str, *, extra: Mapping[str, object]) -> None:
        """Print a line about what is as it should be."""
        self._print("INFO", message, extra)

    def warning(self, message: str, *, extra: Mapping[str, object]) -> None:
        """Print a line about what somebody should know."""
        self._print("WARNING", message, extra)

    def error(self, message: str, *, extra: Mapping[str, object]) -> None:
        """Print a line about what somebody should mend."""
        self._print("ERROR", message, extra)

    def _print(self, level: str, message: str, extra: Mapping[str, object]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"level": level, "message": message, "timestamp": now, "service": self.service}
        _print(line | {name: value for name, value in extra.items() if value is not None})


@frozen
class Metrics:
    """A service's metrics, in CloudWatch's embedded format, which become metrics by themselves.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """

    namespace: str
    service: str
    by_function: frozenset[str]
    """The metrics that are counted for the function by itself as well: each count is charged."""

    def publish(self, measured: Iterable[Measured], function: str) -> None:
        """Print the values, if there are any; what is no number would void its line."""
        finite = (each for each in measured if math.isfinite(each.value))
        for some in batched(finite, _MOST_IN_A_LINE, strict=False):
            self._publish(some, function)

    def _publish(self, every: Sequence[Measured], function: str) -> None:
        counted = [each for each in every if function and each.name in self.by_function]
        directives = [self._directive(["service"], every)]
        if counted:
            directives.append(self._directive(["service", "function_name"], counted))
        _print(
            {
                "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": directives},
                "service": self.service,
                **({"function_name": function} if counted else {}),
                **{each.name: [float(each.value)] for each in every},
            }
        )

    def _directive(self, dimensions: list[str], measured: Iterable[Measured]) -> object:
        return {
            "Namespace": self.namespace,
            "Dimensions": [dimensions],
            "Metrics": [{"Name": each.name, "Unit": each.unit} for each in measured],
        }


def _print(document: Mapping[str, object]) -> None:
    line = json.dumps(document, separators=(",", ":"), default=str)
    # The runtime sends each write at once, and `print` makes one more for an end.
    print(f"{line}\n", end="")  # noqa: T201 (it is what is read)
