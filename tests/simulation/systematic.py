"""The systematic search: every schedule of a few invocations, within bounds, beside the random one.

Stateless and depth-first, as in Godefroid, "Model checking for programming languages using
VeriSoft" (POPL 1997): a run is replayed along a path of choices, and goes on with the first option
of each further one; the next path is the last one, incremented from its end. What is deterministic
by default deviates a bounded number of times, as in Emmi, Qadeer and Rakamarić, "Delay-bounded
scheduling" (POPL 2011): an invocation is put off, crashes, or meets a fault; or what is on its way
arrives.

    python -m tests.simulation.systematic [--deep] [SCENARIO …]
"""

import argparse
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from rich.console import Console
from rich.table import Table as Report
from tests.simulation import faults
from tests.simulation.auth0 import DATABASE, PASSWORDLESS, Auth0, User
from tests.simulation.dynamodb import Table
from tests.simulation.entries import Entries
from tests.simulation.faults import Faults
from tests.simulation.history import FINAL_LOGINS, HOUR, QUIET_SECONDS
from tests.simulation.oracle import Oracle, ViolationError
from tests.simulation.outside import EPOCH, World
from tests.simulation.scheduler import Scheduler, Task

from customerlink.model.policy import (
    ExistingCustomer,
    ExistingUsers,
    OnFailure,
    Policy,
    ProvisionAt,
)
from customerlink.model.signup import SignUp
from customerlink.ports.run import Run
from customerlink.usecases.settle import Settling

DAY = 24 * HOUR
LATENCY_SECONDS = 0.001
SOON = 0.1
"""Enough for an invocation to end by itself: the default is one after the other."""

GAPS = (SOON, 20.0, 80.0)
"""At once; past the record's lease; past the email lock, and past what has settled."""

FREEZES = {f"frozen for {seconds:.0f} s": seconds for seconds in GAPS[1:]}
PUT_OFF_SECONDS = 0.3
"""Lets all others run to their ends; who is put off later waits longer."""

LATE_SECONDS = 2.0
"""What comes later than that is on its way, and may arrive at any moment until then."""

GO_ON, CRASH, PUT_OFF, ARRIVES = "goes on", "crashes", "is put off", "what is late arrives"

WRITES = frozenset({"update_item", "delete_item", "create", "update", "merge_app_metadata", "link"})
"""Calls after which a crash differs from one before."""

PREPARED = frozenset({"update_item", "delete_item", "get", "merge_app_metadata", "link"})
"""Calls that no budget stops any more once they are prepared: to be frozen there is to act late."""

STICKY = frozenset(
    {
        "effect long after the time-out",
        "time-out after the effect",
        "503",
        "throttled",
    }
)
"""Faults that stay for all an invocation's calls of a kind: the adapter would mend a single one."""

FAULTS: Mapping[str, tuple[str, ...]] = {
    "create": (
        "effect long after the time-out",
        "time-out after the effect",
        "dropped after the effect",
        "500 saved, with effect",
        "500 saved, no effect",
        "long in flight",
    ),
    "update": (
        "effect long after the time-out",
        "time-out after the effect",
        "dropped after the effect",
    ),
    "list": ("503",),
    "retrieve": ("503",),
    "update_item": (
        "answer lost after the write",
        "one item throttled",
        "write long after the time-out",
    ),
    "delete_item": ("answer lost after the write",),
    "get_item": ("throttled",),
    "get": ("unavailable",),
    "merge_app_metadata": ("unavailable", "answer lost after the effect"),
    "link": ("unavailable", "answer lost after the effect"),
    "report": ("answer lost", "delivered twice"),
    "metadata": ("metadata lost",),
}
"""What may go wrong with each call."""

_BY_ACTION = {id(faults.NETWORK): "report", id(faults.AUTH0): "metadata"}
"""Opportunities that are no call of an invocation's."""

_UNSTEERED = {id(faults.INVOCATION), id(faults.SECRETS)}


@dataclass(frozen=True)
class Bounds:
    """How often a run may deviate from the default, and how many runs there may be."""

    faults: int
    preemptions: int
    together: int
    limit: int = 200_000


@dataclass(frozen=True)
class Choice:
    """One choice of a run."""

    taken: int
    options: int


