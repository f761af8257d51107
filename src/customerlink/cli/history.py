"""How earlier comparisons went: a file of counts for each tenant and mode."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from customerlink.cli.private_files import private
from customerlink.model.documents import lines
from customerlink.model.drift import IN_ORDER
from customerlink.usecases.compare import Report


@dataclass(frozen=True, slots=True)
class Run:
    """An earlier comparison of everybody."""

    at: datetime
    differing: int
    """How many findings of it were not in order."""


def remembered(report: Report, folder: Path, mode: str) -> list[Run]:
    """Add a report to the history of its tenant and mode; return all of it, the oldest first."""
    history = private(folder / f"history-{report.tenant}-{mode}.jsonl")
    cut_short = history.stat().st_size > 0 and not history.read_bytes().endswith(b"\n")
    with history.open("a", encoding="utf-8") as opened:
        line = json.dumps({"at": report.at, "counts": report.counts})
        opened.write(f"\n{line}\n" if cut_short else f"{line}\n")
    return sorted(
        _read(history.read_text(encoding="utf-8", errors="replace")), key=lambda run: run.at
    )


def _read(text: str) -> Iterator[Run]:
    for line in lines(text):
        try:
            yield _run(json.loads(line))
        except (ArithmeticError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            # Cut short by a crash, or edited: one point less on a line.
            continue


def _run(row: dict[str, str | dict[str, int]]) -> Run:
    at, counts = row["at"], row["counts"]
    if isinstance(at, dict) or isinstance(counts, str):
        raise TypeError
    # Of another release there may be kinds that this one does not know.
    differing = sum(int(number) for kind, number in counts.items() if kind not in IN_ORDER)
    moment = datetime.fromisoformat(at)
    return Run(moment if moment.tzinfo else moment.replace(tzinfo=UTC), differing)
