"""`bin/flask`: Flask's own command line, pointed at the application and its settings."""

import os
import sys
from collections.abc import Sequence

from carboy.errors import UserError


def main(argv: Sequence[str] | None = None, *, app: str, env: str) -> int:
    """Run `flask` for the application `app` in the environment `env`; the caller's variables win.

    `argv` is the command line without the program's name, `sys.argv` by default.
    """
    os.environ.setdefault("FLASK_APP", app)
    env = os.environ.setdefault("CARBOY_ENV", env)
    os.environ.setdefault("FLASK_DEBUG", "1" if env == "development" else "0")
    # Settings come from the layers of carboy.settings; a stray .env file is none of them.
    os.environ.setdefault("FLASK_SKIP_DOTENV", "1")
    from flask.cli import cli

    try:
        cli.main(args=None if argv is None else list(argv), prog_name="flask")
    except UserError as error:  # of the application's settings or database: no traceback helps
        print(f"flask: {error}", file=sys.stderr)
        return error.exit_code
    return 0
