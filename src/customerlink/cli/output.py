"""How the command line speaks: plain words for people, one JSON document for machines."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from customerlink.cli.checks import Check, Verdict
from customerlink.cli.errors import CliError

_COLOURS = {Verdict.GOOD: "green", Verdict.WARNING: "yellow", Verdict.BAD: "red"}
_LONG_WAIT_SECONDS = 1.0


class Output:
    """One command's output: results to stdout, what is going on and errors to stderr."""

    def __init__(
        self, *, as_json: bool, out: Console | None = None, err: Console | None = None
    ) -> None:
        """Write to the terminal, unless told otherwise."""
        self.as_json = as_json
        self.out = out or Console(highlight=False)
        self.err = err or Console(stderr=True, highlight=False)
        self.steps: list[str] = []

    def step(self, text: str) -> None:
        """Tell what is being done."""
        self.steps.append(text)
        if not self.as_json:
            self.out.print(Text("• ", style="green").append(_plain(_upper(text)), style="default"))

    def say(self, text: str) -> None:
        """Say something to a person."""
        if not self.as_json:
            self.out.print(Text(_plain(text)))

    def beside(self, text: str) -> None:
        """Say something to a person where stdout is for something else."""
        self.err.print(Text(_plain(text)), soft_wrap=True)

    def waiting(self, seconds: float) -> None:
        """Tell of a wait for a rate limit."""
        # With --json as well: a silent minute would pass for a program that hangs.
        self.err.print(f"Auth0's rate limit is exceeded: going on in {seconds:.0f} s.")

    def wait(self, why: str, seconds: float) -> None:
        """Wait, with a bar where there is a terminal."""
        self.step(f"wait {seconds:.0f} s {why}")
        end = time.monotonic() + seconds
        if self.as_json or not self.out.is_terminal or seconds < _LONG_WAIT_SECONDS:
            time.sleep(max(0.0, seconds))
            return
        columns = (TextColumn("  {task.description}"), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.out, transient=True) as progress:
            task = progress.add_task(why, total=seconds)
            while (left := end - time.monotonic()) > 0:
                progress.update(task, completed=seconds - left)
                time.sleep(min(0.2, left))

    @contextmanager
    def busy(self, text: str) -> Iterator[None]:
        """Turn a spinner while the block runs; nothing where there is no terminal."""
        if self.as_json or not self.out.is_terminal:
            yield
            return
        with self.out.status(text):
            yield

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[], None]]:
        """Show a bar with rate and time left, on a terminal; return what advances it."""
        columns = (
            TextColumn(what),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        hidden = self.as_json or not self.out.is_terminal
        with Progress(*columns, console=self.out, disable=hidden) as bar:
            task = bar.add_task(what, total=total, rate="")
            start = time.monotonic()

            def advance() -> None:
                done = bar.tasks[0].completed + 1
                rate = done / max(1e-9, time.monotonic() - start)
                bar.update(task, advance=1, rate=f"{rate:.1f}/s")

            yield advance

    def checks(self, checks: Iterable[Check]) -> list[Check]:
        """Print each check as soon as it is made, and what mends it."""
        made = []
        for each in checks:
            made.append(each)
            if not self.as_json:
                line = Text(f"{each.verdict} ", style=_COLOURS[each.verdict])
                line.append(f"{each.name:<18}", style="bold")
                line.append(_plain(each.meaning), style="default")
                # rich would break lines at 80 columns, commands to copy among them.
                self.out.print(line, soft_wrap=True)
                if each.fix:
                    self.out.print(
                        Text(f"{'':<20}→ {_plain(each.fix)}", style="cyan"), soft_wrap=True
                    )
        return made

    def table(self, title: str, rows: Iterable[tuple[str, str]]) -> None:
        """Print a table of two columns."""
        if self.as_json:
            return
        table = Table(
            title=title, title_justify="left", show_header=False, box=None, padding=(0, 2)
        )
        for left, right in rows:
            table.add_row(Text(_plain(left), style="bold"), Text(_plain(right)))
        self.out.print(table)

    def diff(self, lines: Iterable[str]) -> None:
        """Print a diff in its colours."""
        styles = {"+": "green", "-": "red", "@": "cyan"}
        for line in lines:
            if not self.as_json:
                self.out.print(Text(f"    {_plain(line)}", style=styles.get(line[:1], "dim")))

    def document(self, document: Mapping[str, object]) -> None:
        """Print the JSON document, where machines listen."""
        if self.as_json:
            # Not by rich, which breaks long lines and reads brackets as markup.
            sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")

    def error(self, error: CliError) -> None:
        """Say what is wrong, and the way out."""
        if self.as_json:
            self.document({"error": error.message, "fix": error.fix, "exit_code": int(error.code)})
            return
        self.err.print(Text(f"✗ {_plain(error.message)}", style="red"), soft_wrap=True)
        if error.fix:
            self.err.print(Text(f"  → {_plain(error.fix)}", style="cyan"), soft_wrap=True)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plain(text: str) -> str:
    """Return text that a terminal shows as it is.

    As `Text`, since rich reads brackets of a string as markup; and whoever chose a user id, or
    wrote an error page, may have put an escape sequence into it, which would be carried out.
    """
    return "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text)