class NotDeterministicError(Exception):
    """A path leads to other choices than it did before."""


def incremented(path: Sequence[Choice]) -> list[Choice] | None:
    """Return the next path in depth-first order; None when the search is exhausted."""
    left = list(path)
    while left and left[-1].taken == left[-1].options - 1:
        left.pop()
    if not left:
        return None
    return [*left[:-1], replace(left[-1], taken=left[-1].taken + 1)]


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

    def give_way(self, longest: float = 0.02) -> None:  # noqa: ARG002 (the parent's signature)
        """Let others run."""
        self.scheduler.sleep(LATENCY_SECONDS)

    def changes(self) -> int:
        """Count all changes so far."""
        return self.table.changes + len(self._changes)


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


class Tenant(Auth0):
    """The tenant, with functions that are warm."""

    def __init__(self, world: World, explorer: Explorer) -> None:
        """Start without users, ten days after the installation."""
        super().__init__(world)
        self._explorer = explorer
        self.installed = -10 * DAY

    def settling(self, signup: SignUp, run: Run, **asked: Any) -> Settling:
        """Put the real use case together."""
        settling = super().settling(signup, run, **asked)
        ledger: Any = settling.ledger
        ledger._installation.since = EPOCH + self.installed
        steer(ledger, settling.customers, self._explorer)
        return settling


class Ways(Entries):
    """Every other way in."""

    def __init__(self, auth0: Auth0, explorer: Explorer) -> None:
        """Work on the tenant."""
        super().__init__(auth0)
        self._explorer = explorer
        profiles: Any = Announced(self.profiles, explorer)
        self.profiles = profiles

    def _ports(self, run: Run) -> Any:
        ledger, customers = super()._ports(run)
        steer(ledger, customers, self._explorer)
        return ledger, customers


