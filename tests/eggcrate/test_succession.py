import pytest

pytestmark = pytest.mark.live

# Recipes that make things of their own, as others do: in the order of their option `does`.
RECIPE = """\
import os, sys
import pkg_resources
from zc.buildout import easy_install


class Maker:
    def __init__(self, buildout, name, options):
        self.buildout, self.options = buildout, options
        self.made = []
        folders = buildout["buildout"]
        self.location = os.path.join(folders["parts-directory"], name)
        self.commands = folders["bin-directory"]
        self.target = os.path.join(self.commands, "tool")

    def install(self):
        for name in self.options["does"].split():
            getattr(self, name)()
        return self.made

    update = install

    def folder(self):
        os.mkdir(self.location)
        self.made.append(self.location)
        with open(os.path.join(self.location, "conf"), "w") as file:
            file.write(self.options["text"])

    def link(self):
        os.symlink(self.options["text"], self.target)
        self.made.append(self.target)

    def write(self):
        with open(self.target, "w") as file:
            file.write(self.options["text"])
        self.made.append(self.target)

    def scripts(self):
        found = pkg_resources.WorkingSet([])
        for egg in easy_install.install(["carton"], None, path=[
            self.buildout["buildout"]["develop-eggs-directory"]
        ]):
            found.add(egg)
        self.made += easy_install.scripts(
            ["carton"], found, sys.executable, self.commands, interpreter="it"
        )
"""
MAKER = """\
from setuptools import setup

setup(
    name="maker", version="1.0", py_modules=["maker"],
    entry_points={"zc.buildout": ["default = maker:Maker"]},
)
"""


@pytest.fixture
def made(scratch):
    """Return what makes a part, by a recipe that does this with that text."""
    scratch.write("maker/setup.py", MAKER)
    scratch.write("maker/maker.py", RECIPE)
    scratch.bootstrap()

    def make(does, text, more=""):
        scratch.write(
            "local.cfg",
            f"[buildout]\ndevelop += maker\nparts += made\n{more}\n"
            f"[made]\nrecipe = maker\ndoes = {does}\ntext = {text}\n",
        )
        return scratch.buildout()

    return make


@pytest.mark.parametrize("does", ["folder scripts", "scripts folder"])
def test_a_recipe_has_its_folder_and_gets_it_empty(scratch, made, does):
    for text in ("one", "two"):
        made(does, text)
        assert (scratch.root / "parts/made/conf").read_text() == text
        assert [path.name for path in (scratch.root / "parts/made").iterdir()] == ["conf"]
        scratch.run("bin/it", "-c", "import carton")


def test_a_link_of_a_recipe_is_removed_first(scratch, made):
    for text in ("base.cfg", "setup.py"):
        made("link", scratch.root / text)
        assert (scratch.root / "bin/tool").resolve() == scratch.root / text
    scratch.write("local.cfg", "[buildout]\ndevelop += maker\n")
    scratch.buildout()
    assert not (scratch.root / "bin/tool").is_symlink()


def test_nobody_writes_to_the_program_that_was_linked(scratch, made):
    egg = scratch.root / "eggs/tool-1.0-py3-any.egg/bin/tool"
    scratch.write(str(egg), "program")
    made("link", egg)
    made("write", "another")
    assert (scratch.root / "bin/tool").read_text() == "another"
    assert egg.read_text() == "program"


def test_what_is_elsewhere_is_removed_at_once(scratch, made, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    made("scripts", "", f"bin-directory = {elsewhere}\n")
    assert (elsewhere / "it").is_file()
    scratch.write("local.cfg", f"[buildout]\ndevelop += maker\nbin-directory = {elsewhere}\n")
    scratch.buildout()
    assert not (elsewhere / "it").exists()
    assert (elsewhere / "carton").is_file()


def test_a_build_that_fails_leaves_the_commands(scratch):
    scratch.build()
    scratch.write("local.cfg", "[carton]\neggs =\n    carton\n    nowhere-to-be-found\n")
    scratch.buildout("buildout:index=file:///nowhere/", code=1)
    scratch.run("bin/carton")
    scratch.run("bin/python", "-c", "import carton")
    (scratch.root / "local.cfg").unlink()
    scratch.buildout()
    scratch.run("bin/carton")
    assert not (scratch.root / "parts/replaced.json").exists()


def test_a_renamed_command_goes_when_the_build_has_succeeded(scratch):
    scratch.build()
    part = "[carton]\nscripts = carton=box\neggs =\n    carton\n    nowhere-to-be-found\n"
    scratch.write("local.cfg", part)
    scratch.buildout("buildout:index=file:///nowhere/", code=1)
    assert (scratch.root / "bin/carton").is_file()
    scratch.write("local.cfg", "[carton]\nscripts = carton=box\n")
    scratch.buildout()
    assert not (scratch.root / "bin/carton").exists()
    scratch.run("bin/box")
