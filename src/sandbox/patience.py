"""How long whoever waits for another process, thread or server does, in one place."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 300.0
"""On a machine with a dozen other busy processes a second is ten: so long nothing takes."""

_LOOK_SECONDS = 0.01


def wait_until(holds: Callable[[], object], what: str = "what was waited for") -> None:
    """Wait until something holds; raise `TimeoutError` where it never does."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} does not come")
        time.sleep(_LOOK_SECONDS)
