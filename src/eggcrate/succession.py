"""Leave a command in its place until its successor is written, or it is known to have none.

zc.buildout removes what a changed part had generated, then fetches eggs, then generates again. A
running server cannot start a worker meanwhile; and if a pin is wrong or the index away, the
commands stay gone. Here they are removed at the end of a run that succeeded, or not at all.
"""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from eggcrate import environment, files, launcher, patches

# Kept in a file: a run that fails leaves the question to the next one.
LIST = "replaced.json"


def install(buildout: Any) -> None:
    """Change ``Buildout._uninstall``."""
    patches.replace(type(buildout), "_uninstall", "self installed", _deferring)


def _deferring(original: Any) -> Any:
    def _uninstall(buildout: Any, installed: str) -> None:
        paths = [Path(buildout._buildout_path(name)) for name in installed.split("\n") if name]
        # What is elsewhere is removed at once: the list is to hold wherever the project is moved.
        ours = [path for path in paths if path.is_relative_to(_root(buildout)) and is_ours(path)]
        _remember(buildout, ours)
        original(buildout, "\n".join(str(path) for path in paths if path not in ours))

    return _uninstall


def is_ours(path: Path) -> bool:
    """Tell whether ``path`` is something that eggcrate generates anew in each run."""
    if path.is_symlink():
        return False  # who writes to what comes in its place would write to where it leads
    if path.is_dir():
        return (environment.site_packages(path) / "eggs.pth").is_file()
    return path.is_file() and launcher.NOTICE.encode() in path.read_bytes()


def finish(buildout: Any) -> None:
    """Remove what an earlier run generated and this one, which has succeeded, did not."""
    root, remembered = _root(buildout), _list(buildout)
    current = {root / name for name in _installed(buildout)}
    for path in {root / name for name in _read(remembered)} - current:
        _remove(path)
    remembered.unlink(missing_ok=True)


def _installed(buildout: Any) -> list[str]:
    sections, _ = buildout._read_installed_part_options()
    # Sections of parts that are gone may still stand in the file: this option says which count.
    parts = sections["buildout"]["parts"].split()
    return [name for part in parts for name in sections[part]["__buildout_installed__"].split("\n")]


def _remember(buildout: Any, paths: Iterable[Path]) -> None:
    names = {str(path.relative_to(_root(buildout))) for path in paths}
    if names:
        text = json.dumps(sorted(names.union(_read(_list(buildout)))), indent=1)
        files.write(_list(buildout), text + "\n")


def _read(path: Path) -> list[str]:
    try:
        return list(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError):
        return []


def _list(buildout: Any) -> Path:
    return Path(buildout["buildout"]["parts-directory"]) / LIST


def _root(buildout: Any) -> Path:
    return Path(buildout["buildout"]["directory"])


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
