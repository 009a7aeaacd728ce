from pathlib import Path

import pytest
from packaging.requirements import Requirement

from eggcrate import project
from support import tools


@pytest.fixture(autouse=True)
def parser(monkeypatch):
    tools.use_parser(monkeypatch)


def test_a_project_is_its_files_and_its_source_trees(tmp_path):
    (tmp_path / "buildout.cfg").write_text("[buildout]\ndevelop = tree\nextends = versions.cfg\n")
    (tmp_path / "versions.cfg").write_text("[versions]\na = 1\nMy.Tree = 2\neggcrate = 3\n")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/pyproject.toml").write_text("[project]\nname = 'my_tree'\nversion = '2'\n")
    found = project.read(tmp_path)
    assert [tree.name for tree in found.trees] == ["my_tree"]
    assert [pin.key for pin in found.pins] == [("a", "1")]
    assert found.relative(tmp_path / "tree" / "x") == "tree/x"
    assert found.relative(Path("/elsewhere/x")) == "/elsewhere/x"


def test_what_the_extension_itself_requires_counts_where_it_lies(tmp_path, monkeypatch):
    folder = tmp_path / "src" / "eggcrate"
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        "[project]\nname = 'eggcrate'\nversion = '1'\ndependencies = ['zc.buildout < 7']\n"
    )
    monkeypatch.setattr(project, "__file__", str(folder / "project.py"))
    [tree] = project.read(tmp_path).trees
    assert [str(one) for one in tree.requires] == ["zc.buildout<7"]
    assert project.read(tmp_path / "src" / "eggcrate" / "deeper").trees == []


def test_targets_of_a_requirement():
    def count(text, *extras):
        return len(project.targets_of(Requirement(text), extras))

    assert count("a") == 24
    assert count("a; python_version < '3.12'") == 6
    assert count("a; extra == 'x' and sys_platform == 'darwin'") == 0
    assert count("a; extra == 'x' and sys_platform == 'darwin'", "y", "x") == 8
