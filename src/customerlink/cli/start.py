"""`customerlink` as it is started: who presses Ctrl-C at once is answered as at any other time."""

import signal
import sys


def run() -> None:
    """Import the command line, which takes longer than some wait, and run it."""
    try:
        from customerlink.cli.main import run as run_command  # noqa: PLC0415
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        from customerlink.cli.errors import InterruptError  # noqa: PLC0415

        told = InterruptError(is_reading=True)
        print(f"✗ {told.message}\n  → {told.fix}", file=sys.stderr)  # noqa: T201
        sys.exit(int(told.code))
    run_command()