class Play:
    """One run of a scenario."""

    def __init__(self, explorer: Explorer) -> None:
        """Start a world without users."""
        random.seed(0)  # the adapters' jitter
        self.explorer = explorer
        self.scheduler = Steered()
        self.world = SteeredWorld(self.scheduler, explorer)
        explorer.into(self.scheduler, self.world)
        self.auth0 = Tenant(self.world, explorer)
        self.entries = Ways(self.auth0, explorer)
        self.oracle = Oracle(self.world, self.auth0)
        self.entries.on_settled = self.oracle.settled
        self.scheduler.now = 1.0

    # What scenarios are made of

    def choose[Option](self, *options: Option) -> Option:
        """Take one of the scenario's own options, which no bound counts."""
        taken = self.explorer.choose([str(each) for each in options])
        self.world.tell(f"the scenario: {options[taken]}")
        return options[taken]

    def user(self, name: str, email: str = "one@example.com", **more: Any) -> User:
        """Let there be a new user, with a verified address."""
        user = User(f"auth0|{name}", email, is_verified=True, connection=name, born=1.0)
        for attribute, value in more.items():
            setattr(user, attribute, value)
        self.auth0.users[user.user_id] = user
        return user

    def returning(self, name: str, **more: Any) -> User:
        """Let there be a user from before the installation."""
        return self.user(name, logins_count=5, born=-90 * DAY, is_returning=True, **more)

    def set_policy(self, **chosen: Any) -> None:
        """Let the deployment have another policy."""
        self.world.policy = Policy(**chosen)
        self.auth0.on_failure = str(self.world.policy.on_failure)
        self.oracle.watch_policy()

    def login(self, user: User, email: str | None = None) -> Callable[[], None]:
        """Return a login, with an address that the user has by then."""

        def login() -> None:
            if user.user_id in self.auth0.users:
                user.email = email or user.email
                self.auth0.login(user)

        return login

    def registration(
        self, user: User, *, is_told: bool = False, is_refused: bool = False
    ) -> Callable[[], None]:
        """Return a registration."""
        return lambda: self.auth0.register(user, is_told=is_told, is_refused=is_refused)

    def registration_and_login(self, user: User) -> Callable[[], None]:
        """Return a registration, and a login right after it if it succeeded."""

        def both() -> None:
            self.registration(user)()
            self.login(user)()

        return both

    def one_after_another(self, *acts: Callable[[], Any], gaps: Sequence[float] = (SOON,)) -> None:
        """Start acts in this order; the gap before each later one is chosen."""
        moment = self.scheduler.now
        self.scheduler.start(acts[0], moment)
        for _, act in pairwise(acts):
            moment += self.choose(*gaps) if len(gaps) > 1 else gaps[0]
            self.scheduler.start(act, moment)

    def in_either_order(
        self, one: Callable[[], Any], other: Callable[[], Any], gaps: Sequence[float] = (SOON,)
    ) -> None:
        """Start two acts; which is the first is chosen."""
        acts = [one, other]
        if self.choose("as listed", "the other one first") != "as listed":
            acts.reverse()
        self.one_after_another(*acts, gaps=gaps)

    def before_all(self, *acts: Callable[[], Any], forced: dict[str, str] | None = None) -> None:
        """Let acts run to their ends, with no choices, and no faults but those that are forced."""
        self.explorer.on, self.explorer.forced = False, forced or {}
        for act in acts:
            self.scheduler.start(act, self.scheduler.now)
            self.run()
        self.explorer.on, self.explorer.forced = True, {}

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.scheduler.now += seconds

    def run(self) -> None:
        """Run until nothing is left to do."""
        self.scheduler.run()
        if self.oracle.violation is not None:
            raise self.oracle.violation

    # The end

    def end(self) -> tuple[Any, ...]:
        """Return all that decides what comes once every lease, lock and late effect has ended."""
        now = EPOCH + self.scheduler.now
        records = [
            (
                key,
                *(f"{k}{v}" for k, v in sorted(item.items()) if k not in _PASSING),
                _age(now, item),
            )
            for key, item in sorted(self.world.table.items.items())
            if not key.startswith("email#")
        ]
        customers = [
            (each["id"], each["email"], str(sorted(each["metadata"].items())))
            for each in self.world.stripe.live_customers()
        ]
        saved = sorted(
            (key, round((now - each.since) / HOUR), each.status, str((each.body or {}).get("id")))
            for key, each in self.world.stripe._saved.items()
        )
        users = [_state(user) for user in self.auth0.users.values()]
        setting = (str(self.world.policy), self.world.lag)
        return setting, tuple(records), tuple(customers), tuple(saved), tuple(users)

    def converge(self) -> None:
        """After the faults ended, everything is done once more: all must be in order."""
        self.explorer.on = False
        self.world.tell("the faults end")
        self.later(QUIET_SECONDS)
        for _ in range(FINAL_LOGINS):
            for user in list(self.auth0.users.values()):
                self._settle(user)
            self.entries.repair()
            self.run()
        for user in self.auth0.users.values():
            self.oracle.judge_the_end(user)
        self.oracle.judge_profiles()

    def _settle(self, user: User) -> None:
        for secondary in user.identities:
            self.entries.link(user, self.auth0.gone[secondary])
            self.run()
        self.scheduler.start(self.login(user), self.scheduler.now)
        self.run()
        self.later(QUIET_SECONDS)
        for customer_id in self.oracle.customers_of(user):
            self.entries.record(user, customer_id)
            self.run()
        self.entries.claim(user)
        self.run()


_PASSING = frozenset(
    {
        *("lease_until", "updated_at", "attempt_since", "open_since", "expires_at"),
        *("epoch", "owner"),
    }
)
"""A record's moments, and whose turn it was: by the end they decide nothing any more."""


def _age(now: float, item: Mapping[str, Any]) -> int:
    """Return the age of an attempt's key in hours."""
    return round((now - float(item.get("attempt_since", {"N": now})["N"])) / HOUR)


def _state(user: User) -> tuple[Any, ...]:
    """Return what a user is like, and what their log-ins so far mean to the oracle."""
    last = [(each.decision, each.reason, each.marker_lost) for each in user.ended[-1:]]
    is_traced = any(each.decision == "deny" and not each.marker_lost for each in user.ended)
    profile = (user.user_id, user.email, user.logins_count, str(sorted(user.metadata.items())))
    return (*profile, tuple(user.identities), tuple(last), is_traced)


