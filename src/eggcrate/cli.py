"""bin/eggcrate: what can be done with the lock and the eggs beside building."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eggcrate import home, lockfile


def main(script: str, arguments: Sequence[str] | None = None) -> int:
    """Run a command for the project whose ``bin/eggcrate`` is ``script``; return the exit code."""
    options = _parser().parse_args(arguments)
    import zc.buildout

    from eggcrate import fetch

    try:
        buildout = home.configuration(home.root(script), options.config)
        return int(options.run(buildout, options))
    except (zc.buildout.UserError, fetch.FetchError, lockfile.LockError) as error:
        print(f"bin/eggcrate: {' '.join(str(error).split())}", file=sys.stderr)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"bin/eggcrate: {where}{error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bin/eggcrate", description="Look after the eggs of this project.", allow_abbrev=False
    )
    parser.add_argument(
        "-c", "--config", metavar="FILE", default="buildout.cfg",
        help="the configuration that says where eggs, cache and index are (default: buildout.cfg)",
    )  # fmt: skip
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    verify = commands.add_parser(
        "verify",
        help="compare every installed egg with what it was made from",
        description="Compare every installed egg with what it was made from, and with"
        f" {lockfile.NAME}; name each file that is not as it was.",
    )
    verify.set_defaults(run=_verify)
    bundle = commands.add_parser(
        "bundle",
        help="make one file with all that a build without a network needs",
        description=f"Make one file with all artifacts that {lockfile.NAME} has for this Python on"
        " this kind of machine. There, with a copy of the project:"
        " python3 bootstrap.py --bundle FILE && bin/buildout",
    )
    bundle.add_argument(
        "-o", "--output", metavar="FILE", type=lambda text: Path(text).absolute(),
        help="the file to write, or a folder for it (default: var/bundles)",
    )  # fmt: skip
    bundle.set_defaults(run=_bundle)
    wheel = commands.add_parser(
        "wheel",
        help="make a wheel of eggcrate itself, for other buildouts",
        description="Make a wheel of eggcrate itself, for buildouts other than this project.",
    )
    wheel.add_argument(
        "-o", "--output", metavar="FOLDER", type=lambda text: Path(text).absolute(),
        help="the folder for it (default: var/wheels)",
    )  # fmt: skip
    wheel.set_defaults(run=_wheel)
    return parser


def _verify(buildout: Any, _: argparse.Namespace) -> int:
    from eggcrate import verify
    from eggcrate.cache import Cache

    section = buildout["buildout"]
    lock = lockfile.load(Path(section["directory"]))
    return verify.run(Path(section["eggs-directory"]), lock, Cache.configured(section))


def _bundle(buildout: Any, options: argparse.Namespace) -> int:
    from eggcrate import bundling

    path = bundling.make(buildout, options.output)
    print(f"{os.path.relpath(path)} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0


def _wheel(buildout: Any, options: argparse.Namespace) -> int:
    from eggcrate import distribution

    folder = options.output or Path(buildout["buildout"]["directory"], "var", "wheels")
    print(os.path.relpath(distribution.build(folder)))
    return 0
