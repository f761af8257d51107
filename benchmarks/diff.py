"""The diff of both sides: time and memory at 100,000 and at 1,000,000 users."""

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
    # What getrusage tells is at least what the process had that started this one.
    [line] = [
        each for each in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in each
    ]
    megabytes = int(line.split()[1]) / 1024
    print(seconds, megabytes, found)


def compared(number: int) -> tuple[float, float, int]:
    """Return what so many users take, in a process of its own: seconds, megabytes, findings."""
    with tempfile.TemporaryDirectory() as name:
        Generated(Path(name), number, seed=1)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.diff", name],
            capture_output=True,
            text=True,
            check=True,
        )
    seconds, megabytes, found = done.stdout.split()
    return float(seconds), float(megabytes), int(found)


def main() -> None:
    """Measure each size."""
    peaks = []
    for number in SIZES:
        seconds, megabytes, found = compared(number)
        peaks.append(megabytes)
        print(f"  {number:>9,} users: {seconds:6.1f} s, {megabytes:5.0f} MB, {found} findings")
    print(f"  memory at {SIZES[1]:,} is {peaks[1] / peaks[0]:.2f} times that at {SIZES[0]:,}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]))
    else:
        main()
