"""In somebody else's buildout: bootstrap.py has not made its environment, nor the commands."""

import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

STAMP = "bootstrap.json"  # in an environment that bootstrap.py has made

_OWN = "eggcrate"
_COMMANDS = {"eggcrate": "eggcrate.cli", "lock": "eggcrate.locking"}


def is_guest() -> bool:
    """Tell whether the environment that builds is not one that bootstrap.py has made."""
    return not (Path(sys.prefix) / STAMP).is_file()


def install(buildout: Any) -> None:
    """Write bin/lock and bin/eggcrate, unless something else is there."""
    from eggcrate import files, launcher

    if not is_guest():
        return
    options = buildout["buildout"]
    folder = Path(sys.executable).parent
    target = launcher.Target(folder.parent, folder.parent, program=Path(sys.executable).name)
    for name, module in _COMMANDS.items():
        path = Path(options["bin-directory"]) / name
        if _is_free(path, module):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Not the file's own name: the commands may lie elsewhere than in bin/.
            script = repr(str(Path(options["directory"], "bin", name)))
            text = launcher.call(target, module, "main", script, _initialization())
            files.write(path, text, mode=0o755)


def supply(buildout: Any) -> None:
    """Supply anew, from the lock, the extensions that zc.buildout has fetched by itself before.

    Raise ``UserError`` for one that is not locked. It may have been loaded: nobody can say which
    extension is to be the first.
    """
    import pkg_resources
    from zc.buildout import easy_install

    options = buildout["buildout"]
    eggs = os.path.realpath(options["eggs-directory"])
    if not is_guest() or buildout.offline:
        return
    installer = easy_install.Installer(
        eggs,
        options.get("find-links", "").split(),
        options.get("index"),
        allow_hosts=buildout._allow_hosts,
    )
    for found in list(pkg_resources.working_set):
        if Path(found.location).parent == Path(eggs) and found.project_name != _OWN:
            exact = pkg_resources.Requirement.parse(f"{found.project_name}=={found.version}")
            installer._get_dist(exact, pkg_resources.WorkingSet([]))


def _is_free(path: Path, module: str) -> bool:
    return not path.exists() or module in path.read_text("utf-8", errors="replace")


def _initialization() -> str:
    """Return what finds eggcrate and the build tools where they are eggs."""
    from zc.buildout import easy_install

    own = str(Path(__file__).parents[1])
    installed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    paths = dict.fromkeys([own, *easy_install.buildout_and_setuptools_path])
    missing = [path for path in paths if path not in installed]
    return f"import sys\nsys.path[:0] = {missing!r}" if missing else ""
