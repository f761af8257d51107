"""The diff of both sides: time and memory at 100,000 and at 1,000,000 users."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.both_sides import TENANT, Generated

from customerlink.adapters.duckdb import Store
from customerlink.model.trust import Trust

SIZES = (100_000, 1_000_000)


def measure(folder: Path) -> None:
    """Load and classify what a folder has; prints seconds, peak megabytes, findings."""
    start = time.monotonic()
    store = Store(folder, Trust())
    store.load_users(folder / "users.json.gz")
    store.load_customers(folder / "customers.json")
    store.classify(TENANT)
    found = sum(store.counts().values())
    seconds = time.monotonic() - start
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(seconds, megabytes, found)


def main() -> None:
    """Measure each size in a process of its own."""
    peaks = []
    for number in SIZES:
        with tempfile.TemporaryDirectory() as name:
            Generated(Path(name), number, seed=1)
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.diff", name],
                capture_output=True,
                text=True,
                check=True,
            )
        seconds, megabytes, found = done.stdout.split()
        peaks.append(float(megabytes))
        figures = f"{float(seconds):6.1f} s, {float(megabytes):5.0f} MB, {found} findings"
        print(f"  {number:>9,} users: {figures}")
    print(f"  memory at {SIZES[1]:,} is {peaks[1] / peaks[0]:.2f} times that at {SIZES[0]:,}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]))
    else:
        main()
