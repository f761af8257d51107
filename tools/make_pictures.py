"""Take docs/playground-light.png and -dark.png anew, of the real page (`make pictures`)."""

import subprocess
from pathlib import Path

from sandbox.playground.__main__ import playground

HERE = Path(__file__).parent
SCRIPT, FOLDER = HERE / "picture_playground.mjs", HERE.parent / "docs"

if __name__ == "__main__":
    with playground() as running:
        subprocess.run(["node", SCRIPT, running.address, FOLDER], check=True)  # noqa: S603, S607 (our own script, whichever Node there is)
