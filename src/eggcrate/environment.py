"""Private environments: a real interpreter whose site-packages list a part's eggs.

An environment is what ``python -m venv`` makes, less pip and the activation scripts, written in
milliseconds: ``pyvenv.cfg`` (PEP 405), links to the base interpreter, and ``eggs.pth``. Because
``sys.executable`` is the environment's own interpreter, whatever re-executes it (a reloader,
multiprocessing, an IDE) keeps the eggs, and the options of the interpreter all work, ``-I`` too.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from eggcrate import files, merged

MODULE = "eggcrate_initialization"
# What it defines is there for commands and at the prompt, as if it stood in front of the program.
_HOOK = f"""\
import sys, {MODULE}; vars(sys.modules['__main__']).update(\
{{k: v for k, v in vars({MODULE}).items() if not k.startswith('__')}})
"""
MERGED = "# "  # before an egg that is on the path as links; site reads no further in such a line


@dataclass(frozen=True)
class Base:
    """The interpreter that environments are made of: its executable and ``home`` folder."""

    executable: str
    home: str

    @classmethod
    def current(cls) -> "Base":
        """Return what this process's own environment was made of.

        Links are followed only until they leave the environment: what they name then (such as
        /usr/bin/python3 or /opt/python@3.12/bin/python) outlives an update of the interpreter,
        which what that is in turn a link to may not.
        """
        executable = Path(sys.executable)
        inside = Path(sys.prefix) / "bin"
        while executable.parent == inside and executable.is_symlink():
            executable = executable.parent / executable.readlink()
        if executable.parent == inside and sys.prefix != sys.base_prefix:
            executable = Path(getattr(sys, "_base_executable", sys.executable))
        return cls(str(executable), _home() or str(executable.parent))


@dataclass(frozen=True)
class SearchPath:
    """What an environment imports from: folders in order, then lines of code that ``site`` runs.

    Such a line is what an editable install may need besides folders; it starts with ``import``.
    """

    folders: tuple[str, ...] = ()
    code: tuple[str, ...] = ()


def _home() -> str | None:
    """Return ``home`` of the running environment, which is known to work."""
    try:
        lines = (Path(sys.prefix) / "pyvenv.cfg").read_text("utf-8").splitlines()
    except OSError:
        return None
    values = dict(line.split(" = ", 1) for line in lines if " = " in line)
    return values.get("home")


def write(path: Path, base: Base, search: SearchPath, initialization: str = "") -> None:
    """Make ``path`` an environment that imports from ``search``.

    ``initialization`` is Python source, run at each start of the interpreter. What is there
    already and right is not touched.
    """
    packages = site_packages(path)
    packages.mkdir(parents=True, exist_ok=True)
    (path / "bin").mkdir(exist_ok=True)
    _remove_other_versions(packages)
    files.write(path / "pyvenv.cfg", _configuration(base))
    _link(path, base)
    _list(packages, search, path.parents[1])
    _write_initialization(packages, initialization)


def site_packages(path: Path) -> Path:
    """Return the folder of the environment at ``path`` that ``site`` reads."""
    return path / "lib" / f"python{_version()}" / "site-packages"


def _version() -> str:
    return "{}.{}".format(*sys.version_info)


def _remove_other_versions(packages: Path) -> None:
    """Forget the Python that this environment was of before."""
    for other in packages.parents[1].glob("python*"):
        if other != packages.parent:
            shutil.rmtree(other)


def _configuration(base: Base) -> str:
    return (
        f"home = {base.home}\n"
        "include-system-site-packages = false\n"
        "version = {}.{}.{}\n".format(*sys.version_info)
        + f"executable = {base.executable}\n"
    )


def _link(path: Path, base: Base) -> None:
    files.link(path / "bin" / "python", base.executable)
    for name in ("python3", f"python{_version()}"):
        files.link(path / "bin" / name, "python")
    if sys.maxsize > 2**32 and sys.platform == "linux":
        # Where sys.platlibdir is lib64 (Fedora), both names are looked up.
        files.link(path / "lib64", "lib")


def _list(packages: Path, search: SearchPath, project: Path) -> None:
    """Write eggs.pth, relative within the project.

    ``site`` joins relative lines to its own folder. They stay right when the project moves, and
    carry no folder name of which the locale's encoding (Python 3.11) could make another one.
    """
    eggs = merged.mergeable(search.folders)
    folder = merged.folder(packages, eggs, project) if eggs else None
    lines = []
    for path in search.folders:
        inside = Path(path).is_relative_to(project)
        line = os.path.relpath(path, packages) if inside else path
        if path not in eggs:
            lines.append(line)
            continue
        if path == eggs[0]:
            lines.append(str(folder))
        lines.append(MERGED + line)
    files.write(packages / "eggs.pth", "".join(f"{line}\n" for line in (*lines, *search.code)))
    merged.tidy(packages, folder)


def read(path: Path) -> SearchPath:
    """Return what the environment at ``path`` imports from, each egg by itself."""
    packages = site_packages(path)
    lines = (packages / "eggs.pth").read_text("utf-8").splitlines()
    code = tuple(line for line in lines if line.startswith(("import ", "import\t")))
    folders = [
        os.path.normpath(packages / line.removeprefix(MERGED))
        for line in lines
        if line not in code and not line.startswith(merged.PREFIX)
    ]
    return SearchPath(tuple(folders), code)


def _write_initialization(packages: Path, source: str) -> None:
    module, hook = packages / f"{MODULE}.py", packages / "initialization.pth"
    if source.strip():
        files.write(module, source.strip("\n") + "\n")
        files.write(hook, _HOOK)  # after eggs.pth: read in alphabetical order
    else:
        hook.unlink(missing_ok=True)
        module.unlink(missing_ok=True)
