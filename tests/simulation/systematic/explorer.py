"""What takes the choices of one run, at every call of an invocation's."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulation import faults
from tests.simulation.faults import Faults
from tests.simulation.systematic.choices import Bounds, Choice, NotDeterministicError
from tests.simulation.systematic.deviations import (
    ARRIVES,
    CRASH,
    FAULTS,
    FREEZES,
    GO_ON,
    PREPARED,
    PUT_OFF,
    PUT_OFF_SECONDS,
    STICKY,
    WRITES,
)
from tests.simulation.systematic.steered import LATENCY_SECONDS, Steered, SteeredWorld

if TYPE_CHECKING:
    from tests.simulation.scheduler import Task

_BY_ACTION = {id(faults.NETWORK): "report", id(faults.AUTH0): "metadata"}
"""Opportunities that are no call of an invocation's."""

_UNSTEERED = {id(faults.INVOCATION), id(faults.SECRETS)}


@dataclass
class _Place:
    """How far a task has come."""

    call: tuple[str, str] | None = None
    changes: int = -1
    """The world's, when the call began."""
    changes_at_crash: int = -1
    """The world's, when a crash was last an option."""
    is_repeated: bool = False
    """Whether the call repeats the one before, and nothing has changed since: it can only wait."""
    trouble: dict[str, str] = field(default_factory=dict)
    """Sticky faults, by call."""


class Explorer(Faults):
    """Takes the choices of one run: a path's, then the first option of each further one."""

    def __init__(self, bounds: Bounds, path: Sequence[Choice] = ()) -> None:
        """Follow a path, within bounds."""
        super().__init__(random.Random(0), 0.0, 0, 0.0, frozenset())
        self.path: list[Choice] = []
        self.told: list[str] = []
        self.preempted = 0
        self.forced: dict[str, str] = {}
        """Faults of a part that is not searched, by call."""
        self.spared: set[str] = set()
        """Calls that no fault meets."""
        self._bounds, self._given = bounds, path
        self._places: defaultdict[Task, _Place] = defaultdict(_Place)

    def into(self, scheduler: Steered, world: SteeredWorld) -> None:
        """Steer a world."""
        self._scheduler, self._world = scheduler, world

    def choose(self, options: Sequence[str]) -> int:
        """Take one of at least two options."""
        number = len(self.path)
        taken = self._given[number].taken if number < len(self._given) else 0
        if number < len(self._given) and self._given[number].options != len(options):
            raise NotDeterministicError(f"choice {number}: {options}")
        self.path.append(Choice(taken, len(options)))
        return taken

    def draw(self, kinds: dict[str, int], share: float = 1.0) -> str | None:  # noqa: ARG002
        """Let one of the call's faults happen, or none."""
        if id(kinds) in _UNSTEERED or not (self.on or self.forced):
            return None
        place = self._place()
        name = _BY_ACTION.get(id(kinds)) or (place.call or ("", ""))[0]
        if name == "metadata":
            self._deviate([PUT_OFF])
        fault = self.forced.get(name) or place.trouble.get(name)
        if fault is None and not place.is_repeated:
            fault = self._fault(name)
        if fault in STICKY:
            place.trouble[name] = fault
        if fault is not None:
            self.counts[fault] += 1
        return fault

    def before(self, name: str, target: str) -> None:
        """Let an invocation be put off, or frozen, or crash, before it makes a call."""
        place = self._place()
        is_first, call = place.call is None, (name, target)
        place.is_repeated = call == place.call and place.changes == self._world.changes()
        place.call, place.changes = call, self._world.changes()
        options = [CRASH, PUT_OFF, ARRIVES] if is_first else []
        self._deviate([*options, *(FREEZES if name in PREPARED else ())])

    def after(self, name: str) -> None:
        """Let an invocation be put off, or crash, once a call has ended."""
        place, changes = self._place(), self._world.changes()
        may_crash = name in WRITES and changes != place.changes_at_crash
        place.changes_at_crash = changes
        self._deviate([*([CRASH] if may_crash else []), PUT_OFF, ARRIVES])

    def _place(self) -> _Place:
        return self._places[self._scheduler.current()]

    def _fault(self, name: str) -> str | None:
        options = FAULTS.get(name, ()) if self._may_fail() and name not in self.spared else ()
        taken = self.choose([GO_ON, *options]) if options else 0
        if not taken:
            return None
        self.drawn += 1
        self.told.append(f"{name}: {options[taken - 1]}")
        return options[taken - 1]

    def _deviate(self, wanted: Sequence[str]) -> None:
        if self._place().is_repeated or not self.on:
            return
        options = [GO_ON]
        for each in wanted:
            is_open = self._may_fail() if each == CRASH else self._may_preempt()
            options += [each] * self._ways_to(each) if is_open else []
        taken = self.choose(options) if len(options) > 1 else 0
        if taken:
            self._carry_out(options[taken], options[:taken].count(ARRIVES))

    def _ways_to(self, option: str) -> int:
        """Count the ways of an option that make a difference."""
        if option == PUT_OFF:
            return int(not self._scheduler.is_alone(self._put_off_seconds()))
        return len(self._scheduler.late()) if option == ARRIVES else 1

    def _put_off_seconds(self) -> float:
        return PUT_OFF_SECONDS * (self.preempted + 1)

    def _carry_out(self, option: str, earlier: int) -> None:
        who = "the invocation" if self._place().call else "the Action"
        self._world.tell(f"  {who} {option}")
        self.told.append(option)
        if option == CRASH:
            self.drawn += 1
            self._scheduler.kill()
        seconds = {PUT_OFF: self._put_off_seconds(), ARRIVES: 10 * LATENCY_SECONDS}
        self.preempted += 1
        self.counts["freeze"] += 1  # the oracle's word for time that is not the function's
        if option == ARRIVES:
            self._scheduler.let_arrive(self._scheduler.late()[earlier])
        self._scheduler.freeze({**FREEZES, **seconds}[option])

    def _may_fail(self) -> bool:
        return self.on and self.drawn < self._bounds.faults and self._has_one_left()

    def _may_preempt(self) -> bool:
        return self.preempted < self._bounds.preemptions and self._has_one_left()

    def _has_one_left(self) -> bool:
        return self.drawn + self.preempted < self._bounds.together


class Announced:
    """A client whose every call is a place at which an invocation may deviate."""

    def __init__(self, client: object, explorer: Explorer) -> None:
        """Wrap a client."""
        self._client, self._explorer = client, explorer

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a call that says so before and after."""
        method: Callable[..., Any] = getattr(self._client, name)

        def call(*arguments: Any, **request: Any) -> Any:
            target = request["Key"]["pk"]["S"] if "Key" in request else str(arguments)
            self._explorer.before(name, target)
            try:
                answer = method(*arguments, **request)
            except Exception:
                self._explorer.after(name)
                raise
            self._explorer.after(name)
            return answer

        return call


def steer(ledger: Any, customers: Any, explorer: Explorer) -> None:
    """Let the calls of two real adapters be announced."""
    ledger._table.client = Announced(ledger._table.client, explorer)
    customers._client.v1.customers = Announced(customers._client.v1.customers, explorer)
