"""What zc.buildout builds is built with eggcrate, too: the same project, once by each."""

import pytest

from support import assortment, twins
from support.wheels import setup_py

pytestmark = pytest.mark.live

BUILDOUT = """\
[buildout]
extends =
    versions.cfg
    pins.cfg
    base.cfg
optional-extends = local.cfg
find-links = {links}
allow-picked-versions = false
"""

BASE = """\
[buildout]
develop =
    application
    libs/*
parts =
    application
    greeter
    unnamed
parts -=
    unnamed

[application]
recipe = zc.recipe.egg

[greeter]
recipe = zc.recipe.egg
"""

# A person's own file: it adds to what is extended, and wins over it.
LOCAL = """\
[buildout]
parts +=
    renamed
    silent
    unknown
    called
    initialized
    dependent
    pathed
    relative
    py
    eggs
    scripts
    custom
    develop
    namespaces
    loud
    marked
    unbuilt
    conditional

[words]
first = one
second = ${:first}-two

[greeter]
scripts =
    greet
    shout

[renamed]
recipe = zc.recipe.egg
eggs = greeter
scripts = greet=hello

[silent]
<= renamed
scripts =

[unknown]
<= renamed
scripts = none

[called]
<= renamed
scripts = greet=called
arguments = "${words:second}", 2, key=['v']

[initialized]
<= called
scripts = greet=initialized
initialization =
    import sys
    if sys.argv:
        sys.argv[1:] = ["from", "initialization"]

[dependent]
recipe = zc.recipe.egg
eggs = bundle
dependent-scripts = true
scripts =
    bundle
    dotted
    greet=dependent-greet

[pathed]
recipe = zc.recipe.egg
eggs = greeter
extra-paths =
    extra
    ${buildout:directory}/more
entry-points =
    show=extra_module:main
    deep=more_package.module:Class.method
scripts =
    show
    deep

[relative]
<= renamed
scripts = greet=relative
relative-paths = true

[py]
recipe = zc.recipe.egg
eggs =
    greeter[loud]
    application
interpreter = py
scripts = greet=py-greet

[eggs]
recipe = zc.recipe.egg:eggs
eggs = bullhorn

[scripts]
recipe = zc.recipe.egg:scripts
eggs = Dotted.Name
scripts = dotted=scripts-dotted

[custom]
recipe = zc.recipe.egg:custom
egg = tailored

[develop]
recipe = zc.recipe.egg:develop
setup = ${buildout:directory}/apart

[namespaces]
recipe = zc.recipe.egg
eggs =
    application
    native.one
    native.two
    old.one
    old.two
    tailored
    apart
scripts = application=namespaces
arguments = "native.one", "native.two", "native.tree", "old.one", "old.two", "tailored", "apart"

[loud]
recipe = zc.recipe.egg
eggs = greeter [loud]
scripts = shout=loud

[marked]
recipe = zc.recipe.egg
eggs =
    greeter; python_version > "3"
    missing; python_version < "3"
scripts = greet=marked

[unbuilt]
recipe = zc.recipe.egg

[conditional]
recipe = zc.recipe.egg
eggs = greeter

[conditional: python_version > "3"]
scripts = greet=conditional

[conditional: python_version < "3"]
scripts = greet=other
"""

PINS = """\
[versions]
always = 1.0
bullhorn = 1.0
bundle = 1.0
dotted.name = 2.0
fussy = 1.0
Greeter = 1.0
native-one = 1.0
native_two = 1.0
old.one = 1.0
old.two = 1.0
older.one = 1.0
older.two = 1.0
tailored = 1.0
unbuilt = 1.0
"""

APPLICATION = """\
import importlib
import sys


def main(*names):
    print([getattr(importlib.import_module(name), "name", name) for name in names])
    print("application", sys.argv[1:])
"""

