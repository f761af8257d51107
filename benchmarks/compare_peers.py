"""Ours beside what people would otherwise use, on the same work: the table of the README.

`make peers` writes peers.md, its chart, and the README's table, all of one run.
"""

import json
import re
import statistics
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from rich.console import Console
from tests.e2e.runtime import ROOT

from benchmarks import postgres
from benchmarks.afterwards import Change, Found, ours, tried
from benchmarks.chart import Group, chart
from benchmarks.contenders import HERE, Contender, contenders
from benchmarks.hardships import (
    FAULTS,
    LATENCY_SECONDS,
    Cost,
    Tally,
    cost,
    kill_everywhere,
    storm,
)
from benchmarks.sign_up import machine, markdown

RESULTS = ROOT / "benchmarks/peers.md"
README = ROOT / "README.md"
NAMES = ("ours", "usual Lambda", "usual Action", "better-auth", "dj-stripe")
ROUNDS, PEOPLE, PROCESSES, RUNS = 5, 24, 4, 60
MARKS = "<!-- by make peers -->\n\n", "\n<!-- so far -->\n"


@dataclass(frozen=True)
class Measured:
    """One run's figures, by contender."""

    storm: Mapping[str, Tally]
    killed: Mapping[str, Tally]
    cost: Mapping[str, Cost]
    after: Mapping[str, Found]


def measure() -> Measured:
    """Run everything, in turns."""
    with contenders(PROCESSES) as made:
        _say("a storm")
        storms = storm(made, ROUNDS, PEOPLE, PROCESSES)
        _say("what it costs")
        costs = cost(made, RUNS)
        _say("kill -9")
        killed = kill_everywhere(made)
        _say("what follows")
        after = {name: _tried(each) for name, each in made.items() if name != "ours"}
    return Measured(storms, killed, costs, {"ours": ours(), **after})


def _tried(contender: Contender) -> Found:
    contender.start(1)
    return tried(contender)


def _say(what: str) -> None:
    Console().print(f"{what} …")


TALLIES: dict[str, Callable[[Tally], int]] = {
    "second customers of one user": lambda each: each.doubled,
    "customers that share an address": lambda each: each.sharing,
    "links to another user's customer, or to none": lambda each: each.wrong,
    "customers that nobody is linked to": lambda each: each.lost,
    "people without a customer after two more tries": lambda each: each.without,
    "people refused, whose address another has": lambda each: each.refused,
}


def table(measured: Measured) -> str:
    """Return the README's table."""
    [people] = {each.people for each in measured.storm.values()}
    boundaries = _each(measured.killed, lambda tally: str(tally.people))
    nothing = [""] * len(NAMES)
    rows = [
        [f"**a storm**: {people} people in two tabs each, {FAULTS:.0%} faults", *nothing],
        *_tallies(measured.storm, TALLIES),
        ["**kill -9** at each boundary of a sign-up: how many there are", *boundaries],
        *_tallies(measured.killed, [*TALLIES][:-1]),
        ["**a sign-up** that nothing happens to: calls to Stripe", *_calls(measured.cost)],
        ["milliseconds over those calls", *_each(measured.cost, _over)],
        ["milliseconds of processor time", *_each(measured.cost, lambda each: f"{each.cpu:.1f}")],
        ["**by itself**, when …", *nothing],
        *[[str(change), *_each(measured.after, _of(change))] for change in Change],
    ]
    return markdown(["", *NAMES], rows)


def _tallies(tallies: Mapping[str, Tally], titles: Iterable[str]) -> list[list[str]]:
    return [
        [title, *_each(tallies, lambda tally, of=TALLIES[title]: str(of(tally)))]  # type: ignore[misc]
        for title in titles
    ]


def _calls(costs: Mapping[str, Cost]) -> list[str]:
    return _each(costs, lambda each: str(each.calls))


def _of(change: Change) -> Callable[[Found], str]:
    return lambda found: found[change]


def _over(each: Cost) -> str:
    quarters = statistics.quantiles(each.over, n=4)
    return f"{each.median():.0f} ({quarters[0]:.0f} to {quarters[2]:.0f})"


def _each[Figure](by_name: Mapping[str, Figure], put: Callable[[Figure], str]) -> list[str]:
    """Return a cell for each contender; which was not here was not run."""
    return [put(by_name[name]) if name in by_name else "not run" for name in NAMES]


def picture(measured: Measured) -> str:
    """Draw what went wrong, and what a sign-up costs."""
    groups: list[Group] = [
        ("Storm: second customers of one user, wrong links, people without one", "", {}),
        ("The same after kill -9 at each boundary", "", {}),
        ("Over the calls to Stripe, median", "ms", {}),
        ("Processor time of a sign-up", "ms", {}),
    ]
    bars = (
        {name: float(_amiss(each)) for name, each in measured.storm.items()},
        {name: float(_amiss(each)) for name, each in measured.killed.items()},
        {name: each.median() for name, each in measured.cost.items()},
        {name: each.cpu for name, each in measured.cost.items()},
    )
    return chart([(title, unit, each) for (title, unit, _), each in zip(groups, bars, strict=True)])


def _amiss(tally: Tally) -> int:
    """Leave out what not everybody promises: nothing of addresses."""
    return tally.doubled + tally.wrong + tally.without


def versions() -> str:
    """Say what was compared."""
    pinned = json.loads((HERE / "better_auth/package.json").read_text())["dependencies"]
    [dj_stripe] = re.findall(r"^dj-stripe==(\S+)", _requirements(), re.MULTILINE)
    [django] = re.findall(r"^django==(\S+)", _requirements(), re.MULTILINE)
    node = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True)  # noqa: S607
    has = f"PostgreSQL {postgres.version()}" if postgres.has_postgres() else "no PostgreSQL"
    stripe = json.loads((ROOT / "node_modules/stripe/package.json").read_text())["version"]
    return (
        f"better-auth {pinned['better-auth']} with @better-auth/stripe "
        f"{pinned['@better-auth/stripe']} and stripe {pinned['stripe']}; dj-stripe {dj_stripe} "
        f"with Django {django}; the usual Lambda with stripe {version('stripe')}, the usual Action "
        f"with stripe {stripe}; Node {node.stdout.strip().removeprefix('v')}, {has}"
    )


def _requirements() -> str:
    return (HERE / "dj_stripe/requirements.txt").read_text()


def written(text: str, shown: str) -> str:
    """Return a page with its table replaced."""
    begin, end = MARKS
    before, rest = text.split(begin)
    _, behind = rest.split(end)
    return before + begin + shown + end + behind


def main() -> None:
    """Measure, show, and write."""
    measured = measure()
    shown = table(measured)
    print(shown)
    page = (
        f"# Beside what people would otherwise use\n\nBy `make peers`; {machine()}. {versions()}.\n"
        f"Each call to Stripe takes {LATENCY_SECONDS * 1000:.0f} ms in the storm and where "
        "milliseconds are measured; in brackets the middle half of "
        f"{RUNS} sign-ups.\n\n![chart](peers.svg)\n\n"
    )
    begin, end = MARKS
    RESULTS.write_text(page + begin + shown + end)
    RESULTS.with_suffix(".svg").write_text(picture(measured))
    README.write_text(written(README.read_text(), shown))


if __name__ == "__main__":
    main()
