"""Options of [buildout], arguments and commands do what they do without eggcrate."""

import re

import pytest

from support.wheels import setup_py

pytestmark = pytest.mark.live

PROJECT = """\
[buildout]
extends = versions.cfg
find-links = ../links
parts = horn

[horn]
recipe = zc.recipe.egg
eggs = bullhorn

[versions]
bullhorn = 1.0
"""


@pytest.fixture
def project(pair):
    """Both projects as they are before their first build, but for the eggs."""
    pair.clear()
    pair.configure(PROJECT)
    return pair


@pytest.mark.parametrize(
    "arguments",
    [
        ["-N", "install", "horn"],
        ["-v", "-n", "-U", "-t", "5"],
        ["horn:scripts=horn horn=assigned", "buildout:newest=false"],
    ],
)
def test_arguments(project, arguments):
    stock, ours = project.build(*arguments)
    assert stock.lines("Installing h", "Setting") == ours.lines("Installing h", "Setting")
    assert project.run("assigned" if "newest" in arguments[-1] else "horn").out == "HORN1.0\n"
    assert project.stock.commands() == project.ours.commands()


def test_quiet_is_quiet(project):
    for said in project.build("-q"):
        assert said.out == said.err == ""


def test_a_log_format_is_that_of_all_lines(project):
    for said in project.build("buildout:log-format=%(levelname)s| %(message)s"):
        assert all("| " in line for line in said.out.splitlines())


def test_folders_may_have_other_names(project):
    names = {"bin": "commands", "parts": "made", "develop-eggs": "linked", "eggs": "crates"}
    options = [f"{folder}-directory={name}" for folder, name in names.items()]
    project.build(*options, "buildout:installed=list.txt", "buildout:abi-tag-eggs=true")
    for twin in (project.stock, project.ours):
        assert twin.run(str(twin.root / "commands/horn")).out == "HORN1.0\n"
        assert {"list.txt", *names.values()} <= twin.names("*")
    assert project.stock.names("crates/v5/cp*/*") == project.ours.names("crates/v5/cp*/*")
    assert len(project.ours.names("crates/v5/cp*/bullhorn-1.0-*.egg")) == 1


def test_a_download_cache_is_filled_and_used(project):
    project.build("download-cache=cache", "eggs-directory=one")
    for twin in (project.stock, project.ours):
        assert twin.names("cache/dist/[!.]*") == {"cache/dist/bullhorn-1.0-py3-none-any.whl"}
    project.clear()
    project.build("download-cache=cache", "eggs-directory=two", "find-links=",
                  "install-from-cache=true")  # fmt: skip
    assert project.run("horn").out == "HORN1.0\n"


@pytest.mark.parametrize(
    ("options", "version"),
    [(["update-versions-file=picked.cfg"], "2.0"), (["prefer-final=false"], "3.0b1")],
)
def test_versions_are_picked(project, options, version):
    project.write("picked.cfg", "[versions]\n")
    stock, ours = project.build("versions:bullhorn=", "show-picked-versions=true", *options)
    assert ours.out.partition("Versions had")[2] == stock.out.partition("Versions had")[2]
    assert f"\nbullhorn = {version}\n" in ours.out
    assert project.run("horn").out == f"HORN{version}\n"
    if "picked.cfg" in options[0]:
        for twin in (project.stock, project.ours):
            assert "bullhorn = 2.0" in (twin.root / "picked.cfg").read_text()


def test_unused_options_are_told(project):
    for said in project.build("horn:sripts=greet"):
        assert "Section `horn` contains unused option(s): 'sripts'." in said.out


COMMANDS = [
    ["--version"],
    ["--help"],
    ["query", "horn:eggs"],
    ["-v", "query", "parts"],
    ["annotate", "horn"],
    ["-v", "annotate", "horn"],
    ["setup", "tree", "--name", "--version"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_commands_say_the_same(project, arguments):
    project.write("tree/setup.py", setup_py("tree", "3"))
    stock, ours = project.build(*arguments)
    assert stock == ours


def test_annotate_knows_every_section(project):
    stock, ours = (_sections(said) for said in project.build("annotate"))
    options = {"directory", "executable", "extensions"}
    assert {name: lines for name, lines in ours.items() if name[1] not in options} == {
        name: lines for name, lines in stock.items() if name[1] not in options
    }


def _sections(said):
    """Return {(section, option): lines} of what `annotate` says."""
    found, section = {}, ""
    for line in said.out.splitlines():
        if line.startswith("["):
            section = line
        elif match := re.match(r"([\w.-]+)= ?(.*)", line):
            found[section, match[1]] = [match[2]]
        elif section and line:
            found[list(found)[-1]].append(line)
    return found
