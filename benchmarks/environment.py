"""What the peers run in: an environment as pip would make it, and clean variables."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# What would change how a peer serves, watches or caches bytecode.
_PREFIXES = ("CARBOY_", "FLASK_", "GUNICORN_", "HUPPER_", "PYTHON", "WERKZEUG_")
# bin/bench has cleared it; without a build the project may be on it.
_KEPT = frozenset(["PYTHONPATH"])
_NAMES = frozenset(["PORT", "WEB_CONCURRENCY", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID"])


def variables(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the variables for a server of the application in `folder`.

    That folder is Carboy's project as well, so that nothing of a real project is read or watched.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if name in _KEPT or not (name.startswith(_PREFIXES) or name in _NAMES)
    }
    return {**kept, "CARBOY_ROOT": str(folder)}


def flatten(python: str, folder: Path) -> str:
    """Return an interpreter with the eggs of `python` in its own site-packages.

    The peers' users have installed them with pip, in an environment; from a list of eggs Python
    imports more slowly, and Werkzeug's reloader walks every folder that lies outside
    `sys.prefix`. An interpreter without eggs is returned as it is.
    """
    eggs = [path for path in map(Path, _path(python)) if _has_eggs(path)]
    if not eggs:
        return python
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    made = str(folder / "bin" / "python")
    site_packages = Path(_evaluate(made, "sysconfig.get_path('purelib')"))
    _link(eggs, site_packages)
    return made


def _has_eggs(folder: Path) -> bool:
    """Tell whether a folder of `sys.path` is an egg, or links to what many eggs hold."""
    return folder.suffix == ".egg" or folder.name.startswith("eggs-")


def versions(python: str, names: Iterable[str]) -> dict[str, str]:
    """Return the versions of those distributions that `python` has."""
    found = installed(python)
    return {name: found[name.lower()] for name in names if name.lower() in found}


def installed(python: str) -> dict[str, str]:
    """Return the versions of all distributions that `python` has; names in lower case."""
    expression = "{d.name.lower(): d.version for d in importlib.metadata.distributions()}"
    return dict(_evaluate(python, expression))


def _path(python: str) -> list[str]:
    return list(_evaluate(python, "sys.path"))


def _evaluate(python: str, expression: str) -> Any:
    code = f"import importlib.metadata, json, sys, sysconfig; print(json.dumps({expression}))"
    environ = variables(os.environ, Path())
    result = subprocess.run(
        [python, "-c", code], env=environ, check=True, capture_output=True, timeout=60
    )
    found: Any = json.loads(result.stdout)
    return found


def _link(folders: Iterable[Path], target: Path) -> None:
    """Link what is in `folders` into `target`; packages that several have parts of are merged."""
    for folder in folders:
        for entry in folder.iterdir():
            place = target / entry.name
            if entry.name.startswith(".") or entry.name == "__pycache__":
                continue
            if not place.exists():
                place.symlink_to(entry)
            elif place.is_dir() and not (place / "__init__.py").exists():
                _merge(place, entry)


def _merge(place: Path, entry: Path) -> None:
    """Put the parts of a namespace package (PEP 420) beside those that are there already."""
    parts = [entry]
    if place.is_symlink():
        parts.insert(0, place.resolve())
        place.unlink()
        place.mkdir()
    _link(parts, place)
