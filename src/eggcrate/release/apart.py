"""Run zc.buildout for a project whose bin/buildout is to know nothing of it.

python -m eggcrate.release.apart PROJECT [arguments of zc.buildout]
"""

import sys
from pathlib import Path

from eggcrate import command

if __name__ == "__main__":
    command.prepare(Path(sys.argv.pop(1)))
    command.run()
