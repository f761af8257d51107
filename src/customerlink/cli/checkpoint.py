"""Where a backfill is: whom there is to do, and who is done with."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from customerlink.adapters.locked import locked
from customerlink.cli.private_files import private
from customerlink.model.candidate import Candidate
from customerlink.model.documents import lines
from customerlink.model.row import Row
from customerlink.usecases.backfill import Backfilled


class Checkpoint:
    """What is to be done, what could not be read, and what is done: three files, a line each."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; an earlier release's `todo` has addresses: nobody else may read it."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._todo, self._done = folder / "todo.jsonl", folder / "done.jsonl"
        self._rows = folder / "rows.jsonl"

    def alone(self) -> AbstractContextManager[None]:
        """Keep other runs out while a block runs; raise `InUseError` for one that is in."""
        return locked(self._folder)

    @property
    def is_begun(self) -> bool:
        """Return whether there is something to resume."""
        return self._todo.exists()

    def standing(self) -> str:
        """Say how far the list is, and when both sides were compared."""
        moment = datetime.fromtimestamp(self._todo.stat().st_mtime, UTC)
        users, left = len(self._users()), len(self.left())
        since = moment.isoformat(sep=" ", timespec="minutes")
        return f"{users - left:,} of {users:,} done, from {since}"

    def begin(self, users: Iterable[Candidate], rows: Iterable[Row] = ()) -> None:
        """Write down whom to do, and what was odd; whole, or nothing is begun."""
        new = self._todo.with_suffix(".new")
        _write(new, (each.line() for each in users))
        # The old list ends first and the new one counts last: a crash in between has both sides
        # compared again, and leaves no user who counts as done and is not, and no lost line untold.
        self._todo.unlink(missing_ok=True)
        self._done.unlink(missing_ok=True)
        _write(self._rows, (each.line() for each in rows))
        new.rename(self._todo)

    def rows(self) -> list[Row]:
        """Return what was odd in the comparison: a later run knows no more of it."""
        return [Row.read(each) for each in _lines(self._rows)]

    def left(self) -> list[Candidate]:
        """Return whom nobody has done yet; a line that a crash cut short counts as not done."""
        done = self.done()
        return [each for each in self._users() if each.user_id not in done]

    def done(self) -> set[str]:
        """Return who is done with."""
        done = set()
        for each in _lines(self._done):
            try:
                done.add(Backfilled.read(each).user_id)
            except ValueError:
                # Cut short by a crash. The user is done again, and the ledger finds the customer.
                continue
        return done

    def _users(self) -> list[Candidate]:
        return [Candidate.read(each) for each in lines(self._todo.read_text(encoding="utf-8"))]

    @contextmanager
    def noting(self) -> Iterator[Callable[[Backfilled], None]]:
        """Open the second file; return what writes a line into it."""
        cut_short = self._done.exists() and not self._done.read_bytes().endswith(b"\n")
        # Line by line: a run that is killed has noted everybody but those under way.
        with private(self._done).open("a", buffering=1, encoding="utf-8") as opened:
            # A crash left half a line, which would spoil the next one.
            if cut_short:
                opened.write("\n")
            yield lambda done: print(done.line(), end="", file=opened)

    def finish(self) -> None:
        """Forget whom there was to do; what was done stays."""
        self._todo.unlink(missing_ok=True)
        self._rows.unlink(missing_ok=True)


def _lines(file: Path) -> list[str]:
    return lines(file.read_text(encoding="utf-8")) if file.exists() else []


def _write(file: Path, whole: Iterable[str]) -> None:
    """Write a file that nobody else may read."""
    with private(file).open("w", encoding="utf-8") as opened:
        opened.writelines(whole)
