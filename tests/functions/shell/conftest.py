"""What the tests of the shell share: what a function prints."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.journal import Journal
from sandbox.sandbox import _captured_output


@dataclass(frozen=True)
class Printed:
    """A function's log lines and metrics, one document a line."""

    text: io.StringIO

    def lines(self) -> list[dict[str, Any]]:
        """Return what is for the log."""
        return [each for each in self._documents() if "_aws" not in each]

    def metrics(self) -> dict[str, list[float]]:
        """Return the values of each metric."""
        return {name: document[name] for document, name, _ in self._metrics()}

    def units(self) -> dict[str, str]:
        """Return the unit of each metric."""
        return {name: unit for _, name, unit in self._metrics()}

    def dimensions(self) -> dict[str, list[tuple[str, ...]]]:
        """Return the sets of dimensions that each metric is counted by."""
        found: dict[str, list[tuple[str, ...]]] = {}
        for group in self._groups():
            for each in group["Metrics"]:
                found.setdefault(each["Name"], []).extend(map(tuple, group["Dimensions"]))
        return found

    def values(self, name: str) -> list[Any]:
        """Return what the documents have under a name."""
        return [each[name] for each in self._documents() if name in each]

    def _groups(self) -> Iterator[dict[str, Any]]:
        for document in self._documents():
            yield from document.get("_aws", {}).get("CloudWatchMetrics", [])

    def _metrics(self) -> Iterator[tuple[dict[str, Any], str, str]]:
        """Give each metric with its document, as CloudWatch's embedded metric format has it."""
        for document in self._documents():
            for group in document.get("_aws", {}).get("CloudWatchMetrics", []):
                for each in group["Metrics"]:
                    yield document, each["Name"], each["Unit"]

    def _documents(self) -> list[dict[str, Any]]:
        return [json.loads(each) for each in self.text.getvalue().splitlines()]


@pytest.fixture
def printed() -> Iterator[Printed]:
    """Return what is printed during a test."""
    with _captured_output(Journal()) as text:
        yield Printed(text)
