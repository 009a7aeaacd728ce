"""What bin/lock runs: writing versions.lock, checking it, and raising the pins."""

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eggcrate import cfgs, check, command, files, index, lockfile, project, relock, upgrade
from eggcrate.cfgs import CfgError, Pin
from eggcrate.fetch import FetchError
from eggcrate.index import Index, UnavailableError
from eggcrate.lockfile import Lock, LockError, normalised
from eggcrate.project import Project
from eggcrate.releases import MetadataError
from eggcrate.requirements import RequirementsError
from eggcrate.resolve import ResolutionError
from eggcrate.upgrade import UpgradeError


class LockingError(Exception):
    """Why nothing was written: one line for each reason."""


_EXPECTED = (
    CfgError,
    FetchError,
    LockError,
    LockingError,
    MetadataError,
    OSError,
    RequirementsError,
    ResolutionError,
    UnavailableError,
    UpgradeError,
)


def main(script: str) -> int:
    """Lock the project whose ``bin/lock`` is ``script``."""
    root = Path(script).resolve().parents[1]
    if not command.belongs(root, "bin/lock"):
        return 1
    options = parse(sys.argv[1:])
    from zc.buildout import UserError

    try:
        return run(root, options)
    except (*_EXPECTED, UserError) as error:
        for line in str(error).splitlines():
            print(f"bin/lock: {line}", file=sys.stderr)
    except KeyboardInterrupt:
        print("bin/lock: interrupted", file=sys.stderr)
    return 1


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options of a command line."""
    parser = argparse.ArgumentParser(
        prog="bin/lock",
        description="Write versions.lock: the files, with their sha256, of all versions that the"
        " configuration files pin. What local.cfg pins beyond them goes into local.lock.",
        allow_abbrev=False,
    )
    actions = parser.add_mutually_exclusive_group()
    actions.add_argument(
        "--check",
        action="store_true",
        help="write nothing, ask no index: fail where pins, lock and requirements disagree",
    )
    actions.add_argument(
        "--upgrade",
        nargs="*",
        metavar="NAME",
        help="first raise the pins, or those of NAME..., within the ranges of the requirements",
    )
    parser.add_argument(
        "--replace",
        nargs="+",
        metavar="NAME",
        default=[],
        help="accept that locked files of NAME are other files now",
    )
    return parser.parse_args(arguments)


def run(root: Path, options: argparse.Namespace) -> int:
    """Do what the options say."""
    found = project.read(root)
    if options.check:
        return report(found)
    settings = buildout_options(root)
    places = index.configured(settings)
    if options.upgrade is not None:
        upgrade.upgrade(found, options.upgrade, places, settings)
        found = project.read(root)
    write(found, places, frozenset(map(normalised, options.replace)))
    return 0


def buildout_options(root: Path) -> Any:
    """Return the [buildout] section as bin/buildout would see it: with a person's own defaults."""
    from zc.buildout.buildout import Buildout

    os.chdir(root)  # local.cfg is looked for there
    options = [("directory", str(root)), ("log-level", "WARNING")]
    with contextlib.redirect_stdout(io.StringIO()):  # "optional-extends file not found"
        found = Buildout(
            str(root / "buildout.cfg"), [("buildout", *option) for option in options], True, "lock"
        )
    return found["buildout"]


def report(found: Project) -> int:
    """Print what does not agree; return the command's code."""
    lock = _read(found.root / lockfile.NAME)
    problems = check.problems(found, lock)
    pins, whole = _local_pins(found), lock.merged(_read(found.root / lockfile.LOCAL))
    problems += check.unlocked(found, pins, whole, lockfile.LOCAL)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"{lockfile.NAME}: {_count(lock)}, all in agreement")
    return 1 if problems else 0


def write(found: Project, places: Index, replace: frozenset[str]) -> None:
    """Write versions.lock, and local.lock where there is something to write."""
    lock = _write(found.root / lockfile.NAME, found.pins, places, replace)
    pins = [pin for pin in _local_pins(found) if not lock.of(*pin.key)]
    path = found.root / lockfile.LOCAL
    if pins:
        _write(path, pins, places, replace)
    else:
        path.unlink(missing_ok=True)


def _local_pins(found: Project) -> list[Pin]:
    local = cfgs.local(found.root)
    return [pin for pin in local.pins if pin.key[0] not in found.own] if local else []


def _read(path: Path) -> Lock:
    return lockfile.read(path) if path.exists() else Lock({})


def _write(path: Path, pins: list[Pin], places: Index, replace: frozenset[str]) -> Lock:
    """Write one lock file and tell what changed; raise :exc:`LockingError` before that."""
    old = _read(path)
    new = relock.relock(pins, places, old, replace)
    if new.errors:
        raise LockingError("\n".join(new.errors))
    changed = files.write(path, lockfile.dumps(new.lock))
    for line in [*differences(old, new.lock), *(f"note: {note}" for note in new.notes)]:
        print(line)
    print(f"{path.name}: {_count(new.lock)}, {'written' if changed else 'unchanged'}")
    return new.lock


def _count(lock: Lock) -> str:
    files = sum(map(len, lock.entries.values()))
    return f"{len(lock.entries)} distributions, {files} files"


def differences(old: Lock, new: Lock) -> Iterator[str]:
    """Yield what changes, a distribution a line."""
    for key in sorted({*old.entries, *new.entries}):
        before, after = old.entries.get(key, ()), new.entries.get(key, ())
        name = " ".join(key)
        if not before:
            yield f"+ {name} ({len(after)} files)"
        elif not after:
            yield f"- {name}"
        elif set(before) != set(after):
            gone = [f"-{file.name}" for file in before if file not in after]
            come = [f"+{file.name}" for file in after if file not in before]
            yield f"  {name}: {' '.join(gone + come)}"
