import pytest

from eggcrate import requirements
from eggcrate.cfgs import Cfg
from eggcrate.requirements import RequirementsError
from support import tools

STATIC = """\
[build-system]
requires = ["hatchling >= 1.2"]
build-backend = "hatchling.build"
[project]
name = "Static.Tree"
version = "1"
dependencies = ["flask >= 3", "six; python_version < '3.12'"]
[project.optional-dependencies]
test = ["pytest"]
"""
SETUP = """\
import os, sys
from setuptools import setup
print("noise on the output")
setup(
    name="dynamic", version="1", install_requires=["flask>=3"],
    extras_require={"test": ["pytest>=8"], "mac:sys_platform=='darwin'": ["appnope"]},
)
"""


@pytest.fixture(autouse=True)
def python(monkeypatch):
    tools.use_python(monkeypatch)


def cfg(tmp_path, develop):
    return Cfg(tmp_path / "buildout.cfg", {("buildout", ""): {"develop": develop}})


def texts(found):
    return [str(one) for one in found]


def test_pyproject_is_read_as_it_is(tmp_path):
    (tmp_path / "pyproject.toml").write_text(STATIC)
    tree = requirements.read(tmp_path)
    assert (tree.name, tree.source.name, tree.extras) == (
        "Static.Tree",
        "pyproject.toml",
        ("test",),
    )
    assert texts(tree.requires) == ["flask>=3", 'six; python_version < "3.12"', "pytest"]
    assert texts(tree.builds_with) == ["hatchling>=1.2"]


def test_setup_py_is_asked_and_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    (tmp_path / "setup.py").write_text(SETUP)
    tree = requirements.read(tmp_path)
    assert (tree.name, tree.source.name) == ("dynamic", "setup.py")
    assert texts(tree.requires)[:2] == ["flask>=3", 'pytest>=8; extra == "test"']
    assert 'sys_platform == "darwin"' in texts(tree.requires)[2]
    assert set(tree.extras) == {"test", "mac"}
    assert [path.name for path in tmp_path.iterdir()] == ["setup.py"]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("setup.py", "raise SystemExit('broken on purpose')", "broken on purpose"),
        ("setup.py", "import nowhere_to_be_found", "No module named"),
        ("pyproject.toml", "[project", "Expected"),
        ("pyproject.toml", "[project]\nname = 'a'\ndependencies = ['a b c']\n", "a b c"),
    ],
)
def test_a_broken_tree_is_one_line(tmp_path, name, text, why):
    (tmp_path / name).write_text(text)
    with pytest.raises(RequirementsError, match=why) as caught:
        requirements.read(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}: ")
    assert "\n" not in str(caught.value)


def test_trees_are_found_as_buildout_finds_them(tmp_path):
    for name in ("one", "two", "src/three", "src/four"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "pyproject.toml").write_text(
            f"[project]\nname = '{name.rpartition('/')[2]}'\nversion = '1'\n"
        )
    (tmp_path / "src" / "notes").mkdir()
    develop = f"one/pyproject.toml {tmp_path}/two ${{buildout:directory}}/src/* missing src/three"
    trees = requirements.trees(tmp_path, [cfg(tmp_path, develop)])
    assert [tree.name for tree in trees] == ["one", "four", "three", "two"]
    assert requirements.trees(tmp_path, [cfg(tmp_path, ".")]) == []
