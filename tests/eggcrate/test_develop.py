import os
import re
import shutil

import pytest

from eggcrate import lockfile
from support import wheels

pytestmark = pytest.mark.live

UNREACHABLE = {"PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}

SETUP = """\
import os
from setuptools import setup

with open("builds.log", "a") as log:
    log.write(f"{{os.getpid()}}\\n")
setup(
    name="{name}", version=open("VERSION").read().strip(), {more}
    entry_points={{"console_scripts": ["{name} = {name}:main"]}},
)
"""
MODULE = "def main():\n    print('{}')\n"

# A backend as others are: a wheel, which projects require.
BACKEND = """\
import pathlib
import zipfile


def build_editable(folder, settings=None, metadata=None):
    name = pathlib.Path.cwd().name
    with zipfile.ZipFile(pathlib.Path(folder, f"{name}-1-py3-none-any.whl"), "w") as wheel:
        wheel.writestr(f"{name}.pth", str(pathlib.Path.cwd()))
        info = f"{name}-1.dist-info"
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\n")
        wheel.writestr(f"{info}/entry_points.txt", f"[console_scripts]\\n{name} = {name}:main\\n")
        wheel.writestr(f"{info}/RECORD", f"{name}.pth,,\\n")
    return f"{name}-1-py3-none-any.whl"
"""
REQUIRING = "[build-system]\nrequires = ['crating >= 1']\nbuild-backend = 'crating.api'\n"


# As hatchling has it with dev-mode-exact: a line of code in a .pth file, and a module beside it.
HOOKING = """\
import pathlib
import zipfile


def build_editable(folder, settings=None, metadata=None):
    name = "hooked-1-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        wheel.writestr("_hook_of_hooked.py", "import sys, types\\n"
                       "sys.modules['hooked'] = types.ModuleType('hooked')\\n")
        wheel.writestr("_hooked.pth", "import _hook_of_hooked\\n")
        wheel.writestr("hooked-1.dist-info/METADATA",
                       "Metadata-Version: 2.1\\nName: hooked\\nVersion: 1\\n")
        wheel.writestr("hooked-1.dist-info/WHEEL", "Wheel-Version: 1.0\\n")
        wheel.writestr("hooked-1.dist-info/RECORD", "")
    return name
"""


def test_the_hook_of_any_backend_is_run(scratch):
    scratch.write(
        "hooked/pyproject.toml",
        "[build-system]\nrequires = []\nbuild-backend = 'hooking'\nbackend-path = ['.']\n",
    )
    scratch.write("hooked/hooking.py", HOOKING)
    scratch.write("local.cfg", "[buildout]\ndevelop += hooked\n[python]\neggs += hooked\n")
    scratch.build()
    for _ in range(2):
        assert scratch.run("bin/python", "-c", "import hooked").stderr == ""
        assert scratch.run("bin/carton").stderr == ""
        whole(scratch)


@pytest.fixture
def trees(scratch):
    """A project that develops three more in trees/: no src/, with it, and pyproject.toml only."""
    for name, folder, more in (
        ("flat", "flat", "py_modules=['flat'], packages=['flatter'],"),
        ("deep", "deep/src", "package_dir={'': 'src'}, packages=['deep'],"),
    ):
        root = f"trees/{name}"
        scratch.write(f"{root}/setup.py", SETUP.format(name=name, more=more))
        scratch.write(f"{root}/VERSION", "1.0\n")
        module = "deep/__init__.py" if name == "deep" else "flat.py"
        scratch.write(f"trees/{folder}/{module}", MODULE.format(name))
    scratch.write("trees/flat/flatter/__init__.py", "")
    scratch.write(
        "trees/plain/pyproject.toml",
        "[build-system]\nrequires = ['setuptools >= 61']\n"
        "build-backend = 'setuptools.build_meta'\n[project]\nname = 'plain'\nversion = '1.0'\n"
        "[project.scripts]\nplain = 'plain:main'\n[tool.setuptools]\npy-modules = ['plain']\n",
    )
    scratch.write("trees/plain/plain.py", MODULE.format("plain"))
    names = "\n    flat\n    deep\n    plain\n"
    scratch.write(
        "local.cfg",
        f"[buildout]\ndevelop += trees/*\n[carton]\narguments =\neggs +={names}scripts ={names}"
        f"[python]\neggs +={names}",
    )
    scratch.bootstrap()
    return scratch


def whole(scratch, *arguments, **kwargs):
    """Run the whole of bin/buildout."""
    (scratch.root / "parts/fingerprint.json").unlink(missing_ok=True)
    return scratch.buildout(*arguments, **kwargs)


def builds(scratch):
    """Return how many processes have built each project that writes it down."""
    return {
        path.parent.name: len(set(path.read_text().splitlines()))
        for path in scratch.root.rglob("builds.log")
    }


def installed(scratch):
    """Return what buildout takes for its develop eggs: the last of what its file says."""
    text = (scratch.root / ".installed.cfg").read_text()
    return re.findall(r"^installed_develop_eggs = ((?:.*\n\t)*.*)$", text, re.MULTILINE)[-1]


def develop_eggs(scratch):
    return {
        str(path.relative_to(scratch.root)): path.read_bytes()
        for path in (scratch.root / "develop-eggs").rglob("*")
        if path.is_file()
    }


def test_develop_eggs_are_made_without_an_index(trees):
    trees.buildout(environ=UNREACHABLE)
    for name in ("flat", "deep", "plain"):
        assert trees.run(f"bin/{name}", cwd="/").stdout == f"{name}\n"
    names = {name.split("/")[1] for name in develop_eggs(trees)}
    assert {"flat.egg-link", "flat-1.0.dist-info", "plain.egg-link", "deep-1.0.dist-info"} <= names
    trees.run("bin/python", "-c", "import carton")


def test_what_has_not_changed_is_not_built_again(trees):
    trees.buildout()
    before = develop_eggs(trees), installed(trees)
    first = builds(trees)
    assert first == {"flat": 1, "deep": 1}
    whole(trees)
    assert builds(trees) == first
    assert (develop_eggs(trees), installed(trees)) == before


def test_what_a_killed_run_has_left_goes(trees):
    left = trees.root / "develop-eggs/tmp1_x2build"
    left.mkdir(parents=True)
    trees.buildout()
    assert left.is_dir()  # it may be at work
    os.utime(left, (1, 1))
    whole(trees)
    assert not left.exists()


CHANGES = (
    lambda root: (root / "VERSION").write_text("1.1"),
    lambda root: (root / "setup.py").write_text((root / "setup.py").read_text() + "\n"),
    lambda root: (root / "setup.cfg").write_text("[metadata]\nurl = https://example.com\n"),
    lambda root: (root / "src/deep/more.py").touch(),
)


def test_what_has_changed_is_built_again(trees):
    trees.buildout()
    code = "from importlib.metadata import version; print(version('deep'))"
    for number, change in enumerate(CHANGES, 2):
        change(trees.root / "trees/deep")
        assert trees.buildout().stdout != "Nothing has changed.\n"
        assert builds(trees) == {"flat": 1, "deep": number}
        assert trees.run("bin/python", "-c", code).stdout == "1.1\n"


def test_a_failure_is_told_in_a_line_and_mended(trees):
    trees.buildout()
    good = (trees.root / "trees/flat/setup.py").read_text()
    trees.write("trees/flat/setup.py", "raise SystemExit('no such luck')\n")
    result = trees.buildout(code=1)
    assert "no such luck" in result.stdout
    error = result.stderr.splitlines()[-1]
    folder = trees.root / "trees/flat"
    assert error == f"Error: {folder} cannot be built: its build backend failed, as is said above"
    trees.write("trees/flat/setup.py", good)
    trees.buildout()
    trees.run("bin/flat")


@pytest.fixture
def requiring(scratch):
    """A project with a develop egg whose build backend is a distribution of its own."""
    (scratch.root / "links").mkdir()
    wheels.wheel(scratch.root / "links", "crating", "1.5", files={"crating/api.py": BACKEND,
                 "crating/__init__.py": ""})  # fmt: skip
    scratch.write("trees/odd/pyproject.toml", REQUIRING)
    scratch.write("trees/odd/odd.py", MODULE.format("odd"))
    scratch.write(
        "local.cfg",
        "[buildout]\ndevelop += trees/odd\nfind-links = links\n[versions]\ncrating = 1.5\n"
        "[carton]\neggs += odd\nscripts = odd\narguments =\n",
    )
    scratch.bootstrap()
    return scratch


def lock(scratch):
    scratch.write(lockfile.LOCAL, lockfile.dumps(wheels.lock(scratch.root / "links")))


def test_a_backend_comes_from_the_lock(requiring):
    lock(requiring)
    requiring.buildout(environ=UNREACHABLE)
    assert requiring.run("bin/odd").stdout == "odd\n"
    assert "crating" not in (requiring.root / ".installed.cfg").read_text()
    code = "import importlib.util; print(importlib.util.find_spec('crating'))"
    assert requiring.run("bin/python", "-c", code).stdout == "None\n"
    assert requiring.buildout(environ=UNREACHABLE).stdout == "Nothing has changed.\n"


def test_a_backend_that_is_not_locked_is_named(requiring):
    result = requiring.buildout(code=1)
    error = result.stderr.partition("Error: ")[2]
    assert error.startswith("odd needs crating >= 1 to be built: ")
    assert "versions.lock" in error
    assert not list((requiring.root / "eggs").rglob("crating*"))


def test_another_backend_builds_again(requiring):
    lock(requiring)
    requiring.buildout()
    source = requiring.root / "links/crating-1.5-py3-none-any.whl"
    source.unlink()
    changed = BACKEND.replace('f"{name}.pth", str', 'f"other_{name}.pth", str')
    wheels.wheel(requiring.root / "links", "crating", "1.6",
                 files={"crating/api.py": changed, "crating/__init__.py": ""})  # fmt: skip
    lock(requiring)
    text = (requiring.root / "local.cfg").read_text()
    requiring.write("local.cfg", text.replace("crating = 1.5", "crating = 1.6"))
    requiring.buildout()
    assert (requiring.root / "develop-eggs/other_odd.pth").is_file()
    assert not (requiring.root / "develop-eggs/odd.pth").exists()


EXTENSION = """\
#include <Python.h>
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "quick", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_quick(void) {
    PyObject *module = PyModule_Create(&definition);
    PyModule_AddIntConstant(module, "number", NUMBER);
    return module;
}
"""


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler on this machine")
def test_an_extension_is_built_by_the_recipe_with_its_options(scratch):
    scratch.write("trees/quick/quick.c", EXTENSION)
    scratch.write(
        "trees/quick/setup.py",
        "from setuptools import Extension, setup\n"
        "setup(name='quick', version='1', ext_modules=[Extension('quick', ['quick.c'])])\n",
    )
    scratch.write(
        "local.cfg",
        "[buildout]\nparts = quick python\n[quick]\nrecipe = zc.recipe.egg:develop\n"
        "setup = trees/quick\ndefine = NUMBER\n[python]\neggs += quick\n",
    )
    scratch.write("buildout.cfg", "[buildout]\nextends = base.cfg versions.cfg local.cfg\n")
    scratch.build()
    code = "import quick; print(quick.number)"
    assert scratch.run("bin/python", "-c", code).stdout == "1\n"
    # A compiler reads what nobody sees: such a project is built in every run.
    assert scratch.buildout().stdout != "Nothing has changed.\n"
    assert scratch.run("bin/python", "-c", code).stdout == "1\n"
