"""Write the help texts into docs/cli.md."""

import os
from pathlib import Path

os.environ["COLUMNS"] = "100"

from typer.testing import CliRunner

from customerlink.cli.main import app
from customerlink.model.drift import MEANING, REPAIR, Drift
from customerlink.model.repair_plan import SAFE

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
COMMANDS: tuple[list[str], ...] = (
    [],
    ["install"],
    ["export"],
    ["doctor"],
    ["verify"],
    ["repair"],
    ["sync"],
    ["forget"],
    ["approve-deletions"],
    ["reassign"],
    ["release"],
    ["backfill"],
    ["whois"],
    ["rotate"],
    ["rotate", "signing-secret"],
    ["rotate", "stripe-key"],
    ["rotate", "ticket-key"],
    ["rotate", "event-secrets"],
    ["uninstall"],
    ["version"],
)
WIDE = {"COLUMNS": "100"}
MARK = "<!-- From here on, written by make cli-docs. -->\n"


def kinds() -> str:
    """Return the table of all kinds of difference."""
    rows = ["| kind | what it is | repair | unless others are named |", "|---|---|---|---|"]
    rows += [
        f"| `{each}` | {MEANING[each]} | {REPAIR[each]} | {'✓' if each in SAFE else ''} |"
        for each in Drift
    ]
    return "\n".join([*rows, ""])


def page() -> str:
    """Return the whole page: what stands above the mark; the kinds and the help texts below."""
    runner = CliRunner()
    parts = [PAGE.read_text().partition(MARK)[0] + MARK, kinds()]
    for words in COMMANDS:
        shown = runner.invoke(app, [*words, "--help"], prog_name="customerlink", env=WIDE).output
        name = " ".join(["customerlink", *words])
        text = "\n".join(line.rstrip() for line in shown.strip().splitlines())
        parts.append(f"## {name}\n\n```\n{text}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
