"""What bin/buildout runs: zc.buildout, always upon the project that it belongs to."""

import functools
import gc
import os
import sys
from pathlib import Path
from typing import Any

from eggcrate import fingerprint, guest

# What a build makes is needed to its end, nearly all of it: to look for garbage after each 700
# objects finds none, and takes 0.1 s.
_OBJECTS = 100_000


def main(script: str) -> int:
    """Run zc.buildout for the project whose ``bin/buildout`` is ``script``."""
    root = Path(script).resolve().parents[1]
    if not belongs(root, "bin/buildout"):
        return 1
    identity = fingerprint.identity(root, sys.argv[1:])
    said = fingerprint.said(root, identity)
    if said is not None:
        sys.stdout.writelines(f"{line}\n" for line in said)
        return 0
    try:
        _build(root, identity)
    except KeyboardInterrupt:
        print("bin/buildout: interrupted", file=sys.stderr)
        return 1
    return 0


def _build(root: Path, identity: fingerprint.Identity) -> None:
    """Run zc.buildout, and remember what it was made from."""
    from eggcrate.recording import Recording

    gc.set_threshold(_OBJECTS)
    prepare(root)
    Recording(root, identity, sys.argv[1:]).install()
    run()


def prepare(root: Path) -> None:
    """Change zc.buildout where an extension would be too late."""
    _clear_pip()
    from zc.buildout import buildout

    from eggcrate import clarity, patches, supply

    clarity.install_early()
    supply.install()
    patches.replace(
        buildout.Buildout,
        "__init__",
        patches.INIT,
        lambda original: _at(root, original),
    )


def run() -> None:
    """Run zc.buildout with the arguments of the command line."""
    from zc.buildout import buildout

    buildout.main(sys.argv[1:])


def _clear_pip() -> None:
    """Let pip, which zc.buildout runs for each egg, put it where it is told to."""
    for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"):
        os.environ.pop(name, None)
    os.environ["PIP_USER"] = "0"  # a configuration file of pip may say otherwise


def belongs(root: Path, name: str) -> bool:
    """Tell whether the build environment that runs is that of ``root``; say so if it is not."""
    reason = strange(root)
    if reason:
        print(f"{name}: {reason}", file=sys.stderr)
    return not reason


def strange(root: Path) -> str:
    """Return why the build environment that runs is not that of ``root``; "" if it is."""
    environment = root / "parts" / "buildout"
    if guest.is_guest() or (environment.is_dir() and environment.samefile(sys.prefix)):
        return ""
    return f"{root} was moved or copied; run `python3 bootstrap.py` in it first"


def _at(root: Path, original: Any) -> Any:
    """Return a ``Buildout.__init__`` that builds into ``root`` from any working folder.

    ``directory`` is otherwise the folder of the configuration file (wrong for etc/*.cfg), and
    ``optional-extends`` is looked for in the working folder.
    """

    @functools.wraps(original)
    def init(self: Any, config_file: Any, cloptions: Any, *args: Any, **kwargs: Any) -> None:
        found = locate(config_file, root)
        if found is not None:
            config_file = str(found)
            if not any(option[:2] == ("buildout", "directory") for option in cloptions):
                cloptions = [("buildout", "directory", str(root)), *cloptions]
            os.chdir(root)
        original(self, config_file, cloptions, *args, **kwargs)

    return init


def locate(name: str, root: Path) -> Path | None:
    """Return the absolute path of a project's configuration file, else None.

    ``name`` is relative to the working folder, or else to the project.
    """
    for candidate in (Path.cwd() / name, root / name):
        if candidate.is_file() and candidate.resolve().is_relative_to(root):
            return candidate
    return None
