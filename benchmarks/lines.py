"""A process that answers lines of JSON: one in, one out, one at a time."""

import importlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sandbox.gateway import Context

type Document = dict[str, Any]


def cpu_seconds(process: int) -> float:
    """Return what the processor has spent on a process, all its threads."""
    # By the scheduler's own nanoseconds: the usual figures count hundredths of a second.
    tasks = Path(f"/proc/{process}/task").iterdir()
    return sum(int((each / "schedstat").read_text().split()[0]) for each in tasks) / 1e9


class Lines:
    """Such a process; once it is killed, it answers nothing."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        """Start it."""
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**environment},
        )
        self._turn = threading.Lock()

    def ask(self, message: Mapping[str, Any]) -> Document | None:
        """Return its answer; None if it died over it."""
        # A pipe that is closed already is a ValueError.
        with self._turn, suppress(OSError, ValueError):
            print(json.dumps(message), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline() if self.process.stdout else ""
            return json.loads(line) if line else None
        return None

    def kill(self) -> None:
        """Kill -9, which may have happened."""
        self.process.kill()
        self.process.wait()
        with self._turn:
            for each in (self.process.stdin, self.process.stdout):
                with suppress(OSError):
                    if each:
                        each.close()


class Pool:
    """Several of one kind, of which each message takes one that is idle."""

    def __init__(self, members: list[Lines]) -> None:
        """Take the processes."""
        self.members = members
        self._idle: queue.Queue[Lines] = queue.Queue()
        for each in members:
            self._idle.put(each)

    def ask(self, message: Mapping[str, Any]) -> Document | None:
        """Ask whichever is idle, as soon as one is."""
        member = self._idle.get()
        try:
            return member.ask(message)
        finally:
            self._idle.put(member)

    def cpu_seconds(self) -> float:
        """Return what all of them have spent."""
        return sum(cpu_seconds(each.process.pid) for each in self.members)

    def kill(self) -> None:
        """Kill them all."""
        for each in self.members:
            each.kill()


def main() -> None:
    """Call a Lambda handler, named `module:function`, with each line as an event."""
    answers, sys.stdout = sys.stdout, sys.stderr
    module, _, name = sys.argv[1].partition(":")
    handler = getattr(importlib.import_module(module), name)
    for line in sys.stdin:
        try:
            answer = handler(json.loads(line), Context())
        except Exception:  # noqa: BLE001 (API Gateway makes a 500 of it)
            answer = {}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
