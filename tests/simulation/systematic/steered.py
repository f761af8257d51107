"""A world in which nothing is left to chance: its tasks, its times, and what is on its way."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.simulation.dynamodb import Table
from tests.simulation.faults import Faults
from tests.simulation.outside import World
from tests.simulation.scheduler import Scheduler, Task

LATENCY_SECONDS = 0.001

LATE_SECONDS = 2.0
"""What comes later than that is on its way, and may arrive at any moment until then."""


class Steered(Scheduler):
    """A scheduler that knows what is on its way, and can let it arrive."""

    def __init__(self) -> None:
        """Start with nothing on its way."""
        super().__init__()
        self._late: list[Task] = []

    def start(self, work: Callable[[], Any], moment: float) -> None:
        """Start one of the scenario's own acts."""
        super().spawn(work, moment - self.now)

    def spawn(self, work: Callable[[], Any], delay: float = 0.0) -> Task:
        """Start a task; an effect that comes late is on its way."""
        task = super().spawn(work, delay)
        if delay > LATE_SECONDS:
            self._late.append(task)
        return task

    def sleep(self, seconds: float) -> None:
        """Let others run; a create that Stripe takes long for is on its way too."""
        if seconds > LATE_SECONDS:
            self._late.append(self.current())
        super().sleep(seconds)

    def freeze(self, seconds: float) -> None:
        """Let others run, for so long in any case."""
        super().sleep(seconds)

    def is_alone(self, seconds: float) -> bool:
        """Return whether nobody else does anything for so long: to wait would change nothing."""
        end, me = self.now + seconds, self.current()
        others = (each for each in self._alarms if each[0] <= end and each[2] is not me)
        return all(task.done or task.killed or wakes != task.wakes for _, _, task, wakes in others)

    def late(self) -> list[Task]:
        """Return what is on its way."""
        self._late = [each for each in self._late if not each.done]
        return self._late

    def let_arrive(self, task: Task) -> None:
        """Let something arrive now."""
        self._late.remove(task)
        self._alarm(task, 0.0)


class Steady:
    """In place of the random generator: the shortest of short times, the longest of long ones."""

    def uniform(self, low: float, high: float) -> float:
        """Return an end of the range; no skew; all of a list's lag."""
        if low == -high:
            return 0.0
        return high if low == 0 or high > LATE_SECONDS else low

    def random(self) -> float:
        """Return a number."""
        return 0.5


class WatchedTable(Table):
    """A table that counts its changes."""

    def __init__(self) -> None:
        """Start at zero."""
        super().__init__()
        self.changes = 0

    def update_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Change an item."""
        answer = super().update_item(request)
        self.changes += 1
        return answer

    def delete_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Delete an item."""
        answer = super().delete_item(request)
        self.changes += 1
        return answer


class SteeredWorld(World):
    """The outside, which only counts and keeps time: the choosing is beside it."""

    def __init__(self, scheduler: Scheduler, trouble: Faults) -> None:
        """Start empty."""
        super().__init__(scheduler, trouble, Steady())
        self.table: WatchedTable = WatchedTable()

    def give_way(self, longest: float = 0.02, share: float = 1.0) -> None:  # noqa: ARG002 (the parent's signature)
        """Let others run."""
        self.scheduler.sleep(LATENCY_SECONDS)

    def changes(self) -> int:
        """Count all changes so far."""
        return self.table.changes + len(self._changes)
