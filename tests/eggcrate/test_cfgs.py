from pathlib import Path

import pytest

from eggcrate import cfgs
from eggcrate.cfgs import CfgError
from eggcrate.targets import MINORS, TARGETS
from support import tools

VERSIONS = """\
# A comment.
[versions]
Flask = 3.1.3
zope.interface = ==8.7

[versions:python_version < "3.12"]  # older
greenlet = 2.0.2
[ versions : sys_platform == 'darwin' and python_version >= "3.13" ]
appnope = 1.0
[versions:python3]
six = 1.17
[versions:sys_platform == "win32"]
colorama = 0.4.6
"""


@pytest.fixture(autouse=True)
def parser(monkeypatch):
    tools.use_parser(monkeypatch)


@pytest.fixture
def read(tmp_path):
    def read(text):
        (tmp_path / "x.cfg").write_text(text)
        return cfgs.read(tmp_path / "x.cfg")

    return read


def test_pins_are_read_with_all_conditions(read):
    found = {pin.key: pin for pin in read(VERSIONS).pins}
    assert list(found) == [
        ("flask", "3.1.3"),
        ("zope-interface", "8.7"),
        ("greenlet", "2.0.2"),
        ("appnope", "1.0"),
        ("six", "1.17"),
        ("colorama", "0.4.6"),
    ]
    assert found["flask", "3.1.3"].name == "Flask"
    assert found["flask", "3.1.3"].targets == TARGETS
    assert {t.minor for t in found["greenlet", "2.0.2"].targets} == {11}
    assert {str(t) for t in found["appnope", "1.0"].targets} == {
        f"Python 3.{minor} macos-{machine}"
        for minor in MINORS[2:]
        for machine in ("x86_64", "arm64")
    }
    # Of Python expressions, which zc.buildout knows too, it is not known for whom they are.
    assert found["six", "1.17"].targets == TARGETS
    assert found["colorama", "0.4.6"].targets == ()


def test_eggs_may_pin(read):
    cfg = read(
        "[part]\nrecipe = zc.recipe.egg:scripts\neggs =\n    ${other:eggs}\n"
        "    setuptools == 81.0.0\n    pytest >= 8\n    carboy[test]\n    black ==24.*\n"
        "initialization =\n    six == 1\n"
        "[base]\neggs += flask==1\n"
        "[buildout]\nextensions = other.extension\nparts = part\n"
    )
    assert [(pin.key, pin.among_eggs) for pin in cfg.pins] == [
        (("setuptools", "81.0.0"), True),
        (("flask", "1"), True),
    ]
    assert [str(requirement) for requirement in cfg.requirements] == [
        "zc.recipe.egg", "setuptools==81.0.0", "pytest>=8", "carboy[test]", "black==24.*",
        "flask==1", "other.extension",
    ]  # fmt: skip


def test_a_part_may_be_named_as_its_egg(read):
    cfg = read("[uv]\nrecipe = zc.recipe.egg\n[text]\nrecipe = collective.recipe.template\n")
    assert [str(requirement) for requirement in cfg.requirements] == [
        "zc.recipe.egg", "uv", "collective.recipe.template",
    ]  # fmt: skip


def test_pins_may_be_taken_back(read):
    cfg = read("[versions]\nsetuptools =\nFlask_X =\nsix = 1\n")
    assert cfg.unpinned == {"setuptools", "flask-x"}
    assert [pin.name for pin in cfg.pins] == ["six"]
    assert cfg.has_versions
    assert not read("[part]\nversions = 1\n").has_versions


def test_source_trees(read):
    assert read("[buildout]\ndevelop =\n    .\n    src/*\n").develops == [".", "src/*"]


@pytest.mark.parametrize("value", [">= 3", "3.*", "1, 2", "1 # why", "${x:y}", "==1,<2"])
def test_what_is_no_pin_is_an_error(read, value, tmp_path):
    with pytest.raises(CfgError) as caught:
        _ = read(f"[versions]\nflask = {value}\n").pins
    assert str(caught.value).startswith(f"{tmp_path}/x.cfg: flask = ")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("flask = 1\n", "no section headers"),
        ("[versions]\nwhat is this\n", "parsing errors"),
        ("[buildout]\nversions = release\n", r"the section has to be \[versions\]"),
    ],
)
def test_what_cannot_be_read_is_one_line(read, tmp_path, text, why):
    with pytest.raises(CfgError, match=why) as caught:
        read(text)
    assert str(tmp_path / "x.cfg") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file_and_no_text(tmp_path):
    with pytest.raises(CfgError, match="No such file"):
        cfgs.read(tmp_path / "x.cfg")
    (tmp_path / "x.cfg").write_bytes(b"\xff")
    with pytest.raises(CfgError, match="not text"):
        cfgs.read(tmp_path / "x.cfg")


def lay(root: Path, **texts):
    for name, text in texts.items():
        path = root / (name.replace("__", "/") + ".cfg")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def test_the_files_of_a_project(tmp_path):
    lay(
        tmp_path,
        buildout="[buildout]\nextends = versions.cfg profiles/base.cfg\n"
        "optional-extends = local.cfg\n",
        versions="[versions]\na = 1\n",
        local="[versions]\na = 2\n",
        setup="[metadata]\nname: x\n",
        etc__ci="[buildout]\nextends = ../buildout.cfg ../missing.cfg\n",
        profiles__base="[buildout]\nextends = ../profiles/more.cfg\n",
        profiles__more="[versions]\nb = 1\n",
        profiles__unused="[versions]\nc = 1\n",
    )
    lay(tmp_path, **{".installed": "[buildout]\n"})
    names = [str(cfg.path.relative_to(tmp_path)) for cfg in cfgs.project(tmp_path)]
    assert names[0] == "versions.cfg"
    assert sorted(names) == [
        "buildout.cfg", "etc/ci.cfg", "profiles/base.cfg", "profiles/more.cfg", "versions.cfg",
    ]  # fmt: skip
    local = cfgs.local(tmp_path)
    assert local is not None
    assert [pin.key for pin in local.pins] == [("a", "2")]
    (tmp_path / "local.cfg").unlink()
    assert cfgs.local(tmp_path) is None


def test_files_elsewhere_are_refused(tmp_path):
    lay(tmp_path, buildout="[buildout]\nextends = https://host.example/versions.cfg\n")
    with pytest.raises(CfgError, match="keep a copy"):
        cfgs.project(tmp_path)
