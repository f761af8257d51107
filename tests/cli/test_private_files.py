"""What the program writes, nobody but its user may read: plans, reports, checkpoints, exports."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.commands.test_verify import TENANT, customer, dangling, sides, user
from tests.cli.conftest import Cli

from customerlink.cli.checkpoint import Checkpoint
from customerlink.cli.private_files import keep_private, only_for_their_owner, private, replacing
from customerlink.model.candidate import Candidate
from customerlink.model.user import UserId
from customerlink.usecases.backfill import Backfilled, BackfillStatus

__all__ = ["sides"]


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    """Let the shell's files be open to everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    """Return who may do what with a file."""
    return path.stat().st_mode & 0o777


def modes(folder: Path) -> dict[str, int]:
    """Return every file of a folder, by its name."""
    return {each.name: mode(each) for each in folder.rglob("*") if each.is_file()}


class Watch:
    """Looks at a folder's files for as long as a command runs, those that do not stay included."""

    def __init__(self, folder: Path) -> None:
        """Begin."""
        self.seen: dict[str, int] = {}
        self._folder, self._over = folder, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def end(self) -> dict[str, int]:
        """Return what was seen."""
        self._over.set()
        self._thread.join()
        return self.seen

    def _look(self) -> None:
        while not self._over.wait(0.001):
            try:
                self.seen |= modes(self._folder)
            except FileNotFoundError:
                continue


def test_every_verb(sides: Cli, tmp_path: Path) -> None:
    """Whatever a comparison, a report, a backfill or a look-up makes, meanwhile or for good."""
    state = tmp_path / "state"
    dangling(sides, 1)
    user(sides, 2)
    customer(sides, 3, "auth0|gone")
    state.mkdir()
    watch = Watch(state)
    sides(*TENANT, "verify", "--html", str(state / "page.html"))
    sides(*TENANT, "verify", "auth0|1")
    sides(*TENANT, "backfill")
    sides(*TENANT, "whois", "digest:0000000000000000")
    seen = watch.end() | modes(state)

    assert {"page.html", "history-acme-test.jsonl", "done.jsonl"} <= seen.keys()
    assert [name for name, each in seen.items() if each != 0o600] == []


@pytest.mark.parametrize("words", [["repair", "--kind", "dangling"], ["verify", "--json"]])
def test_where_the_shell_sends_output(sides: Cli, tmp_path: Path, words: list[str]) -> None:
    """A plan and a report have ids: the shell makes the file, and the program closes it."""
    dangling(sides, 1)
    path = tmp_path / "plan"
    command = [sys.executable, "-m", "customerlink.cli.main", *TENANT, *words]
    with path.open("w") as output:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run(command, stdout=output, env=environment, check=False)

    assert "auth0|1" in path.read_text()
    assert mode(path) == 0o600


def test_files_of_an_older_release(tmp_path: Path) -> None:
    """What others could read so far is closed before anything more is in it."""
    names = ["todo.jsonl", "rows.jsonl", "done.jsonl", "history-acme-test.jsonl"]
    for name in names:
        (tmp_path / name).touch(mode=0o644)
    checkpoint = Checkpoint(tmp_path)
    checkpoint.begin([Candidate(UserId("auth0|1"))])
    with checkpoint.noting() as note:
        note(Backfilled(UserId("auth0|1"), BackfillStatus.CREATED, ""))
    private(tmp_path / "history-acme-test.jsonl")

    assert modes(tmp_path) == dict.fromkeys(names, 0o600)


def test_only_while_it_runs(tmp_path: Path) -> None:
    """The process that runs a command goes on as it was."""
    with only_for_their_owner():
        (tmp_path / "one").touch()
    (tmp_path / "other").touch()

    assert modes(tmp_path) == {"one": 0o600, "other": 0o666}


def test_what_is_no_file() -> None:
    """A device is left as it is."""
    null = Path("/dev/null")
    before = mode(null)
    with null.open("w") as output:
        keep_private(output)

    assert mode(private(null)) == before


def test_replaced(tmp_path: Path) -> None:
    """A link stays one, a device too; what takes a file's place is for its owner alone."""
    page, link = tmp_path / "page", tmp_path / "link"
    page.write_text("older")
    link.symlink_to(page)
    for path in (link, page, tmp_path / "new"):
        with replacing(path) as part:
            part.write_text(path.name)
    with replacing(Path(os.devnull)) as part:
        assert part == Path(os.devnull)

    assert link.is_symlink()
    assert page.read_text() == "page"
    assert modes(tmp_path) == {"page": 0o600, "link": 0o600, "new": 0o600}
