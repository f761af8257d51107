"""`make systematic`."""

import sys

from tests.simulation.systematic.report import main

if __name__ == "__main__":
    sys.exit(main())
