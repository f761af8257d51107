"""What grows with the work: verify, the backfill, and the sign-ups of one function.

`make bench` measures small sizes; with FULL=1, up to ten million users, which takes a quarter of an
hour and 5 GB of disk, and writes docs/growth-….svg and growth.md.
"""

import itertools
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tests.e2e.runtime import ROOT

from benchmarks import diff
from benchmarks.backfill import SETTLING_SECONDS, add_users, start
from benchmarks.boundaries import Trap
from benchmarks.chart import Panel, panels
from benchmarks.contenders import Ours, only_ours
from benchmarks.sign_up import gateway_event, login, machine, markdown
from customerlink.model.rates import RESERVE
from customerlink.model.signature import SigningSecret, sign
from sandbox.sandbox import sandbox

RESULTS = ROOT / "benchmarks/growth.md"
SECONDS = 10
"""For which a backfill's rate is measured, once it has set in."""


@dataclass(frozen=True)
class Sizes:
    """How much work there is."""

    users: tuple[int, ...] = (10_000, 30_000, 100_000)
    rates: tuple[float, ...] = (5, 10, 20)
    sign_ups: tuple[int, ...] = (25, 50, 100)


FULL = Sizes((100_000, 1_000_000, 10_000_000), (5, 10, 20, 40, 80), (100, 300, 1_000, 3_000))


def verify(sizes: Iterable[int]) -> list[list[float]]:
    """Return users, seconds and megabytes."""
    return [[size, *diff.compared(size)[:2]] for size in sizes]


def backfill(rates: Iterable[float]) -> list[list[float]]:
    """Return users a second: what the limits leave, and what was done of it."""
    return [[rate, _backfilled(rate)] for rate in rates]


def _backfilled(rate: float) -> float:
    # A user is two requests of Auth0's limit; Stripe's is out of the way.
    auth0 = 2 * rate / (1 - RESERVE)
    with sandbox() as box, tempfile.TemporaryDirectory() as folder:
        limits = {"Auth0PerSecond": f"{auth0}", "StripePerSecond": "1000"}
        box.aws.create_stack(box.url, limits)
        # More than are done meanwhile.
        add_users(box, round(rate * (SECONDS + 15)))
        process = start(box, Path(folder))
        while not box.stripe.live_customers() and process.poll() is None:
            time.sleep(0.05)
        time.sleep(SETTLING_SECONDS)
        before, begun = len(box.stripe.live_customers()), time.monotonic()
        time.sleep(SECONDS)
        done, seconds = len(box.stripe.live_customers()) - before, time.monotonic() - begun
        process.kill()
        process.communicate()
    return done / seconds


def sign_ups(counts: Iterable[int]) -> list[list[float]]:
    """Return sign-ups one after the other, their seconds, and both services' requests."""
    counts, trap = [*counts], Trap()
    # What counts the requests stands in the way: it is timed without.
    timed, counted = [*_passes(counts)], [*_passes(counts, trap)]
    return [
        [count, seconds, calls - stripe, stripe]
        for count, (seconds, *_), (_, calls, stripe) in zip(counts, timed, counted, strict=True)
    ]


def _passes(counts: list[int], trap: Trap | None = None) -> Iterator[tuple[float, int, int]]:
    """Return for each count the seconds, the calls that a trap saw, and those to Stripe."""
    with only_ours(1, trap) as ours:
        numbers = itertools.count()
        # The process's first one asks for more.
        _sign_up(ours, next(numbers))
        for count in counts:
            if trap:
                trap.count()
            ours.stripe.requests.clear()
            start = time.monotonic()
            for _ in range(count):
                _sign_up(ours, next(numbers))
            seconds = time.monotonic() - start
            yield seconds, trap.count() if trap else 0, len(ours.stripe.requests)


def _sign_up(ours: Ours, number: int) -> None:
    body = login(number)
    headers = sign(
        SigningSecret.parse(ours.box.signing_secret), f"msg_{number}", int(time.time()), body
    )
    answer = ours.pool.ask(gateway_event(headers, body)) or {}
    if "stripe_customer_id" not in answer.get("body", ""):
        raise RuntimeError(f"a sign-up failed: {answer}")


HEADS = {
    "verify": ["users", "seconds", "MB"],
    "backfill": ["users/s that the limits leave", "users/s"],
    "sign-up": ["sign-ups", "seconds", "requests to DynamoDB", "requests to Stripe"],
}

type Figures = dict[str, list[list[float]]]


def measure(sizes: Sizes) -> Figures:
    """Measure all three."""
    return {
        "sign-up": sign_ups(sizes.sign_ups),
        "backfill": backfill(sizes.rates),
        "verify": verify(sizes.users),
    }


def pictures(figures: Figures) -> dict[str, str]:
    """Draw a chart of each, a panel for each figure."""
    return {
        name: panels(
            [
                Panel(f"{name}: {title}", work, {row[0]: row[at] for row in figures[name]})
                for at, title in enumerate(titles, 1)
            ]
        )
        for name, (work, *titles) in HEADS.items()
    }


def cells(row: list[float]) -> list[str]:
    """Return figures as text: whole ones whole."""
    return [f"{each:,.0f}" if each == round(each) else f"{each:,.1f}" for each in row]


def write(figures: Figures) -> None:
    """Write the tables and the charts."""
    text = f"# What grows with the work\n\nBy `make bench FULL=1`; {machine()}.\n"
    for name, head in HEADS.items():
        text += f"\n{markdown(head, [cells(row) for row in figures[name]])}"
    RESULTS.write_text(text)
    for name, drawn in pictures(figures).items():
        (ROOT / f"docs/growth-{name}.svg").write_text(drawn)


def main() -> None:
    """Measure and show; write what FULL=1 has measured."""
    is_full = bool(os.environ.get("FULL"))
    figures = measure(FULL if is_full else Sizes())
    for name, head in HEADS.items():
        table = Table(*head, title=name)
        for row in figures[name]:
            table.add_row(*cells(row))
        Console().print(table)
    if is_full:
        write(figures)


if __name__ == "__main__":
    main()