@dataclass(frozen=True)
class Scenario:
    """A few invocations, and the bounds within which all their schedules are searched."""

    play: Callable[[Play], None]
    invocations: int
    at_least: int
    """Fewer schedules than that, and the search has become an empty one."""
    quick: Bounds = Bounds(1, 1, 1)
    deep: Bounds = Bounds(2, 2, 2)

    @property
    def name(self) -> str:
        """Return what it is called by."""
        return self.play.__name__.replace("_", "-")


@dataclass(frozen=True)
class Violation:
    """A run that broke an invariant."""

    text: str
    path: tuple[Choice, ...]
    told: tuple[str, ...]
    log: tuple[str, ...]

    def length(self) -> tuple[int, int]:
        """Count its deviations, then the lines of its log."""
        return len(self.told), len(self.log)


@dataclass
class Found:
    """What a search came to."""

    scenario: Scenario
    bounds: Bounds
    schedules: int = 0
    longest: int = 0
    """Choices of the longest path."""
    ends: set[tuple[Any, ...]] = field(default_factory=set)
    """Different states that schedules lead to."""
    is_exhausted: bool = False
    violations: int = 0
    shortest: dict[str, Violation] = field(default_factory=dict)
    """The shortest run to each violation."""
    seconds: float = 0.0

    def add(self, violation: Violation) -> None:
        """Count a violation, and keep the shortest."""
        self.violations += 1
        known = self.shortest.get(violation.text, violation)
        self.shortest[violation.text] = min(known, violation, key=Violation.length)


def explore(scenario: Scenario, bounds: Bounds, *, first_only: bool = False) -> Found:
    """Search a scenario within bounds, or until the first violation."""
    found, start = Found(scenario, bounds), time.monotonic()
    path: list[Choice] | None = []
    while path is not None and found.schedules < bounds.limit:
        explorer = Explorer(bounds, path)
        violation = played(scenario, explorer, found.ends)
        found.schedules += 1
        found.longest = max(found.longest, len(explorer.path))
        if violation is not None:
            found.add(violation)
        if violation is not None and first_only:
            break
        path = incremented(explorer.path)
    found.is_exhausted = path is None
    found.seconds = time.monotonic() - start
    return found


def played(scenario: Scenario, explorer: Explorer, ends: set[tuple[Any, ...]]) -> Violation | None:
    """Play one path; an end that was judged before is not judged again."""
    play = Play(explorer)
    try:
        scenario.play(play)
        play.run()
        end = play.end()
        if end not in ends:
            play.converge()
            ends.add(end)
    except ViolationError as violation:
        path, told = tuple(explorer.path), tuple(explorer.told)
        return Violation(str(violation), path, told, tuple(play.world.log))
    finally:
        play.scheduler.forget()
    return None


# The scenarios


def two_tabs(play: Play) -> None:
    """Let a new user log in twice."""
    ada = play.user("ada")
    play.one_after_another(play.login(ada), play.login(ada), gaps=GAPS)


def one_address(play: Play) -> None:
    """Let two new users with one address log in."""
    ada, eve = play.user("ada"), play.user("eve", "One@example.com")
    play.one_after_another(play.login(ada), play.login(eve), gaps=GAPS)


def changed_address(play: Play) -> None:
    """Let a new user log in with one address, and then with another."""
    ada = play.user("ada")
    other = play.login(ada, "two@example.com")
    play.one_after_another(play.login(ada), other, gaps=GAPS)


def login_and_checkout(play: Play) -> None:
    """Let a new user log in and check out."""
    ada = play.user("ada")
    play.in_either_order(play.login(ada), lambda: play.entries.checkout(ada), gaps=GAPS[:2])


def login_and_repair(play: Play) -> None:
    """Let a sign-up that stayed open be repaired while its user, or a namesake, logs in."""
    ada, eve = play.user("ada"), play.user("eve")
    begun = play.choose("time-out before the effect", "time-out after the effect")
    play.before_all(play.login(ada), forced={"create": begun})
    play.later(150.0)
    who = play.choose(ada, eve)
    play.in_either_order(play.login(who), play.entries.repair)


def login_and_linking(play: Play) -> None:
    """Let a new user log in while an account that has a customer is linked to theirs."""
    ada, work = play.user("ada"), play.user("work", play.choose("two@example.com", ONE))
    play.before_all(play.login(work))
    play.later(play.choose(SOON, 100.0))
    play.in_either_order(play.login(ada), lambda: play.entries.link(ada, work))


