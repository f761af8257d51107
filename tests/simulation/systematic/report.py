"""What a search came to, for whoever asked for it."""

import argparse
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as Report
from tests.simulation.systematic.scenarios import SCENARIOS
from tests.simulation.systematic.search import Found, explore


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
