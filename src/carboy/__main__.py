"""`python -m carboy`: the same as `bin/serve`."""

import sys

from carboy.cli import main

sys.exit(main())