def login_of_the_linked(play: Play) -> None:
    """Let a new user log in while their account is linked to one that has a customer, or not."""
    ada, work = play.user("ada"), play.user("work", "two@example.com")
    if play.choose("with a customer", "without") == "with a customer":
        play.before_all(play.login(ada))
        play.later(100.0)
    play.in_either_order(play.login(work), lambda: play.entries.link(ada, work))


def linking_twice(play: Play) -> None:
    """Let somebody click twice to link an account that has a customer."""
    ada, work = play.user("ada"), play.user("work", "two@example.com")
    play.before_all(play.login(work))
    if play.choose("with a customer", "without") == "with a customer":
        play.before_all(play.login(ada))
    play.later(100.0)
    link = lambda: play.entries.link(ada, work)  # noqa: E731
    play.one_after_another(link, link, gaps=GAPS[:2])


def checkout_and_linking(play: Play) -> None:
    """Let a user check out while an account that has a customer is linked to theirs."""
    ada, work = play.returning("ada"), play.user("work", "two@example.com")
    play.before_all(play.login(work))
    play.later(100.0)
    link = lambda: play.entries.link(ada, work)  # noqa: E731
    play.in_either_order(lambda: play.entries.checkout(ada), link)


def two_secondaries(play: Play) -> None:
    """Let two accounts that have customers be linked to one that has one, or none."""
    ada = play.user("ada")
    work, home = play.user("work", "two@example.com"), play.user("home", "three@example.com")
    play.before_all(play.login(work), play.login(home))
    if play.choose("with a customer", "without") == "with a customer":
        play.before_all(play.login(ada))
    play.later(100.0)
    links = (lambda: play.entries.link(ada, work), lambda: play.entries.link(ada, home))
    play.one_after_another(*links)


def registration_and_logins(play: Play) -> None:
    """Let somebody register, and then log in twice, or once beside a repair."""
    how = play.choose("told", "not told", PASSWORDLESS)
    connection = PASSWORDLESS if how == PASSWORDLESS else DATABASE
    ada = User("auth0|ada", ONE, is_verified=True, connection=connection)
    register = play.registration(ada, is_told=how == "told")
    claim = lambda: play.entries.claim(ada)  # noqa: E731
    last = claim if play.choose("login", "claim") == "claim" else play.login(ada)
    play.one_after_another(register, play.login(ada), last)


def refused_registration(play: Play) -> None:
    """Let somebody whom Auth0 refused register again while the first try is repaired."""
    play.world.lag = play.choose(0.0, 1.0)
    ada = User("auth0|ada", ONE, is_verified=True, connection=DATABASE)
    begun = play.choose({}, {"create": "time-out after the effect"})
    play.before_all(play.registration(ada, is_refused=True), forced=begun)
    play.later(150.0)
    play.in_either_order(play.registration_and_login(ada), play.entries.repair)


def moved_registrant(play: Play) -> None:
    """Let somebody register with an address that another one has registered with and left.

    Auth0 loses no metadata: a profile would go on carrying the customer that is the other one's.
    """
    play.explorer.spared.add("metadata")
    play.world.lag = play.choose(0.0, 1.0)
    ada = User("auth0|ada", ONE, is_verified=True, connection=DATABASE)
    eve = User("auth0|eve", ONE, is_verified=True, connection=DATABASE)
    play.before_all(play.registration(ada))
    ada.email = "two@example.com"
    play.later(play.choose(SOON, 100.0))
    play.in_either_order(play.login(ada), play.registration_and_login(eve))


def two_registrations(play: Play) -> None:
    """Let two people register with one address, with one connection or two; then log in."""
    connection = play.choose(DATABASE, "other")
    play.world.lag = play.choose(0.0, 1.0)
    ada = User("auth0|ada", ONE, is_verified=True, connection=DATABASE)
    eve = User("auth0|eve", ONE, is_verified=True, connection=connection)
    both = (play.registration_and_login(ada), play.registration_and_login(eve))
    play.one_after_another(*both, gaps=GAPS)


