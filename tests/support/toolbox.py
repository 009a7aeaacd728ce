"""Build tools that are small and do nothing, with their lock: for tests of what installs them."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import packaging

from eggcrate import lockfile
from eggcrate.lockfile import File
from eggcrate.toolchain import NAMES
from support import wheels
from support.scratch import Scratch

CONTENTS = {
    "zc.buildout": {"zc/buildout/__init__.py": "", "zc/buildout/buildout.py": ""},
    "zc.recipe.egg": {"zc/recipe/egg/__init__.py": ""},
    # The one that is used before anything is installed: as it is.
    "packaging": {
        f"packaging/{path.name}": path.read_text("utf-8")
        for path in Path(packaging.__file__).parent.glob("*.py")
    },
}


class Toolbox:
    """A project whose tools, all of version 1.0, lie in the folder `links` and nowhere else."""

    def __init__(self, project: Scratch, links: Path, cache: Path) -> None:
        self.project = project
        self.links = links
        self.cache = cache
        self.environment = project.root / "parts" / "buildout"
        links.mkdir()
        for name in NAMES:
            self.put(name)
        pins = "".join(f"{name} = 1.0\n" for name in (*NAMES, "eggcrate"))
        project.write("versions.cfg", f"[versions]\n{pins}")
        self.lock()

    @property
    def packages(self) -> Path:
        """The site-packages of the environment that was made."""
        [packages] = self.environment.glob("lib/python*/site-packages")
        return packages

    def put(self, name: str, text: str = "", version: str = "1.0") -> Path:
        """Write the wheel of a tool whose code is `text`."""
        files = CONTENTS.get(name, {f"{name}/__init__.py": text})
        return wheels.wheel(self.links, name, version, files=files)

    def lock(self) -> None:
        """Lock what lies in the folder now."""
        self.project.write("versions.lock", lockfile.dumps(wheels.lock(self.links)))

    def fill_cache(self) -> None:
        """Put what is locked into the cache, as if it had been fetched before."""
        for name in NAMES:
            folder = self.cache / "eggcrate" / "files" / self.locked(name).sha256
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.links / self.locked(name).name, folder)

    def locked(self, name: str) -> File:
        """Return the file of a tool as it is locked."""
        lock = lockfile.read(self.project.root / "versions.lock")
        [file] = lock.of(name, "1.0")
        return file

    def sha256(self, name: str) -> str:
        """Return the hash of the file of a tool as it lies in the folder."""
        return hashlib.sha256((self.links / self.locked(name).name).read_bytes()).hexdigest()

    def remove(self, *what: str) -> None:
        """Remove folders of this toolbox, by the names of its attributes."""
        for name in what:
            shutil.rmtree(getattr(self, name))

    def bootstrap(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run bootstrap.py, to which no index is known."""
        environ = {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": "",
            "PIP_NO_INDEX": "1",
            "XDG_CACHE_HOME": str(self.cache),
        }
        links = ["--find-links", str(self.links)] if self.links.exists() else []
        return self.project.bootstrap(*links, *arguments, environ=environ, code=code)
