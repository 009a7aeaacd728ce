"""bin/release: make a production release of the project, in one file.

The steps are those of ``make``; each has a module of its own.
"""

import argparse
import contextlib
import functools
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eggcrate import home, lockfile
from eggcrate.cache import Cache
from eggcrate.release import archive, distributions, manifest, own, parts, tree
from eggcrate.release import label as labels
from eggcrate.release.errors import ReleaseError
from eggcrate.release.label import Label
from eggcrate.release.origin import Origin
from eggcrate.release.own import Own
from eggcrate.release.parts import Built
from eggcrate.release.target import Target

CONFIG = "etc/production.cfg"
LOCAL = "local.cfg"


def main(script: str, arguments: Sequence[str] | None = None) -> int:
    """Make a release of the project whose ``bin/release`` is ``script``; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        with _one_line():
            make(home.root(script), options)
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="release",
        description="Make a production release: one file, to be unpacked anywhere.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "-c", "--config", metavar="FILE", default=CONFIG,
        help=f"what buildout builds for it (default: {CONFIG})",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=_absolute,
        help=f"the file to write, or the folder for it (default: {labels.PLACE})",
    )  # fmt: skip
    parser.add_argument(
        "--version", metavar="VERSION",
        help="what to call it (default: the version of the project, and the git revision)",
    )  # fmt: skip
    parser.add_argument(
        "--allow-unlocked", action="store_true",
        help=f"release eggs, too, that {lockfile.NAME} does not have",
    )  # fmt: skip
    return parser


def _absolute(name: str) -> str:
    """Return a name that stays right in another working folder, with the slash at its end."""
    return os.path.join(Path.cwd(), name)  # noqa: PTH118


@contextlib.contextmanager
def _one_line() -> Iterator[None]:
    """Turn what others raise for a person into a ``ReleaseError``, which is one line."""
    import zc.buildout

    from eggcrate import unpack

    try:
        yield
    except (zc.buildout.UserError, lockfile.LockError, unpack.UnpackError) as error:
        raise ReleaseError(" ".join(str(error).split())) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise ReleaseError(f"{where}{error.strerror or error}") from None


def make(root: Path, options: Any) -> None:
    """Make the release that ``options`` ask for."""
    origin = Origin.read(root, options.config)
    _warn(origin)
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        place = Path(folder).resolve()
        mine = own.build_all(origin, place)
        label = labels.of(origin, mine, options.version)
        path = labels.destination(root, options.output, label)
        built = parts.build(root, origin.config, mine, place / "built")
        target = Target.current(built.eggs)
        about = _about(origin, label, target, built, mine, options)
        laid_out = tree.lay_out(place / "release", built, target, mine, root)
        members = [*laid_out.members(), *tree.settings(origin.files())]
        finish = functools.partial(manifest.of, about, members)
        archive.write(path, str(label), members, origin.time(), finish)
    _report(path)


def _warn(origin: Origin) -> None:
    """Say what in this checkout is not as others have it."""
    found = origin.checkout
    if found is not None and found.changed:
        _note(f"changed since the last commit: {_some(found.changed)}")
    if found is not None and found.untracked:
        _note(f"not in git, and so not in the release: {_some(found.untracked)}")
    if (origin.root / LOCAL).exists():
        _note(f"{LOCAL} counts in this release")


def _about(
    origin: Origin, label: Label, target: Target, built: Built, mine: Sequence[Own], options: Any
) -> dict[str, Any]:
    """Return what the manifest says beside the files."""
    eggs = [egg for egg in built.eggs if egg not in {one.egg for one in mine}]
    lock = lockfile.load(origin.root)
    cache = Cache.configured(origin.buildout["buildout"])
    found = distributions.check(eggs, lock, cache, allow_unlocked=options.allow_unlocked)
    if built.others:
        _note(f"no commands, and not in the release: parts/{', parts/'.join(built.others)}")
    entries = [one.entry() for one in found] + [one.entry() for one in mine]
    return {
        "name": label.name,
        "version": label.version,
        "time": origin.time(),
        "source": origin.source(),
        "target": {**target.needs(), "executable": target.base.executable},
        "distributions": sorted(entries, key=lambda entry: lockfile.normalised(entry["name"])),
    }


def _report(path: Path) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    print(f"{digest}  {path}")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if names[3:] else ""
    return ", ".join(names[:3]) + more


def _note(text: str) -> None:
    print(f"release: note: {text}", file=sys.stderr)
