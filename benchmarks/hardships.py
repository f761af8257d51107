"""What each contender makes of a storm, of kill -9, and of nothing special: what is counted after.

In turns, so that a busy machine is busy for each.
"""

import random
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks.boundaries import Moment, Trap
from benchmarks.contenders import Contender, Outcome, Person
from customerlink.model.sign_up_record import RECORD_LEASE_SECONDS

FAULTS = 0.05
LATENCY_SECONDS = 0.03

type All = Mapping[str, Contender]


@dataclass(frozen=True)
class Tally:
    """What came of people's sign-ups, counted on both sides."""

    people: int
    refused: int
    """Another person has the address."""
    without: int
    """Neither refused nor linked, after all tries."""
    doubled: int
    """Customers of a user beyond the first."""
    sharing: int
    """Customers of an address beyond the first."""
    wrong: int
    """Links to a customer that names another user, or is not there."""
    lost: int
    """Customers that nobody is linked to."""


def tally(contender: Contender, people: list[Person], last: Iterable[Outcome]) -> Tally:
    """Count what there is by these people's addresses; `last` is how their last tries ended."""
    addresses, ends = {each.email for each in people}, Counter(last)
    links = [each for each in contender.links() if each.email in addresses]
    customers = contender.stripe.live_customers()
    owners = {
        str(each["id"]): each["metadata"].get(contender.owner_key)
        for each in customers
        if each["email"] in addresses
    }
    return Tally(
        people=len(people),
        refused=ends[Outcome.REFUSED],
        without=ends[Outcome.FAILED],
        doubled=_beyond_the_first(owners.values()),
        sharing=len(owners) - len({each["email"] for each in customers if each["id"] in owners}),
        wrong=sum(owners.get(each.customer) != each.user for each in links),
        lost=len(owners.keys() - {each.customer for each in links}),
    )


def _beyond_the_first(values: Iterable[str | None]) -> int:
    counts = Counter(values)
    return counts.total() - len(counts)


def storm(made: All, rounds: int, people: int, processes: int) -> dict[str, Tally]:
    """Let colliding people sign up in two tabs each, with faults; then twice more, without."""
    ends: dict[str, list[Outcome]] = {name: [] for name in made}
    everybody: list[Person] = []
    for number in range(rounds):
        crowd = _crowd(number, people)
        everybody += crowd
        for name, each in made.items():
            each.stripe.latency, each.stripe.fault_rate = LATENCY_SECONDS, FAULTS
            # The stand-in's chance: each contender meets the same faults at first.
            random.seed(number)
            with ThreadPoolExecutor(2 * processes) as tabs:
                list(tabs.map(each.sign_up, [who for who in crowd for _ in range(2)]))
            each.stripe.fault_rate = 0.0
            for _ in range(2):
                last = [each.sign_up(who) for who in crowd]
            ends[name] += last
    return {name: tally(each, everybody, ends[name]) for name, each in made.items()}


def _crowd(number: int, people: int) -> list[Person]:
    """Return people of whom some want the same address."""
    rng = random.Random(number)  # noqa: S311 (a crowd, not cryptography)
    addresses = [f"storm-{number}-{each}@example.com" for each in range(2 * people // 3)]
    return [Person(f"auth0|storm-{number}-{each}", rng.choice(addresses)) for each in range(people)]


def _newcomer(name: str) -> Person:
    return Person(f"auth0|{name}", f"{name}@example.com")


@dataclass
class Killed:
    """A contender's sign-ups that died, one at each boundary of its calls."""

    contender: Contender
    people: list[Person] = field(default_factory=list)

    def again(self) -> Tally:
        """Let each of them try twice more."""
        self.contender.start(1)
        for _ in range(2):
            last = [self.contender.sign_up(who) for who in self.people]
        return tally(self.contender, self.people, last)


def kill_everywhere(made: All, most: int | None = None) -> dict[str, Tally]:
    """Kill at each boundary (the first `most` calls'); then everybody tries again."""
    killed = []
    for each in made.values():
        each.stripe.latency = 0.0
        killed.append(_kill(each, most))
    # Whoever died holds its lease until then.
    time.sleep(RECORD_LEASE_SECONDS + 0.5)
    return {each.contender.name: each.again() for each in killed}


def _kill(contender: Contender, most: int | None) -> Killed:
    trap, name = Trap(), contender.name
    contender.start(1, trap)
    for each in ("first", "second"):
        trap.count()
        contender.sign_up(_newcomer(each))
    boundaries = [(call, moment) for call in range(trap.count())[:most] for moment in Moment]
    killed = Killed(contender)
    for number, (call, moment) in enumerate(boundaries):
        if number:
            contender.start(1, trap)
            contender.sign_up(_newcomer(f"warms-{number}"))
        who = _newcomer(f"killed-{number}")
        [victim] = contender.pool.members
        trap.arm(call, moment, victim.kill)
        contender.sign_up(who)
        if not trap.sprung.wait(5):
            raise RuntimeError(f"{name} made no call {call} to be killed at")
        killed.people.append(who)
    return killed


@dataclass
class Cost:
    """What sign-ups cost that nothing happens to."""

    calls: int
    """Requests to Stripe, each."""
    over: list[float]
    """Milliseconds beyond Stripe's delays."""
    cpu: float
    """Milliseconds of processor time, each."""

    def median(self) -> float:
        """Return the median of what is beyond."""
        return statistics.median(self.over)


def cost(made: All, runs: int) -> dict[str, Cost]:
    """Measure one process of each, in turns."""
    for each in made.values():
        each.start(1)
        each.stripe.latency = 0.0
        for number in range(10):
            each.sign_up(_newcomer(f"warm-{number}"))
        each.stripe.latency = LATENCY_SECONDS
        each.stripe.requests.clear()
    before = {name: each.cpu_seconds() for name, each in made.items()}
    took: dict[str, list[float]] = {name: [] for name in made}
    for number in range(runs):
        who = _newcomer(f"cost-{number}")
        for name, each in made.items():
            start = time.monotonic()
            if each.sign_up(who) is not Outcome.LINKED:
                raise RuntimeError(f"a sign-up of {name} failed")
            took[name].append(time.monotonic() - start)
    costs = {}
    for name, each in made.items():
        calls = round(len(each.stripe.requests) / runs)
        over = [(seconds - calls * LATENCY_SECONDS) * 1000 for seconds in took[name]]
        spent = (each.cpu_seconds() - before[name]) * 1000 / runs
        costs[name] = Cost(calls, over, spent)
    return costs
