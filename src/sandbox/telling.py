"""One line in the terminal for each log-in, whichever door it came by: out of the journal."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sandbox.journal import Entry, Journal, Kind

_PATIENCE_SECONDS = 0.5


@contextmanager
def telling(journal: Journal, tell: Callable[[str], None]) -> Iterator[None]:
    """Tell how each log-in and each registration ended, and why, while the block runs."""
    ended = threading.Event()
    told, start = _Told(tell), journal.last

    def run() -> None:
        number, is_over = start, False
        while not is_over:
            is_over = ended.is_set()
            for each in journal.after(number, 0 if is_over else _PATIENCE_SECONDS):
                number = each.number
                told.hear(each)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class _Told:
    """Puts the reason of a flow's last instruction behind its end."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._reasons: dict[str, str] = {}

    def hear(self, entry: Entry) -> None:
        if entry.kind is Kind.INSTRUCTION:
            body = entry.detail.get("body")
            given = body if isinstance(body, dict) else {}
            self._reasons[entry.flow] = str(given.get("reason") or given.get("error"))
        if entry.kind is Kind.LOGIN and "denial" in entry.detail:
            reason = self._reasons.pop(entry.flow, "nobody was asked")
            self._tell(f"{entry.title}, {reason}")
