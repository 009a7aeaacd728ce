"""Nothing of the host's Python, the user's or the caller's shell reaches a generated command."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

from support.scratch import PROJECT, Scratch, base_python, run

POISON = "raise SystemExit('poison: ' + __name__)\n"

pytestmark = pytest.mark.skipif(
    not (PROJECT / "bin/python").is_file(), reason="bin/python is missing: run bin/buildout"
)

COMMANDS = [
    ["bin/serve", "--version"],
    ["bin/serve", "--help"],
    ["bin/flask", "routes"],
    ["bin/python", "-c", "import flask, portal; print(flask.__file__)"],
    ["bin/test", "--version"],
]


def poison(folder, *names):
    """Fill a folder with packages that cannot be imported."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.py").write_text(POISON)
    return folder


@pytest.fixture(params=COMMANDS, ids=" ".join)
def command(request):
    path = PROJECT / request.param[0]
    if not path.is_file():
        pytest.skip(f"{path.name} is not in this set of parts")
    return [str(path), *request.param[1:]]


def test_user_site(command, tmp_path):
    scheme = sysconfig.get_path("purelib", "posix_user", vars={"userbase": str(tmp_path)})
    poison(Path(scheme), "flask", "portal", "carboy", "pytest", "sitecustomize", "usercustomize")
    run(command, cwd=PROJECT, environ={"PYTHONUSERBASE": str(tmp_path)})


def test_pythonpath(command, tmp_path):
    poison(
        tmp_path, "flask", "portal", "carboy", "pytest", "_pytest", "click", "waitress",
        "json", "os", "site", "re", "encodings", "sitecustomize", "usercustomize",
    )  # fmt: skip
    run(command, cwd=PROJECT, environ={"PYTHONPATH": str(tmp_path)})


def test_pythonhome(command, tmp_path):
    run(command, cwd=PROJECT, environ={"PYTHONHOME": str(tmp_path)})


def test_pythonpath_that_a_program_sets_for_its_children_is_honoured(tmp_path):
    (tmp_path / "given.py").write_text("value = 1\n")
    code = (
        "import os, subprocess, sys;"
        f"os.environ['PYTHONPATH'] = {str(tmp_path)!r};"
        "subprocess.run([sys.executable, '-c', 'import given, flask'], check=True)"
    )
    run([str(PROJECT / "bin/python"), "-c", code], cwd=PROJECT)


def test_the_build_tools_are_not_among_the_eggs():
    code = (
        "import importlib.util as u; print([n for n in ('pip', 'zc', 'wheel') if u.find_spec(n)])"
    )
    assert run([str(PROJECT / "bin/python"), "-c", code], cwd="/").stdout == "[]\n"


def test_the_build_sees_no_application():
    code = (
        "import importlib.util as u;"
        "print([n for n in ('flask', 'carboy', 'portal', 'pytest') if u.find_spec(n)])"
    )
    python = PROJECT / "parts/buildout/bin/python"
    assert run([str(python), "-c", code], cwd="/").stdout == "[]\n"


def copy_interpreter(folder):
    """Make a Python in ``folder`` that has site-packages of its own; return its executable."""
    library = Path(sysconfig.get_path("stdlib"))
    target = folder / "lib" / library.name
    target.mkdir(parents=True)
    for entry in library.iterdir():
        if entry.name not in ("site-packages", "dist-packages"):
            (target / entry.name).symlink_to(entry)
    python = folder / "bin" / library.name
    python.parent.mkdir()
    shutil.copy(os.path.realpath(base_python()), python)
    return python


@pytest.mark.live
def test_site_packages_of_the_host(tmp_path):
    """Build with an interpreter whose own site-packages are poisoned."""
    python = copy_interpreter(tmp_path / "host")
    found = run([str(python), "-c", "import sys; print(sys.prefix)"], cwd="/", code=None)
    if found.stdout.strip() != str(tmp_path / "host"):
        pytest.skip("this Python cannot be copied")
    packages = tmp_path / "host/lib" / python.name / "site-packages"
    poison(packages, "flask", "carton", "zc", "setuptools", "pip", "packaging")
    project = Scratch(tmp_path / "project", tools=False)
    result = run([str(python), "bootstrap.py"], cwd=project.root, code=None)
    if "no package index is reachable" in result.stderr:
        pytest.skip(result.stderr.strip())
    assert result.returncode == 0, result.stderr
    project.buildout()
    project.run("bin/carton")
    code = (
        "import importlib.util as u, sys; assert sys.base_prefix.endswith('host');"
        "print([n for n in ('flask', 'pip', 'setuptools') if u.find_spec(n)])"
    )
    assert project.run("bin/python", "-c", code).stdout == "[]\n"


@pytest.mark.live
def test_a_virtual_environment_of_the_host(tmp_path):
    """Build from an activated environment, which is poisoned, too."""
    run([base_python(), "-m", "venv", "--without-pip", str(tmp_path / "host")], cwd="/")
    [packages] = (tmp_path / "host").glob("lib/python*/site-packages")
    poison(packages, "flask", "carton", "zc", "setuptools")
    project = Scratch(tmp_path / "project")
    run([str(tmp_path / "host/bin/python"), "bootstrap.py"], cwd=project.root)
    project.buildout()
    project.run("bin/carton")
    code = "import sys; print(sys.base_prefix)"
    assert project.run("bin/python", "-c", code).stdout.strip() == sys.base_prefix
