"""Build tools of the project in the process of the tests, which has none of its own."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.scratch import PROJECT


def packages() -> Path:
    """Return the site-packages of parts/buildout, for this Python."""
    path = PROJECT / "parts/buildout/lib/python{}.{}/site-packages".format(*sys.version_info)
    if not path.is_dir():
        pytest.skip("parts/buildout is missing, or another Python's: run python3 bootstrap.py")
    return path


def use_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the interpreter of the build environment the one that runs, for who starts it."""
    monkeypatch.setattr(sys, "executable", str(packages().parents[2] / "bin" / "python"))


def use_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `import pip` find the pinned pip, whatever else there is."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "pip"]:
        if not str(getattr(sys.modules[name], "__file__", "")).startswith(str(packages())):
            del sys.modules[name]
    with monkeypatch.context() as patched:
        patched.syspath_prepend(packages())
        importlib.import_module("pip")


def session(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a session of the pinned pip that tries everything once and asks nobody."""
    use_pip(monkeypatch)
    found = importlib.import_module("pip._internal.network.session").PipSession(retries=0)
    found.auth.prompting = False
    return found


def use_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make zc.buildout's parser importable, without all that zc.buildout does when imported."""
    path = packages() / "zc" / "buildout" / "configparser.py"
    name = "zc.buildout.configparser"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for parent in ("zc", "zc.buildout"):
        monkeypatch.setitem(sys.modules, parent, ModuleType(parent))
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(sys.modules["zc.buildout"], "configparser", module, raising=False)
