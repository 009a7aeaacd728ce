"""Keep and link commands that are programs, not Python: a wheel may bring its tool as a binary.

zc.buildout drops them when it makes an egg of a wheel, because pip puts them outside.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from eggcrate import files, patches

FOLDER = "bin"  # of the egg, where tools such as ruff look for their own binary, too


def install() -> None:
    """Change ``zc.buildout.easy_install.make_egg_after_pip_install``."""
    from zc.buildout import easy_install

    patches.replace(easy_install, "make_egg_after_pip_install", "dest distinfo_dir", _keeping)


def _keeping(original: Any) -> Any:
    def make_egg_after_pip_install(dest: str, distinfo_dir: str) -> Any:
        aside = Path(dest) / ".binaries"
        for binary in find(Path(dest)):
            aside.mkdir(exist_ok=True)
            shutil.move(binary, aside)
        eggs = original(dest, distinfo_dir)
        if aside.is_dir():
            aside.replace(Path(eggs[0]) / FOLDER)
        return eggs

    return make_egg_after_pip_install


def find(egg: Path) -> list[Path]:
    """Return the binaries in the egg's folder of commands; scripts are made by entry points."""
    folder = egg / FOLDER
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and not _is_script(path))


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def link(
    working_set: Any, reqs: Iterable[Any], commands: Path, scripts: dict[str, str] | None
) -> list[str]:
    """Link the binaries of the required distributions into ``commands``; return their names.

    ``scripts`` chooses and renames them as it does with entry points; None takes all.
    """
    linked = []
    for location in _required(working_set, reqs):
        for binary in find(Path(location)):
            target = binary.name if scripts is None else scripts.get(binary.name)
            if target is not None:
                files.link(commands / target, os.path.relpath(binary.resolve(), commands))
                linked.append(target)
    return linked


def _required(working_set: Any, reqs: Iterable[Any]) -> list[str]:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    named = {canonicalize_name(Requirement(req).name) for req in reqs if isinstance(req, str)}
    return [
        distribution.location
        for distribution in working_set
        if canonicalize_name(distribution.project_name) in named
        and distribution.location.endswith(".egg")
    ]