TREES = {
    "application/setup.py": setup_py(
        "application", source="src", modules=["application"], requires=["flat", "modern"],
        console=["application = application:main"],
    ),
    "application/src/application.py": APPLICATION,
    "libs/flat/setup.py": setup_py("flat", modules=["flat"]),
    "libs/flat/flat.py": "name = 'flat'\n",
    "libs/modern/pyproject.toml": "[build-system]\nrequires = ['setuptools']\n"
    "build-backend = 'setuptools.build_meta'\n[project]\nname = 'modern'\nversion = '1.0'\n"
    "[tool.setuptools]\npackage-dir = {'' = 'src'}\n",
    "libs/modern/src/native/tree/__init__.py": "name = 'native tree'\n",
    "apart/setup.py": setup_py("apart", modules=["apart"]),
    "apart/apart.py": "name = 'apart'\n",
    "extra/extra_module.py": "def main():\n    print('extra')\n",
    "more/more_package/__init__.py": "",
    "more/more_package/module.py": "class Class:\n    @staticmethod\n    def method():\n"
    "        print('deep')\n        return 3\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def built(stock, tmp_path_factory):
    """Both twins of the project, and what was said when they were built."""
    folder = tmp_path_factory.mktemp("stock")
    assortment.fill(folder / "links")
    pair = twins.make(folder, stock)
    for name, text in TREES.items():
        pair.write(name, text)
    pair.configure(BUILDOUT.format(links=folder / "links"))
    pair.write("base.cfg", BASE)
    pair.write("local.cfg", LOCAL)
    pair.write("pins.cfg", PINS)
    return pair, pair.build()


def test_the_same_parts_are_made_in_the_same_order(built):
    _pair, (stock, ours) = built
    said = ("Develop:", "Installing", "While", "Couldn't")
    assert stock.lines(*said) == ours.lines(*said)
    assert len(stock.lines("Installing ")) == 20


def test_the_same_files_are_made(built):
    pair, _said = built
    assert pair.stock.commands() == pair.ours.commands()
    for pattern in ("eggs/v5/*", "develop-eggs/*.egg-link"):
        assert pair.stock.names(pattern) == pair.ours.names(pattern)


GREET = "greet ['a b', ''] {}\n"


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("application", "[]\napplication ['a b', '']\n"),
        ("greet", GREET.format("() []")),
        ("hello", GREET.format("() []")),
        ("called", GREET.format("('one-two', 2) [('key', ['v'])]")),
        ("initialized", "greet ['from', 'initialization'] ('one-two', 2) [('key', ['v'])]\n"),
        ("bundle", "bundle\n"),
        ("dotted", "dotted\n"),
        ("dependent-greet", GREET.format("() []")),
        ("show", "extra\n"),
        ("relative", GREET.format("() []")),
        ("py-greet", GREET.format("() []")),
        ("scripts-dotted", "dotted\n"),
        ("loud", "SHOUT1.0\n"),
        ("marked", GREET.format("() []")),
        ("unbuilt", "unbuilt ['a b', '']\n"),
        ("conditional", GREET.format("() []")),
        ("namespaces", "['native one', 'native two', 'native tree', 'old one', 'old two', "
         "'tailored', 'apart']\napplication ['a b', '']\n"),
    ],
)  # fmt: skip
def test_commands_print_the_same(built, command, output):
    pair, _said = built
    assert pair.run(command, "a b", "").out == output


@pytest.mark.parametrize(("command", "code"), [("deep", 3), ("shout", 1)])
def test_commands_end_with_the_same_code(built, command, code):
    pair, _said = built
    pair.run(command, code=code)


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["script.py", "a b"], "['script.py', 'a b'] __main__ application\n"),
        (["-c", "import bullhorn, flat; print(flat.name)"], "flat\n"),
        (["-Ic", "import bullhorn; print(bullhorn.version)"], "1.0\n"),
        (["-m", "greeter"], ""),
    ],
)
def test_interpreters_understand_the_same(built, arguments, output):
    pair, _said = built
    text = "import sys, bullhorn, application as a\nprint(sys.argv, __name__, a.__name__)\n"
    pair.write("script.py", text)
    assert pair.run("py", *arguments).out == output


def test_scripts_with_relative_paths_survive_a_move(built):
    pair, _said = built
    for twin in (pair.stock, pair.ours):
        there = twin.root.with_name("moved")
        twin.root.rename(there)
        try:
            assert twin.run(str(there / "bin" / "relative"), "a", cwd=there).out.startswith("greet")
        finally:
            there.rename(twin.root)


def test_a_second_run_changes_nothing(built):
    """Stock writes its scripts a second time, as it finds the eggs in another order."""
    pair, _said = built
    before = _commands(pair.ours)
    stock, ours = pair.build()
    assert stock.lines("Uninstalling", "Installing") == ours.lines("Uninstalling", "Installing")
    assert _commands(pair.ours) == before


def _commands(twin):
    return {name: (twin.root / name).read_text() for name in twin.commands()}


# What a person changes in local.cfg after all that, and what has to happen.
CHANGES = [
    ("\n    renamed\n", "\n", "a part is no longer named"),
    ("[dependent]", "[subordinate]", "a section is renamed"),
    ("\n    dependent\n", "\n    subordinate\n", "and so is its part"),
    ("first = one", "first = uno", "an option that another one refers to is changed"),
    ("scripts = greet=marked", "scripts = greet=noted", "a script is renamed"),
]


def test_changed_parts_are_made_again_and_removed_ones_go(built):
    pair, _said = built
    changed = LOCAL
    for old, new, _what in CHANGES:
        assert changed.count(old) == 1
        changed = changed.replace(old, new)
    pair.write("local.cfg", changed)
    stock, ours = pair.build("-N")
    said = ("Uninstalling", "Installing", "Updating")
    assert stock.lines(*said) == ours.lines(*said)
    assert "Uninstalling renamed." in stock.out
    assert "Installing subordinate." in stock.out
    assert pair.stock.commands() == pair.ours.commands()
    assert {"bin/hello", "bin/marked"}.isdisjoint(pair.ours.commands())
    assert pair.run("called").out == "greet [] ('uno-two', 2) [('key', ['v'])]\n"
    assert pair.run("noted").out == "greet [] () []\n"
