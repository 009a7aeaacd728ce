"""A project in which all may change that a run of bin/buildout goes by."""

from eggcrate import lockfile
from support import wheels
from support.scratch import Scratch

STILL = "Nothing has changed.\n"
# What bin/buildout asks itself first.
ASK = """\
import pathlib, sys
from eggcrate import fingerprint
root = pathlib.Path(sys.argv[1])
print(fingerprint.said(root, fingerprint.identity(root, sys.argv[2:])))
"""
RECIPE = """\
import pathlib
import subprocess


class Render:
    def __init__(self, buildout, name, options):
        self.buildout, self.options = buildout, options
        self.text = pathlib.Path(options["input"]).read_text()

    def install(self):
        output = pathlib.Path(self.options["output"])
        output.write_text(self.text)
        folder = pathlib.Path("parts/rendered")
        folder.mkdir(exist_ok=True)
        if "touch" in self.options:
            with open(self.options["touch"], "a") as file:
                file.write("# saved meanwhile\\n")
        if "run" in self.options:
            subprocess.run(self.options["run"].split(), check=True, timeout=60)
        return [str(output), str(folder)]

    update = install
"""
SETUP = """\
from setuptools import find_packages, setup

setup(
    name="carton", version=open("VERSION").read().strip(), py_modules=["carton"],
    package_dir={"": "src"}, packages=find_packages("src"), install_requires=["always"],
    entry_points={"console_scripts": ["carton = carton:main"]},
)
"""
LOCAL = """\
[buildout]
develop += trees/*
parts += page
find-links = links
eggcrate-still = render

[versions]
always = 1.0
render = 1.0

[page]
recipe = render
input = page.in
output = ${buildout:parts-directory}/page.out

[page:'EGGCRATE_PAGE' in os.environ]
input = other.in
"""


def fill(project: Scratch) -> Scratch:
    """Add all that may change to a project that is not built yet."""
    links = project.root / "links"
    links.mkdir()
    wheels.wheel(links, "always", files={"always/__init__.py": "", "always/more.py": ""})
    wheels.wheel(links, "render", files={"render.py": RECIPE},
                 entry_points="[zc.buildout]\ndefault = render:Render\n")  # fmt: skip
    project.write(lockfile.LOCAL, lockfile.dumps(wheels.lock(links)))
    project.write("setup.py", SETUP)
    project.write("VERSION", "1.0\n")
    project.write("page.in", "a page\n")
    project.write("other.in", "another page\n")
    project.write("trees/one/setup.py", "from setuptools import setup\nsetup(name='one')\n")
    project.write("local.cfg", LOCAL)
    (project.root / "home").mkdir()
    return project


def build(project, *arguments, environ=None, **kwargs):
    environ = {"HOME": str(project.root / "home"), **(environ or {})}
    return project.buildout(*arguments, environ=environ, **kwargs).stdout


def is_still(project, *arguments, environ=None, cwd=None):
    """Tell whether bin/buildout would leave out the run."""
    python = project.root / "parts/buildout/bin/python"
    environ = {"HOME": str(project.root / "home"), **(environ or {})}
    said = project.run(python, "-c", ASK, project.root, *arguments, environ=environ, cwd=cwd)
    assert said.stdout in ("['Nothing has changed.']\n", "None\n")
    return said.stdout != "None\n"
