"""Other people's recipes and extensions are run as zc.buildout runs them."""

import pytest

from support import twins
from support.wheels import download, setup_py

pytestmark = pytest.mark.live

PROJECT = """\
[buildout]
extends = versions.cfg
find-links = ../links
develop = recipes
parts = written

[written]
recipe = recipes:writer
file = ${buildout:parts-directory}/written.txt
text = one
"""

SETUP = """\
from setuptools import setup

setup(
    name="recipes", version="1.0", py_modules=["recipes"],
    entry_points={
        "zc.buildout": ["writer = recipes:Writer"],
        "zc.buildout.uninstall": ["writer = recipes:uninstall"],
    },
)
"""

RECIPES = """\
import zc.buildout


class Writer:
    def __init__(self, buildout, name, options):
        self.options = options
        options["folder"] = buildout["buildout"]["directory"]

    def install(self):
        options = self.options
        options.created(options["file"])
        with open(options["file"], "w") as file:
            file.write(options["text"])
        if options.get("fail") == "user":
            raise zc.buildout.UserError("the text is no good")
        if options.get("fail") == "bug":
            raise ArithmeticError("a bug of the recipe's own")
        return options.created()

    def update(self):
        with open("updated.txt", "a") as file:
            file.write("updated\\n")


def uninstall(name, options):
    with open("uninstalled.txt", "a") as file:
        file.write(f"{name} {options['text']}\\n")
"""


@pytest.fixture(scope="module")
def project(pair):
    """Both projects, which the tests of this module change one after the other."""
    pair.write("recipes/setup.py", SETUP)
    pair.write("recipes/recipes.py", RECIPES)
    pair.configure(PROJECT)
    pair.build()
    return pair


def texts(project, name):
    """Return what is in a file of the project, which is the same in both."""
    stock, ours = (
        (twin.root / name).read_text() if (twin.root / name).exists() else None
        for twin in (project.stock, project.ours)
    )
    assert stock == ours
    return ours


def test_a_part_is_installed_updated_and_uninstalled(project):
    assert texts(project, "parts/written.txt") == "one"
    project.build()
    project.build()
    assert texts(project, "updated.txt") == "updated\n" * 2
    stock, ours = project.build("written:text=two")
    said = ("Uninstalling", "Running", "Installing", "Updating")
    assert stock.lines(*said) == ours.lines(*said)
    assert texts(project, "parts/written.txt") == "two"
    assert texts(project, "uninstalled.txt") == "written one\n"
    project.build("buildout:parts=")
    assert texts(project, "parts/written.txt") is None
    assert texts(project, "uninstalled.txt") == "written one\nwritten two\n"


@pytest.mark.parametrize("fail", ["user", "bug"])
def test_what_a_failing_part_has_created_is_removed(project, fail):
    stock, ours = project.build(f"written:fail={fail}", code=1)
    assert texts(project, "parts/written.txt") is None
    assert stock.err.splitlines()[0:2] == ours.err.splitlines()[0:2] == [
        "While:", "  Installing written."]  # fmt: skip
    assert stock.err.splitlines()[-1] == ours.err.splitlines()[-1]
    project.build()
    assert texts(project, "parts/written.txt") == "one"


# As mr.developer does: the extension decides what is developed, and adds a part.
SWITCHING = PROJECT.replace("[buildout]", "[buildout]\nswitch = switched\nextensions += switcher")


def test_another_extension_may_change_the_configuration(project):
    setup = setup_py(
        "switched", source="src", modules=["switched"], console=["switched = switched:main"]
    )
    project.write("switched/setup.py", setup)
    project.write("switched/src/switched.py", "def main():\n    print('switched')\n")
    project.configure(SWITCHING)
    stock, ours = project.build()
    said = ("Develop", "Installing switched", "Switch")
    assert stock.lines(*said) == ours.lines(*said)
    assert "Switched back." in ours.out
    assert project.run("switched").out == "switched\n"


# --- from the index -----------------------------------------------------------------------------

PUBLIC = {
    "collective.recipe.template": "3.0.0",
    "zc.recipe.testrunner": "5.0",
    "zope.exceptions": "6.0",
    "zope.interface": "8.7",
    "zope.testrunner": "8.3",
}
TESTED = """\
[buildout]
extends = versions.cfg
find-links = ../links
allow-picked-versions = false
develop = project
parts =
    settings
    greeting
    test

[server]
port = 8080

[settings]
recipe = collective.recipe.template
input = settings.in
output = ${{buildout:directory}}/etc/settings.ini

[greeting]
recipe = collective.recipe.template
inline =
    #!/bin/sh
    echo "port ${{server:port}} of ${{settings:output}}"
output = ${{buildout:bin-directory}}/greeting
mode = 755

[test]
recipe = zc.recipe.testrunner
eggs = project
defaults = ["--auto-color", "-vv"]
environment = test-environment
initialization =
    import os
    os.environ["MARK"] = "initialized"

[test-environment]
WORD = from the environment

[versions]
{versions}
"""
TEST = """\
import os
import unittest


class ItTest(unittest.TestCase):
    def test_it(self):
        import project

        self.assertEqual(os.environ["WORD"], "from the environment")
        self.assertEqual(os.environ["MARK"], "initialized")
        self.assertEqual(os.path.basename(os.getcwd()), "test")
"""


@pytest.fixture(scope="module")
def tested(stock, tmp_path_factory):
    """Both projects, with recipes of others."""
    folder = tmp_path_factory.mktemp("public")
    download(PUBLIC, folder / "links")
    made = twins.make(folder, stock)
    versions = "\n".join(f"{name} = {version}" for name, version in PUBLIC.items())
    made.configure(TESTED.format(versions=versions))
    made.write("settings.in", "port = ${server:port}\nwhere = ${buildout:directory}\n")
    made.write("project/setup.py", setup_py("project", source="src", modules=[]))
    made.write("project/src/project/__init__.py", "")
    made.write("project/src/project/tests/__init__.py", "")
    made.write("project/src/project/tests/test_it.py", TEST)
    return made, made.build()


def test_a_template_is_rendered(tested):
    project, _said = tested
    assert project.run("greeting").out == "port 8080 of ROOT/etc/settings.ini\n"
    for twin in (project.stock, project.ours):
        text = (twin.root / "etc/settings.ini").read_text()
        assert text == f"port = 8080\nwhere = {twin.root}\n"


def test_tests_are_run(tested):
    project, (stock, ours) = tested
    assert stock.lines("Installing") == ours.lines("Installing")
    for twin in (project.stock, project.ours):
        said = twin.run("test", "-m", "project", cwd=twin.root.parent)
        assert "Ran 1 tests with 0 failures" in said.out


def test_a_changed_template_is_rendered_again(tested):
    project, _said = tested
    project.write("settings.in", "changed = ${server:port}\n")
    stock, ours = project.build("-N")
    said = ("Uninstalling", "Installing", "Updating")
    assert stock.lines(*said) == ours.lines(*said)
    assert texts(project, "etc/settings.ini") == "changed = 8080\n"
