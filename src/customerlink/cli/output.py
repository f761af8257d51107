"""How the command line speaks: plain words for people, one JSON document for machines."""

import json
import os
import re
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.cells import cell_len
from rich.console import Console
from rich.control import Control
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
from customerlink.cli.errors import CliError, Exit

_COLOURS = {Verdict.GOOD: "green", Verdict.WARNING: "yellow", Verdict.BAD: "red"}
_LONG_WAIT_SECONDS = 1.0
_INDENT = 20
_LEAST_ROOM = 20

_WORD = re.compile(r"[a-z-]+(?: |$)")


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
            line = Text("• ", style="green").append(plain(_upper(text)), style="default")
            self.out.print(line, soft_wrap=True)

    def say(self, text: str) -> None:
        """Say something to a person; nothing, for an empty line."""
        if not self.as_json:
            # rich would break lines at the terminal's width, ids and commands to copy among them.
            self.out.print(Text(plain(text)), soft_wrap=True)

    def beside(self, text: str) -> None:
        """Say something to a person where stdout is for something else."""
        self.err.print(Text(plain(text)), soft_wrap=True)

    def at_once(self, text: str) -> None:
        """Say something to a person from a signal's handler, and show the cursor that a bar hides.

        By the system's own call: Python's streams let nobody write whom they have interrupted.
        """
        if self.out.is_terminal:
            os.write(sys.stdout.fileno(), str(Control.show_cursor(show=True)).encode())
        os.write(sys.stderr.fileno(), f"{plain(text)}\n".encode())

    def meanwhile(self, text: str) -> None:
        """Say something that is of use while the command runs, with --json as well."""
        (self.beside if self.as_json else self.say)(text)

    def first(self, lines: Sequence[str], number: int) -> None:
        """Say the first lines of a number, and how many more there are."""
        for each in lines:
            self.say(each)
        if number > len(lines):
            self.say(f"  and {number - len(lines):,} more")

    def waiting(self, seconds: float) -> None:
        """Tell of a wait for a rate limit."""
        # With --json as well: a silent minute would pass for a program that hangs.
        self.err.print(f"Auth0's rate limit is exceeded: going on in {seconds:.0f} s.")

    def turns_are_taken(self, seconds: float) -> None:
        """Tell of a wait for a turn: a service refused a request, or others were first."""
        self.err.print(f"A rate limit has no turn left: going on in {seconds:.0f} s.")

    def wait(self, why: str, seconds: float) -> None:
        """Wait, with a bar where there is a terminal."""
        self.step(f"wait {seconds:.0f} s {why}")
        end = time.monotonic() + seconds
        if self.as_json or not self.out.is_terminal or seconds < _LONG_WAIT_SECONDS:
            time.sleep(max(0.0, seconds))
            return
        said = TextColumn("  {task.description}", markup=False)
        columns = (said, BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.out, transient=True) as progress:
            task = progress.add_task(plain(why), total=seconds)
            while (left := end - time.monotonic()) > 0:
                progress.update(task, completed=seconds - left)
                time.sleep(min(0.2, left))

    @contextmanager
    def busy(self, text: str) -> Iterator[None]:
        """Turn a spinner while the block runs; nothing where there is no terminal."""
        if self.as_json or not self.out.is_terminal:
            yield
            return
        with self.out.status(Text(plain(text))):
            yield

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[], None]]:
        """Show a bar with rate and time left, on a terminal; return what advances it."""
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        hidden = self.as_json or not self.out.is_terminal
        with Progress(*columns, console=self.out, disable=hidden) as bar:
            task = bar.add_task(plain(what), total=total, rate="")
            start = time.monotonic()

            def advance() -> None:
                done = bar.tasks[0].completed + 1
                rate = done / max(1e-9, time.monotonic() - start)
                bar.update(task, advance=1, rate=f"{rate:.1f}/s")

            yield advance

    def checks(self, checks: Iterable[Check]) -> list[Check]:
        """Print each check as soon as it is made, and what mends it.

        What keeps many from being made is said once; below, the others are named.
        """
        made: list[Check] = []
        others: dict[str, list[str]] = {}
        for each in checks:
            made.append(each)
            if each.cause in others:
                others[each.cause].append(each.name)
                continue
            if each.cause:
                others[each.cause] = []
            self._check(each)
        for first in (each for each in made if each.cause):
            if names := others.pop(first.cause, []):
                meaning = f"For the same reason as {first.name}: {', '.join(names)}."
                self._check(Check("not checked", Verdict.BAD, meaning))
        return made

    def _check(self, check: Check) -> None:
        if self.as_json:
            return
        line = Text(f"{check.verdict} ", style=_COLOURS[check.verdict])
        line.append(f"{check.name:<17} ", style="bold")
        begin = max(_INDENT, len(line))
        line.append(self._hanging(plain(check.meaning), begin), style="default")
        self.out.print(line, soft_wrap=True)
        if check.fix:
            fix = Text(f"{'':<{_INDENT}}→ {plain(check.fix)}", style="cyan")
            self.out.print(fix, soft_wrap=True)

    def _hanging(self, text: str, begin: int) -> str:
        """Break text at words for a terminal, under where it begins; a pipe gets one line."""
        room = self.out.width - begin
        if not self.out.is_terminal or room < _LEAST_ROOM:
            return text
        # No id, and no command, is broken.
        lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
        return f"\n{'':<{_INDENT}}".join(lines)

    def table(self, title: str, rows: Iterable[tuple[str, ...]]) -> None:
        """Print a table, whose last column is broken at words where a terminal has no room.

        Where it would have to break an id, the lines are as in a pipe: nothing of them is cut.
        """
        if self.as_json:
            return
        rows = [tuple(map(plain, row)) for row in rows]
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        words = (word for row in rows for word in row[-1].split())
        needed = sum(widths[:-1]) + 2 * len(widths) + max(map(cell_len, words), default=0)
        if not self.out.is_terminal or needed > self.out.width:
            self.say(title)
            for row in rows:
                cells = (f"{each:<{width}}" for each, width in zip(row, widths, strict=True))
                self.say(f"  {'  '.join(cells)}".rstrip())
            return
        table = Table(
            title=Text(plain(title)),
            title_justify="left",
            show_header=False,
            box=None,
            padding=(0, 0, 0, 2),
        )
        for first, *others in rows:
            table.add_row(Text(first, style="bold"), *map(Text, others))
        self.out.print(table)

    def diff(self, lines: Iterable[str]) -> None:
        """Print a diff in its colours."""
        styles = {"+": "green", "-": "red", "@": "cyan"}
        for line in lines:
            if not self.as_json:
                text = Text(f"    {plain(line)}", style=styles.get(line[:1], "dim"))
                self.out.print(text, soft_wrap=True)

    def document(self, document: Mapping[str, object]) -> None:
        """Print the JSON document, where machines listen."""
        if self.as_json:
            self.line(json.dumps(document, ensure_ascii=False))

    @staticmethod
    def line(text: str) -> None:
        """Print a line of JSON, for machines, whoever else may see it."""
        # Not by rich, which breaks long lines and reads brackets as markup.
        sys.stdout.write(_escaped(text) + "\n")

    def error(self, error: CliError) -> None:
        """Say what is wrong, and the way out."""
        if self.as_json:
            self.document({"error": error.message, "fix": error.fix, "exit_code": int(error.code)})
            if error.code is not Exit.INTERRUPTED:
                return
            # Somebody is there, who pressed Ctrl-C.
        self.err.print(Text(f"✗ {plain(error.message)}", style="red"), soft_wrap=True)
        if error.fix:
            self.err.print(Text(f"  → {plain(error.fix)}", style="cyan"), soft_wrap=True)


def _upper(text: str) -> str:
    """Begin a sentence with a capital; an id, which letter case is a part of, is no word."""
    return text[:1].upper() + text[1:] if _WORD.match(text) else text


def plain(text: str) -> str:
    """Return one line of text, which a terminal or a browser shows as it is.

    Whoever chose a user id, or wrote an error page, may have put an escape sequence into it, which
    would be carried out, a line of its own, or a character that turns round what follows. As
    `Text`, since rich reads brackets of a string as markup.
    """
    return "".join(each if each.isprintable() or each == "\t" else "\ufffd" for each in text)


def _escaped(text: str) -> str:
    """Return JSON in which strings have escapes for all that `plain` does not let through."""
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    # What JSON's own escapes leave: the last of ASCII.
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]