def adoption_by_two(play: Play) -> None:
    """Let two users of one address find a customer of nobody's."""
    play.set_policy(existing_customer=ExistingCustomer.ADOPT)
    play.world.create({"email": ONE, "metadata": {}}, by_person=True)
    play.later(100.0)
    ada, eve = play.user("ada"), play.user("eve")
    play.one_after_another(play.login(ada), play.login(eve), gaps=GAPS)


def adoption_between_addresses(play: Play) -> None:
    """Let a user log in with an address that has a customer of nobody's, and with another."""
    play.set_policy(existing_customer=ExistingCustomer.ADOPT)
    play.world.create({"email": ONE, "metadata": {}}, by_person=True)
    play.later(100.0)
    ada = play.user("ada")
    play.in_either_order(play.login(ada, ONE), play.login(ada, "two@example.com"), gaps=GAPS)


def backfill_and_login(play: Play) -> None:
    """Let a user from before the installation be filled in while they log in."""
    play.set_policy(existing_users=play.choose(*ExistingUsers))
    ada = play.returning("ada")
    play.in_either_order(play.login(ada), lambda: play.entries.backfill(ada), gaps=GAPS[:2])


def backfill_and_first_login(play: Play) -> None:
    """Let a user, or one with the same address, be filled in beside the user's first login."""
    ada, eve = play.user("ada"), play.returning("eve")
    who = play.choose(ada, eve)
    play.in_either_order(play.login(ada), lambda: play.entries.backfill(who), gaps=GAPS[:2])


def address_and_sign_up(play: Play) -> None:
    """Let a customer be given the address that somebody signs up with."""
    ada, eve = play.user("ada", "two@example.com"), play.user("eve")
    play.before_all(play.login(ada))
    play.later(100.0)
    ada.email = ONE
    play.in_either_order(lambda: play.entries.address(ada), play.login(eve), gaps=GAPS)


def two_address_changes(play: Play) -> None:
    """Let the customers of two users who have moved to one address be given it."""
    ada, eve = play.user("ada", "two@example.com"), play.user("eve", "three@example.com")
    play.before_all(play.login(ada), play.login(eve))
    play.later(100.0)
    ada.email = eve.email = ONE
    changes = (lambda: play.entries.address(ada), lambda: play.entries.address(eve))
    play.one_after_another(*changes, gaps=GAPS)


def two_checkouts(play: Play) -> None:
    """Let a user check out twice, or two with one address, where customers are made then."""
    play.set_policy(provision_at=ProvisionAt.CHECKOUT)
    ada, eve = play.user("ada"), play.user("eve")
    play.before_all(play.login(ada), play.login(eve))
    other = {"ada": ada, "eve": eve}[play.choose("ada", "eve")]
    checkouts = (lambda: play.entries.checkout(ada), lambda: play.entries.checkout(other))
    play.one_after_another(*checkouts, gaps=GAPS)


def three_logins(play: Play) -> None:
    """Let a new user log in twice, and another one with the same address."""
    ada, eve = play.user("ada"), play.user("eve")
    order = play.choose("ada ada eve", "ada eve ada", "eve ada ada")
    users = [ada if each == "ada" else eve for each in order.split()]
    play.one_after_another(*(play.login(each) for each in users), gaps=GAPS[:2])


def list_behind(play: Play) -> None:
    """Let another account sign up right after the first was linked, with a list that is behind."""
    play.world.lag = play.choose(1.0, 0.0)
    ada, eve = play.user("ada"), play.user("eve")
    gaps = (SOON, 0.9, 59.9, 60.1)
    play.one_after_another(play.login(ada), play.login(eve), gaps=gaps)


def forgotten_key(play: Play) -> None:
    """Let a user log in again once Stripe has forgotten the key of a create that came late."""
    ada = play.user("ada")
    begun = play.choose("effect long after the time-out", "time-out before the effect")
    play.before_all(play.login(ada), forced={"create": begun})
    play.later(play.choose(23 * HOUR - 46, 25 * HOUR))
    play.one_after_another(play.login(ada), play.login(ada), gaps=GAPS)


