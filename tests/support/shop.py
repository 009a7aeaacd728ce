"""A scratch project whose distributions come from an index on this machine, and their lock."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import mirror
from support.mirror import Mirror
from support.scratch import Scratch, clean_environ
from support.wheels import wheel

# local.lock adds to the project's own versions.lock, which has the build tools.
LOCK = "local.lock"

# Two roots, one of which needs the other by an extra; `malt` is what all come to.
PINS = {"stout": "1.0", "porter": "1.0", "malt": "1.0"}


class Shop:
    """A project in `scratch`, and the `mirror` that it is supplied from."""

    def __init__(self, scratch: Scratch, index: Mirror) -> None:
        self.scratch = scratch
        self.mirror = index
        self.environ = {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": index.url,
            "PIP_EXTRA_INDEX_URL": "",
            "PIP_FIND_LINKS": "",
            "PIP_RETRIES": "0",
            "XDG_CACHE_HOME": str(scratch.root.parent / "cache"),
        }
        self.configure("stout", **PINS)

    def configure(self, *eggs: str, more: str = "", **pins: str) -> None:
        """Let the project have one part with these eggs, and these pins."""
        lines = "".join(f"{name} = {version}\n" for name, version in pins.items())
        self.scratch.write(
            "local.cfg",
            f"[buildout]\ndevelop =\nparts = python\n{more}\n[python]\neggs =\n"
            + "".join(f"    {egg}\n" for egg in eggs)
            + f"\n[versions]\n{lines}",
        )

    def lock(self, folder: Path | None = None) -> None:
        """Lock what the mirror has now."""
        self.scratch.write(LOCK, mirror.lock(folder or self.mirror.folder))

    def build(self, *arguments: str, code: int = 0, environ: dict[str, str] | None = None):
        """Run bin/buildout."""
        self.mirror.requests.clear()
        environ = {**self.environ, **(environ or {})}
        return self.scratch.buildout(*arguments, code=code, environ=environ)

    def start(self) -> subprocess.Popen[str]:
        """Start bin/buildout."""
        self.mirror.requests.clear()
        return subprocess.Popen(
            [self.scratch.root / "bin/buildout"],
            cwd=self.scratch.root,
            env={**clean_environ(), **self.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def refuse(self, *arguments: str, environ: dict[str, str] | None = None) -> str:
        """Run bin/buildout, which must fail; return what is said, in one line."""
        result = self.build(*arguments, code=1, environ=environ)
        assert "Traceback" not in result.stderr, result.stderr
        [error] = re.findall(r"^Error: .*$", result.stderr, re.MULTILINE)
        return error

    @property
    def eggs(self) -> list[str]:
        """The names and versions of the eggs that are there."""
        found = self.folder.glob("*.egg")
        return sorted("-".join(path.name.split("-")[:2]) for path in found)

    @property
    def folder(self) -> Path:
        [folder] = (self.scratch.root / "eggs").glob("v5")
        return folder

    def egg(self, name: str) -> Path:
        [path] = self.folder.glob(f"{name}-*.egg")
        return path

    @property
    def cache(self) -> Path:
        return Path(self.environ["XDG_CACHE_HOME"]) / "eggcrate" / "files"

    def cached(self, name: str) -> Path:
        [path] = self.cache.glob(f"*/{name}-*")
        return path

    def imports(self, *names: str) -> None:
        """Import modules in the project's interpreter."""
        self.scratch.run("bin/python", "-c", f"import {', '.join(names)}")


def stock(folder: Path) -> None:
    """Write the distributions that most tests need."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel(folder, "stout", files={"stout.py": "taste = 'roast'\n"}, requires=["malt>=1"],
          extras={"strong": ["porter"]})  # fmt: skip
    wheel(folder, "porter", files={"porter.py": ""}, requires=["malt"])
    wheel(folder, "malt", files={"malt.py": ""})


def branch(folder: Path, index: Mirror) -> Shop:
    """Return a shop with a project of its own, which is bootstrapped, locked, and not built."""
    scratch = Scratch(folder)
    scratch.bootstrap()
    found = Shop(scratch, index)
    found.lock()
    return found


@contextmanager
def opened(folder: Path) -> Iterator[Shop]:
    """Open a shop and its index."""
    stock(folder / "index")
    with mirror.serve(folder / "index") as index:
        yield branch(folder / "project", index)
