"""`python -m benchmarks` is `bin/bench` without a build: this interpreter runs every peer."""

import sys

from benchmarks.cli import main

if __name__ == "__main__":
    sys.exit(main())
