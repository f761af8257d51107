"""The Lambda function that looks, every few minutes, whether everything is as it was installed."""

import os
from functools import cache

from customerlink.functions.shell.telemetry import report_watch
from customerlink.usecases.watch import confirmed
from customerlink.wiring.settings import Settings
from customerlink.wiring.watch import Watch


def handler(_event: object, _context: object) -> None:
    """Look, and publish 1 if all is well, else 0: an alarm takes silence for a watch that fails."""
    watch = _watch()
    report_watch([str(each) for each in confirmed(watch.look, watch.wait)])


@cache
def _watch() -> Watch:
    return Watch(Settings.from_environment(os.environ))
