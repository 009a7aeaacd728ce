"""What a person can do wrong is told as zc.buildout tells it, or better."""

import pytest

pytestmark = pytest.mark.live

PROJECT = """\
[buildout]
extends = versions.cfg
find-links = ../links
parts = part

[part]
recipe = zc.recipe.egg
eggs = {eggs}

{more}
[versions]
always = 1.0
bundle = 1.0
bullhorn = 1.0
dotted-name = 2.0
fussy = 1.0
greeter = 1.0
"""


@pytest.fixture
def project(pair):
    pair.clear()
    return pair


def fail(project, *arguments, eggs="always", more=""):
    """Build both, which must fail, and return what was said."""
    project.configure(PROJECT.format(eggs=eggs, more=more))
    stock, ours = project.build(*arguments, code=1)
    assert "Traceback" not in ours.err, ours.err
    assert project.stock.commands() == project.ours.commands()
    return stock, ours


SAME = {
    "unpinned": ({}, ["versions:always=", "allow-picked-versions=false"], "Picked: always = 1.0"),
    "conflict": ({"eggs": "bullhorn\n  fussy"}, ["versions:bullhorn=2.0"],
                 "The requirement ('bullhorn<2') is not allowed by your [versions] constraint"),
    "extra": ({"eggs": "greeter[soft]"}, [], "Couldn't find the required extra."),
    "section": ({}, ["parts=other"], "The referenced section, 'other', was not defined."),
    "option": ({"eggs": "${other:eggs}", "more": "[other]"}, [],
               "Referenced option does not exist: other eggs"),
    "circle": ({"eggs": "${other:eggs}", "more": "[other]\neggs = ${part:eggs}\n"}, [],
               "Circular reference in substitutions."),
    "macro": ({"more": "[part]\n<= nothing\n"}, [], "No section named 'nothing'"),
    "boolean": ({"more": "[part]\ndependent-scripts = yes\n"}, [],
                "Invalid value for dependent-scripts option: yes"),
    "entry point": ({"more": "[part]\nentry-points = main\n"}, [], "Invalid entry point"),
    "file": ({}, ["-c", "nothing.cfg"], "Couldn't open ROOT/nothing.cfg"),
    "command": ({}, ["fly"], "invalid command: fly"),
    "query": ({}, ["query", "part:wings"], "Key not found: wings"),
}  # fmt: skip


@pytest.mark.parametrize(("written", "arguments", "error"), SAME.values(), ids=SAME)
def test_errors_are_those_of_stock(project, written, arguments, error):
    stock, ours = fail(project, *arguments, **written)
    assert ours.error.startswith(error)
    assert ours.err == stock.err


# Stock ends each of these with a traceback of its own.
CLEARER = {
    "requirement": ({"eggs": "always 1.0"}, [],
                    "'always 1.0' does not name a distribution, as in 'name', 'name[extra]' or"),
    "recipe": ({"more": "[part]\nrecipe = zc.recipe.egg:wings\n"}, [],
               "there is no recipe zc.recipe.egg:wings; zc.recipe.egg has zc.recipe.egg:custom, "),
    "extends": ({}, ["-c", "extends.cfg"], "Couldn't open ROOT/gone.cfg: No such file"),
    "syntax": ({}, ["-c", "syntax.cfg"], "File contains no section headers.\nfile: ROOT/"),
}  # fmt: skip


@pytest.mark.parametrize(("written", "arguments", "error"), CLEARER.values(), ids=CLEARER)
def test_errors_are_clearer_than_those_of_stock(project, written, arguments, error):
    project.write("extends.cfg", "[buildout]\nextends = gone.cfg\n")
    project.write("syntax.cfg", "parts\n")
    stock, ours = fail(project, *arguments, **written)
    assert "Traceback" in stock.err
    assert ours.error.startswith(error)


def test_what_there_is_not_is_not_in_the_lock(project):
    more = "[part]\nrecipe = no.such.recipe\n"
    stock, ours = fail(project, more=more)
    assert stock.error.startswith("Couldn't find a distribution for 'no.such.recipe'.")
    assert ours.error.startswith("versions.lock has nothing for no.such.recipe; run bin/lock")
    stock, ours = fail(project, "buildout:eggcrate=unlocked", more=more)
    assert ours.err == stock.err