def denied_before(play: Play) -> None:
    """Let a user who was denied check out and log in, where policy lets in those who never were."""
    play.set_policy(on_failure=OnFailure.CONTINUE)
    ada, eve = play.user("ada"), play.user("eve")
    play.before_all(play.login(ada), play.login(eve))
    if play.choose("at once", "the address is free") != "at once":
        play.later(100.0)
        ada.email = "two@example.com"
        play.before_all(lambda: play.entries.address(ada))
        play.later(100.0)
    play.in_either_order(lambda: play.entries.checkout(eve), play.login(eve), gaps=GAPS[:2])


def deleted_customer(play: Play) -> None:
    """Let a user whose customer a person deleted log in twice."""
    ada = play.user("ada")
    begun = play.choose({}, {"create": "time-out after the effect"})
    play.before_all(play.login(ada), forced=begun)
    play.later(100.0)
    for customer_id in play.oracle.customers_of(ada):
        play.world.delete(customer_id)
    ada.metadata.pop("stripe_customer_id", None)
    play.one_after_another(play.login(ada), play.login(ada), gaps=GAPS)


ONE = "one@example.com"

_QUICK, _DEEP = Bounds(1, 1, 2), Bounds(2, 2, 3)
"""For the smallest ones."""

SCENARIOS = [
    Scenario(two_tabs, 2, 900, _QUICK, _DEEP),
    Scenario(one_address, 2, 1500, _QUICK, _DEEP),
    Scenario(changed_address, 2, 900, _QUICK, _DEEP),
    Scenario(login_and_checkout, 2, 120, deep=_DEEP),
    Scenario(login_and_repair, 2, 300),
    Scenario(login_and_linking, 2, 400),
    Scenario(login_of_the_linked, 2, 180),
    Scenario(linking_twice, 2, 240),
    Scenario(checkout_and_linking, 2, 100),
    Scenario(two_secondaries, 2, 130),
    Scenario(registration_and_logins, 3, 350),
    Scenario(two_registrations, 4, 400),
    Scenario(refused_registration, 3, 170),
    Scenario(moved_registrant, 3, 220),
    Scenario(adoption_by_two, 2, 140),
    Scenario(adoption_between_addresses, 2, 160),
    Scenario(backfill_and_login, 2, 220),
    Scenario(backfill_and_first_login, 2, 280),
    Scenario(address_and_sign_up, 2, 240),
    Scenario(two_address_changes, 2, 110),
    Scenario(two_checkouts, 2, 210),
    Scenario(three_logins, 3, 550),
    Scenario(list_behind, 2, 300),
    Scenario(forgotten_key, 2, 270),
    Scenario(deleted_customer, 2, 200),
    Scenario(denied_before, 2, 230),
]


def report_of(results: Sequence[Found]) -> Report:
    """Return a table of what was searched."""
    table = Report("scenario", "invocations", "faults", "preemptions", "together", "schedules")
    for column in ("choices", "ends", "seconds", "exhausted", "violations"):
        table.add_column(column)
    for found in results:
        bounds = found.bounds
        limits = (found.scenario.invocations, bounds.faults, bounds.preemptions, bounds.together)
        counts = (found.schedules, found.longest, len(found.ends), round(found.seconds, 1))
        cells = (*limits, *counts, "yes" if found.is_exhausted else "no", found.violations)
        table.add_row(found.scenario.name, *(str(each) for each in cells))
    return table


def main() -> int:
    """Search what was asked for; the exit status is 1 if an invariant did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.systematic")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--deep", action="store_true")
    options = parser.parse_args()
    chosen = [each for each in SCENARIOS if each.name in (options.scenarios or [each.name])]
    results = [explore(each, each.deep if options.deep else each.quick) for each in chosen]
    Console(width=160).print(report_of(results))
    broken = [each for each in results if each.violations]
    if broken:
        print(f"{len(broken)} scenarios break an invariant; of each, the shortest runs:")
    for found in broken:
        for violation in found.shortest.values():
            deviations = ", ".join(violation.told) or "no deviation"
            print(f"\n{found.scenario.name}: {violation.text} ({deviations})")
            print("\n".join(violation.log))
    if not broken:
        left = sum(not each.is_exhausted for each in results)
        where = (
            f"in what was run: {left} scenarios were not exhausted" if left else "in all of them"
        )
        print(f"every invariant holds, {where}")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
