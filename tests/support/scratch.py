"""Small projects built by this project's own build tools, without an index."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
DEADLINE = 120
# The commands that bootstrap.py writes, whatever is built.
OF_THE_BUILD = {"buildout", "eggcrate", "lock", "release"}

SETUP = """\
from setuptools import setup

setup(
    name="carton", version="1.0", py_modules=["carton"], package_dir={"": "src"},
    entry_points={"console_scripts": ["carton = carton:main"]},
)
"""

CARTON = """\
import json
import os
import sys


def main(*args, **kwargs):
    print(json.dumps({
        "argv": sys.argv, "args": args, "kwargs": kwargs, "executable": sys.executable,
        "prefix": sys.prefix, "path": sys.path, "cwd": os.getcwd(), "mark": os.environ.get("MARK"),
    }))
"""

# local.cfg wins over what is extended, and buildout.cfg over local.cfg: as in the project itself.
BUILDOUT = """\
[buildout]
extends = base.cfg versions.cfg
optional-extends = local.cfg
"""

BASE = """\
[buildout]
extensions = eggcrate
develop = .
parts = carton python
allow-picked-versions = false

[carton]
recipe = zc.recipe.egg
eggs = carton
arguments = 1, word='two'

[python]
recipe = zc.recipe.egg
eggs = carton
interpreter = python
scripts = python
"""


class Scratch:
    """A project of one module and two parts in ``root``."""

    def __init__(self, root: Path, *, tools: bool = True) -> None:
        self.root = root
        (root / "src").mkdir(parents=True)
        for name in ("bootstrap.py", "versions.cfg", "versions.lock"):
            shutil.copy(PROJECT / name, root / name)
        shutil.copytree(
            PROJECT / "src" / "eggcrate",
            root / "src" / "eggcrate",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        self.write("setup.py", SETUP)
        self.write("src/carton.py", CARTON)
        self.write("buildout.cfg", BUILDOUT)
        self.write("base.cfg", BASE)
        if tools:
            share_tools(root)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def run(
        self,
        *command: str | Path,
        cwd: Path | None = None,
        environ: Mapping[str, str] | None = None,
        code: int | None = 0,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the project's folder; its first word may be relative to that."""
        first = str(command[0])
        path = self.root / first
        return run(
            [str(path) if "/" in first and path.exists() else first, *map(str, command[1:])],
            cwd=cwd or self.root,
            environ=environ,
            code=code,
            stdin=stdin,
        )

    def bootstrap(self, *arguments: str, code: int | None = 0, **kwargs):
        return self.run(base_python(), str(self.root / "bootstrap.py"), *arguments,
                        code=code, **kwargs)  # fmt: skip

    def buildout(self, *arguments: str, code: int | None = 0, **kwargs):
        return self.run("bin/buildout", *arguments, code=code, **kwargs)

    def build(self, *arguments: str) -> "Scratch":
        self.bootstrap()
        self.buildout(*arguments)
        return self


def run(command, *, cwd, environ=None, code=0, stdin=None):
    """Run a command and return its result; show what it said if it did not end with ``code``."""
    result = subprocess.run(
        command,
        cwd=cwd,
        env={**clean_environ(), **(environ or {})},
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    said = f"{command} ended with {result.returncode}\n{result.stdout}\n{result.stderr}"
    assert code is None or result.returncode == code, said
    return result


def clean_environ() -> dict[str, str]:
    """Return the environment without what a test runner's own Python was told."""
    dropped = ("PYTHON", "CARBOY_", "EGGCRATE_", "FLASK_", "COV_")
    return {k: v for k, v in os.environ.items() if not k.startswith(dropped)}


def base_python() -> str:
    """Return the interpreter that the environments are made of: a person's ``python3``."""
    return getattr(sys, "_base_executable", None) or sys.executable


def share_tools(root: Path) -> None:
    """Give ``root`` the project's build environment, by hard links where that is possible."""
    source = PROJECT / "parts" / "buildout"
    if not (source / "bootstrap.json").is_file():
        pytest.skip("parts/buildout is missing: run python3 bootstrap.py")
    shutil.copytree(source, root / "parts" / "buildout", symlinks=True, copy_function=_link)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
