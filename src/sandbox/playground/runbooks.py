"""From a line of the log to its runbook: docs/operations.md says which, and is shown here."""

import re
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path

_FILE = Path(__file__).parents[3] / "docs/operations.md"
_HEADING = re.compile(r"^(#+) (.*)\n", re.MULTILINE)
_ROW = re.compile(
    r"\| \[this\]\(#([\w-]+)\) \|[^|]*\| (?:`\w+`, )?`(\w+)`, `(\w+)` \|$", re.MULTILINE
)
_THE_LINE = "the-log-line"


def runbook_of(line: Mapping[str, object]) -> str:
    """Return the part of docs/operations.md that tells what to do about a line of the log."""
    by_cause = _by_cause().get((str(line.get("failed_at")), str(line.get("failure"))))
    reason = str(line.get("reason") or "-")
    about = (each for each in anchors() if each.endswith(f"-denied-{reason}"))
    return by_cause or next(about, _THE_LINE)


@cache
def anchors() -> tuple[str, ...]:
    """Return the parts' names, as GitHub makes them of the headings."""
    return tuple(_slug(title) for _, title in _HEADING.findall(_FILE.read_text()))


@cache
def page() -> str:
    """Return docs/operations.md as a page: its parts by their names, and their text as it is."""
    _, *parts = _HEADING.split(_FILE.read_text())
    sections = "".join(
        f'<section id="{_slug(title)}"><h{len(marks)}>{escape(title)}</h{len(marks)}>'
        f"<pre>{escape(text.strip())}</pre></section>"
        for marks, title, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Operations</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="/playground.css"><body class="text"><main>{sections}</main>'
    )


@cache
def _by_cause() -> dict[tuple[str, str], str]:
    rows = _ROW.findall(_FILE.read_text())
    return {(failed_at, failure): anchor for anchor, failed_at, failure in reversed(rows)}


def _slug(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
