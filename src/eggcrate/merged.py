"""One folder for many eggs: links to what they hold, as site-packages of a venv has it all.

Each folder on ``sys.path`` costs a look-up whenever something is imported, and some programs much
more: for a page of Flask's debug toolbar the name of every function is compared with every
folder. Eggs of which two bring the same name stay on the path, for there their order counts.
"""

import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

PREFIX = "eggs-"
KEPT = 5  # a running server goes on importing from the folder that it was started with

_NEW = ".new-eggs-"
_ABANDONED = 3600  # seconds after which nobody is still making a folder
_METADATA = (".dist-info", ".egg-info")


def mergeable(folders: Sequence[str]) -> list[str]:
    """Return the eggs among ``folders`` that share no name with any folder behind the first egg.

    What comes before the first egg (sources) wins over all eggs, merged or not.
    """
    eggs = [folder for folder in folders if _is_egg(folder)]
    if len(eggs) < 2:
        return []
    rivals = dict.fromkeys(folders[folders.index(eggs[0]) :])
    keys = {folder: {_key(name) for name in _names(folder)} for folder in rivals}
    owners = Counter(key for found in keys.values() for key in found)
    return [egg for egg in eggs if all(owners[key] == 1 for key in keys[egg])]


def _is_egg(folder: str) -> bool:
    # EGG-INFO (an egg of old, not made from a wheel) is found in folders that end in .egg only.
    return (
        folder.endswith(".egg")
        and Path(folder).is_dir()
        and not os.path.lexists(Path(folder) / "EGG-INFO")
    )


def _names(folder: str) -> list[str]:
    """Return what of a folder can be imported, or read through ``importlib.metadata``."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if not _is_left_out(entry))
    except OSError:
        return []


def _is_left_out(entry: "os.DirEntry[str]") -> bool:
    if entry.name == "bin":  # programs
        return not (Path(entry.path) / "__init__.py").exists()
    mark = entry.name.startswith(".") and entry.is_file()
    return mark or entry.name == "__pycache__" or entry.name.endswith(".pth")


def _key(name: str) -> str:
    """Return what two entries must not have in common: the module's name, in any spelling."""
    return (name if name.endswith(_METADATA) else name.partition(".")[0]).lower()


def folder(packages: Path, eggs: Iterable[str], project: Path) -> str:
    """Make the folder for ``eggs`` in ``packages``; return its name, which goes by its contents.

    Links within ``project`` are relative. A folder that is right is not touched.
    """
    links = dict(_links(eggs, packages / PREFIX, project))
    identity = "\0".join(text for link in sorted(links.items()) for text in link)
    path = packages / (PREFIX + hashlib.sha256(os.fsencode(identity)).hexdigest()[:8])
    if not _is_right(path, links):
        _make(path, links)
    return path.name


def _links(eggs: Iterable[str], path: Path, project: Path) -> Iterator[tuple[str, str]]:
    """Yield the links of a folder at ``path``: name and what it leads to."""
    for egg in eggs:
        inside = Path(egg).is_relative_to(project)
        place = os.path.relpath(egg, path) if inside else egg
        for name in _names(egg):
            yield name, f"{place}/{name}"
            if name.endswith(".py"):
                # Looked for beside the link. That it may not be there yet does no harm.
                compiled = f"__pycache__/{name[:-3]}.{sys.implementation.cache_tag}.pyc"
                yield compiled, f"../{place}/{compiled}" if inside else f"{place}/{compiled}"


def _is_right(path: Path, links: Mapping[str, str]) -> bool:
    try:
        # Python writes to __pycache__.
        names = {entry.name for entry in path.iterdir() if entry.name != "__pycache__"}
        return names == {name for name in links if "/" not in name} and all(
            str((path / name).readlink()) == links[name] for name in names
        )
    except OSError:
        return False


def _make(path: Path, links: Mapping[str, str]) -> None:
    """Put a new folder in the place of what may be there, all at once."""
    new = Path(tempfile.mkdtemp(prefix=_NEW, dir=path.parent))
    old = Path(f"{new}-old")
    try:
        new.chmod(0o755)
        for name, target in links.items():
            (new / name).parent.mkdir(exist_ok=True)
            (new / name).symlink_to(target)
        if os.path.lexists(path):
            path.rename(old)
        new.rename(path)
    except OSError:
        if not _is_right(path, links):  # else another build was faster
            raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def tidy(packages: Path, current: str | None) -> None:
    """Remove all but the newest folders, and what killed runs left half made."""
    found = sorted(_ages(packages, PREFIX))
    surplus = [name for _, name in found if name != current][: -KEPT + 1]
    abandoned = [name for age, name in _ages(packages, _NEW) if age < time.time() - _ABANDONED]
    for name in (*surplus, *abandoned):
        shutil.rmtree(packages / name, ignore_errors=True)


def _ages(folder: Path, prefix: str) -> Iterator[tuple[float, str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(prefix):
                yield entry.stat(follow_symlinks=False).st_mtime, entry.name
