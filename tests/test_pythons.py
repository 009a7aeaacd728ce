"""One project, built by one version of Python after the other: none gets another one's egg."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.scratch import Scratch, base_python

pytestmark = pytest.mark.live

# An egg with compiled code and one without, in a folder that is the same for all: without
# abi-tag-eggs only their names tell for which Python they are.
EGGS = """\
[buildout]
extends = base.cfg versions.cfg

[carton]
eggs =
    carton
    itsdangerous
    MarkupSafe

[python]
eggs = ${carton:eggs}
"""
CODE = """\
import itsdangerous, json, sys
from markupsafe import _speedups
print(json.dumps([sys.version_info[:2], _speedups.__file__, itsdangerous.__cached__]))
"""


def interpreters():
    """Return the interpreters of other versions than this one's, oldest first."""
    found = []
    for minor in range(11, 15):
        if minor != sys.version_info[1]:
            pyenv = Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")
            names = [*map(str, sorted(pyenv)), shutil.which(f"python3.{minor}")]
            found += [name for name in names if name and works(name)][:1]
    return found


def works(python):
    result = subprocess.run([python, "-I", "-c", "import ensurepip, venv"], capture_output=True)
    return result.returncode == 0


def built(project, python):
    """Build with an interpreter; return its version and where its eggs are."""
    for command in ([python, "bootstrap.py"], ["bin/buildout"]):
        result = project.run(*command, code=None)
        if re.search("no package index is reachable|cannot get http", result.stderr):
            pytest.skip(f"no package index is reachable: {result.stderr}")
        assert result.returncode == 0, result.stdout + result.stderr
    version, compiled, cached = json.loads(project.run("bin/python", "-c", CODE).stdout)
    tag = "cpython-{}{}".format(*version)
    assert f".{tag}-" in Path(compiled).name
    assert f".{tag}.pyc" in Path(cached).name
    assert Path(cached).is_file()
    return "{}.{}".format(*version), egg(compiled), egg(cached)


def egg(path):
    """Return the name of the egg that a module is in, the links of an environment followed."""
    return next(part.name for part in Path(path).resolve().parents if part.suffix == ".egg")


def test_each_python_gets_its_own_eggs(tmp_path):
    others = interpreters()
    if not others:
        pytest.skip("no other Python on this machine that could build")
    project = Scratch(tmp_path / "project")
    project.write("buildout.cfg", EGGS)
    pythons = [base_python(), *others, base_python()]
    seen = [built(project, python) for python in pythons]
    assert len({version for version, *_ in seen}) == len(others) + 1
    for version, *eggs in seen:
        assert all(f"-py{version}" in name for name in eggs)
    assert seen[0] == seen[-1]
    assert len(list((project.root / "eggs").glob("*/[mM]arkup*.egg"))) == len(others) + 1
