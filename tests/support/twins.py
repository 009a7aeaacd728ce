"""The same project twice: built by zc.buildout as it is, and with eggcrate."""

import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from eggcrate import lockfile
from eggcrate.lockfile import Lock
from support import wheels
from support.scratch import PROJECT, base_python, run, share_tools

BUILDOUT = """\
#!{python}
import sys
from zc.buildout.buildout import main
sys.exit(main())
"""

# Commands of eggcrate's own, which the project with it has beside its parts'.
TOOLS = {f"bin/{name}" for name in ("buildout", "eggcrate", "lock", "release")}


def environ(home: Path) -> dict[str, str]:
    """Return what keeps both from any index, from a person's settings and from one another.

    `home` is a folder for what either keeps between its runs.
    """
    nowhere = home / "simple"
    nowhere.mkdir(exist_ok=True)
    return {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it backwards: there is none
        "buildout_testing_index_url": str(nowhere),  # zc.buildout's default, else that of the world
    }


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said, without what differs from twin to twin."""

    code: int
    out: str
    err: str

    def lines(self, *beginnings: str) -> list[str]:
        """Return the lines of the output that begin with one of `beginnings`."""
        return [line for line in self.out.splitlines() if line.startswith(beginnings)]

    @property
    def error(self) -> str:
        """The message of a UserError."""
        assert "Traceback" not in self.err, self.err
        return self.err.partition("Error: ")[2]


@dataclass(frozen=True)
class Twin:
    """A project in `root`, and the command that builds it."""

    root: Path
    command: Path
    environ: Mapping[str, str]

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def build(self, *arguments: str, code: int | None = 0, cwd: Path | None = None) -> Said:
        """Run buildout."""
        return self.run(str(self.command), *arguments, code=code, cwd=cwd)

    def run(
        self, command: str, *arguments: str, code: int | None = 0, cwd: Path | None = None,
        stdin: str | None = None,
    ) -> Said:  # fmt: skip
        """Run a command; a name without a slash is one of bin/."""
        path = command if "/" in command else str(self.root / "bin" / command)
        result = run([path, *arguments], cwd=cwd or self.root, environ=self.environ,
                     code=code, stdin=stdin)  # fmt: skip
        return Said(result.returncode, self._neutral(result.stdout), self._neutral(result.stderr))

    def _neutral(self, text: str) -> str:
        return text.replace(str(self.root), "ROOT").replace(str(self.command), "BUILDOUT")

    def names(self, pattern: str) -> set[str]:
        """Return what there is, relative to the project."""
        return {str(path.relative_to(self.root)) for path in self.root.glob(pattern)}

    def commands(self) -> set[str]:
        """Return the generated commands."""
        return self.names("bin/*") - TOOLS

    def clear(self) -> None:
        """Remove what builds have made, but for the eggs."""
        made = [".installed.cfg", "develop-eggs", *self.names("parts/*"), *self.commands()]
        for path in (self.root / name for name in made if name != "parts/buildout"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Twins:
    """Both projects; what is done is done to both."""

    stock: Twin
    ours: Twin

    def write(self, name: str, text: str) -> None:
        for twin in (self.stock, self.ours):
            twin.write(name, text)

    def clear(self) -> None:
        """Remove what builds have made, but for the eggs."""
        for twin in (self.stock, self.ours):
            twin.clear()

    def configure(self, text: str, name: str = "buildout.cfg") -> None:
        """Write a configuration; ours says that eggcrate is to be used."""
        assert "[buildout]\n" in text
        self.stock.write(name, text)
        self.ours.write(name, text.replace("[buildout]\n", "[buildout]\nextensions = eggcrate\n"))

    def build(self, *arguments: str, code: int | None = 0) -> tuple[Said, Said]:
        """Build both; they must end with `code`, if any, and in any case with the same."""
        stock, ours = self._both(lambda twin: twin.build(*arguments, code=code))
        assert stock.code == ours.code, f"{stock}\n{ours}"
        return stock, ours

    def run(self, command: str, *arguments: str, code: int | None = 0, **kwargs) -> Said:
        """Run both and return what both have said."""
        stock, ours = self._both(lambda twin: twin.run(command, *arguments, code=code, **kwargs))
        assert stock == ours
        return stock

    def _both(self, do: Callable[[Twin], Said]) -> tuple[Said, Said]:
        with ThreadPoolExecutor(2) as pool:
            stock, ours = pool.map(do, (self.stock, self.ours))
        return stock, ours


def stock_environment(folder: Path) -> Path:
    """Make the build environment without eggcrate; return its bin/buildout."""
    share_tools(folder)
    environment = folder / "parts" / "buildout"
    [packages] = environment.glob("lib/python*/site-packages")
    for path in packages.glob("eggcrate*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    command = environment / "bin" / "buildout"
    command.write_text(BUILDOUT.format(python=environment / "bin" / "python"))
    command.chmod(0o755)
    return command


def make(folder: Path, stock: Path) -> Twins:
    """Return two empty projects; `stock` is the command that builds without eggcrate.

    The distributions that both may use lie in `links` beside them, and are locked.
    """
    variables = environ(folder)
    twins = Twins(
        Twin(folder / "stock", stock, variables),
        Twin(folder / "ours", folder / "ours" / "bin" / "buildout", variables),
    )
    for twin in (twins.stock, twins.ours):
        twin.root.mkdir(parents=True)
        shutil.copy(PROJECT / "versions.cfg", twin.root)
    lock = (lockfile.load(PROJECT) or Lock({})).merged(wheels.lock(folder / "links"))
    twins.ours.write(lockfile.NAME, lockfile.dumps(lock))
    _bootstrap(twins.ours.root)
    return twins


def _bootstrap(root: Path) -> None:
    shutil.copy(PROJECT / "bootstrap.py", root)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "src" / "eggcrate", root / "src" / "eggcrate", ignore=ignored)
    share_tools(root)
    run([base_python(), "bootstrap.py"], cwd=root)
