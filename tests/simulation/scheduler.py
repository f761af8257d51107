"""Tasks on a virtual clock: they give way at every outside call, and nowhere else."""

import heapq
import itertools
from collections.abc import Callable
from typing import Any

from greenlet import getcurrent, greenlet


class Task:
    """A piece of work under way; `result` or `error` once it is `done`."""

    def __init__(self, work: Callable[[], Any], scheduler: greenlet) -> None:
        """Wrap the work; it starts when the scheduler gets to it, and gives back to it."""
        self.work = work
        self.thread = greenlet(self._run, scheduler)
        self.function: str | None = None
        """What the task is an invocation of."""
        self.done = False
        self.killed = False
        self.result: Any = None
        self.error: Exception | None = None
        self.wakes = 0
        """Counts the times that it was put to sleep: an alarm set for an earlier one is void."""
        self.waiter: tuple[Task, int] | None = None

    def _run(self) -> None:
        try:
            self.result = self.work()
        except Exception as error:  # noqa: BLE001 (handed to whoever waits)
            self.error = error
        self.done = True

    def outcome(self) -> Any:
        """Return the result, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.result


class Scheduler:
    """Runs tasks in the order of their alarms; `now` is virtual, in seconds."""

    def __init__(self) -> None:
        """Start at zero."""
        self.now = 0.0
        self.steps = 0
        self._alarms: list[tuple[float, int, Task, int]] = []
        self._order = itertools.count()
        self._tasks: dict[greenlet, Task] = {}
        self._main = getcurrent()

    def spawn(self, work: Callable[[], Any], delay: float = 0.0) -> Task:
        """Start a task after a delay."""
        task = Task(work, self._main)
        self._tasks[task.thread] = task
        self._alarm(task, delay)
        return task

    def current(self) -> Task:
        """Return the task that is running."""
        return self._tasks[getcurrent()]

    def sleep(self, seconds: float) -> None:
        """Let the others run for some time."""
        self._alarm(self.current(), seconds)
        self._main.switch()

    def wait(self, task: Task, seconds: float) -> bool:
        """Wait for another task's end; False if the time ran out before."""
        if not task.done:
            me = self.current()
            self._alarm(me, max(0.0, seconds))
            task.waiter = (me, me.wakes)
            self._main.switch()
        return task.done

    def kill(self) -> None:
        """End the running task for good: nothing of it runs any more, not even a `finally`."""
        self.current().killed = True
        self._main.switch()

    def run(self) -> None:
        """Run until nothing is left to do."""
        while self._alarms:
            moment, _, task, wakes = heapq.heappop(self._alarms)
            if task.done or task.killed or wakes != task.wakes:
                continue
            self.now = moment
            self.steps += 1
            task.thread.switch()
            ended: bool = task.done
            if ended:
                del self._tasks[task.thread]
                if task.waiter is not None and task.waiter[0].wakes == task.waiter[1]:
                    self._alarm(task.waiter[0], 0.0)

    def forget(self) -> None:
        """Let go of the stacks of those who crashed, which no garbage collector would."""
        for task in list(self._tasks.values()):
            task.thread.throw()

    def _alarm(self, task: Task, delay: float) -> None:
        task.wakes += 1
        heapq.heappush(self._alarms, (self.now + delay, next(self._order), task, task.wakes))
