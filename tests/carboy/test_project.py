from pathlib import Path

import pytest

from carboy import project


@pytest.fixture
def layout(tmp_path):
    """Return a project with a part in it, and a folder beside it."""
    prefix = tmp_path / "project" / "parts" / "app"
    prefix.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "project", prefix, tmp_path / "elsewhere"


def test_variable_wins(layout):
    folder, prefix, elsewhere = layout
    (folder / "etc").mkdir()
    found = project.root(environ={"CARBOY_ROOT": str(elsewhere)}, prefix=prefix)
    assert found == elsewhere


def test_variable_may_be_relative(layout, monkeypatch):
    monkeypatch.chdir(layout[2])
    assert project.root(environ={"CARBOY_ROOT": "../project"}) == layout[0]


@pytest.mark.parametrize("mark", ["etc", "buildout.cfg"])
def test_two_folders_above_the_part(layout, mark):
    folder, prefix, elsewhere = layout
    (folder / mark).mkdir() if mark == "etc" else (folder / mark).touch()
    assert project.root(environ={}, prefix=str(prefix), cwd=elsewhere) == folder


def test_working_folder_for_any_other_python(layout):
    _, prefix, elsewhere = layout
    assert project.root(environ={}, prefix=prefix, cwd=elsewhere) == elsewhere


def test_the_file_system_is_no_project(tmp_path):
    assert project.root(environ={}, prefix="/usr/local", cwd=tmp_path) == tmp_path
    assert project.root(environ={"CARBOY_ROOT": ""}, prefix="/usr", cwd=tmp_path) == tmp_path


def test_defaults_to_this_process(monkeypatch, tmp_path):
    monkeypatch.setenv("CARBOY_ROOT", str(tmp_path))
    assert project.root() == tmp_path
    monkeypatch.delenv("CARBOY_ROOT")
    assert isinstance(project.root(), Path)


def test_the_folder_of_a_file_is_made_behind_a_link_too(tmp_path):
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "var").symlink_to("../var")
    project.make_room(tmp_path / "release" / "var" / "run" / "socket")
    assert (tmp_path / "var" / "run").is_dir()
    project.make_room(tmp_path / "release" / "var" / "run" / "socket")
