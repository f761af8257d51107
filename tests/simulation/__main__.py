"""`make simulate`: play histories, and tell the shortest one that goes wrong.

make simulate N=100000            so many seeds, from 0 on
make simulate SEED=4711           one seed, told step by step
"""

import argparse
import sys
import time

from rich.console import Console
from tests.simulation.campaign import Report, play_many, shortest
from tests.simulation.history import Outcome


def tell(outcome: Outcome) -> None:
    """Print a history."""
    print(f"seed {outcome.seed}: {outcome.violation or 'every invariant holds'}")
    print("\n".join(outcome.log))


def main() -> int:
    """Play what was asked for; the exit status is 1 if an invariant did not hold."""
    parser = argparse.ArgumentParser(prog="make simulate")
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    if options.seed is not None:
        outcome = shortest(options.seed)
        tell(outcome)
        return int(outcome.violation is not None)
    start, total = time.monotonic(), Report()
    for report in play_many(range(options.histories)):
        total += report
    seconds = time.monotonic() - start
    print(
        f"{total.histories} histories (seeds 0 to {options.histories - 1}), {total.logins} logins"
    )
    print(f"{total.steps} steps, {60 * total.histories / seconds:,.0f} histories a minute")
    Console(width=200).print(total.table())
    for kind, count in total.faults.most_common():
        print(f"{count:8}  {kind}")
    if total.failed:
        seeds = ", ".join(map(str, total.failed))
        print(
            f"{len(total.failed)} histories break an invariant ({seeds}); the first, shortened:\n"
        )
        tell(shortest(total.failed[0]))
        return 1
    print("every invariant holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
