"""The scripts beside this file, most of which play a person in a browser, by Node."""

import json
import subprocess
from pathlib import Path
from typing import Any

from sandbox.patience import PATIENCE_SECONDS

_HERE = Path(__file__).parent


def played(script: str, *words: str, given: object = None) -> Any:
    """Run a script with words and a document; return the document that it prints."""
    done = subprocess.run(
        ["node", str(_HERE / script), *words],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        # It waits for many things, each of which it gives up by itself.
        timeout=3 * PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
