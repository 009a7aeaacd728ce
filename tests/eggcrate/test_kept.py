import json

import pytest

from eggcrate import kept, probes
from eggcrate.kept import Kept

TOOLS = {"python": "3", "setuptools": "1"}


@pytest.fixture(autouse=True)
def tools(monkeypatch):
    found = dict(TOOLS)
    monkeypatch.setattr(kept, "tools", lambda: found)
    return found


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "project"
    (path / "src").mkdir(parents=True)
    (path / "setup.py").write_text("setup()")
    return path


@pytest.fixture
def place(tmp_path, project):
    (tmp_path / "parts").mkdir()
    return Kept(tmp_path / "parts", project)


@pytest.fixture
def made(tmp_path):
    path = tmp_path / "made"
    (path / "x.dist-info").mkdir(parents=True)
    (path / "x.dist-info/METADATA").write_text("Name: x")
    return path


def seen(project, **more):
    setup = str(project / "setup.py")
    return {
        "files": {setup: probes.stamp(setup)},
        "folders": {str(project / "src"): probes.names(str(project / "src"))},
        "variables": ["EGGCRATE_X", "TMPDIR", "PIP_NO_INDEX"],
        "outward": False,
        **more,
    }


def fits(place, path=()):
    return place.fits(place.read(), path)


def test_what_was_made_is_kept(place, made, project, tmp_path):
    assert not fits(place)
    found = place.keep(made, seen(project), path=[], required=["more"])
    assert probes.hold(found)
    assert fits(place)
    assert place.read()["required"] == ["more"]
    assert place.copy(tmp_path / "copy")
    assert (tmp_path / "copy/x.dist-info/METADATA").read_text() == "Name: x"
    assert [path.name for path in place.place.parent.iterdir()] == [place.place.name]


@pytest.mark.parametrize("name", ["setup.cfg", "pyproject.toml", "MANIFEST.in"])
def test_files_that_appear_are_noticed(place, made, project, name):
    place.keep(made, seen(project), path=[])
    (project / name).touch()
    assert not fits(place)
    (project / name).unlink()
    assert fits(place)


def test_whatever_is_read_is_noticed(place, made, project, monkeypatch, tools):
    place.keep(made, seen(project), path=["a.egg"])
    assert fits(place, ["a.egg"])
    assert not fits(place, ["b.egg"])
    assert not fits(place, [])
    monkeypatch.setenv("TMPDIR", "elsewhere")
    assert fits(place, ["a.egg"])
    monkeypatch.setenv("EGGCRATE_X", "1")
    assert not fits(place, ["a.egg"])
    monkeypatch.delenv("EGGCRATE_X")
    (project / "src/new").mkdir()
    assert not fits(place, ["a.egg"])
    (project / "src/new").rmdir()
    tools["setuptools"] = "2"
    assert not fits(place, ["a.egg"])
    tools["setuptools"] = "1"
    assert fits(place, ["a.egg"])
    (project / "setup.py").write_text("setup() #")
    assert not fits(place, ["a.egg"])


def test_damage_is_noticed(place, made, project):
    place.keep(made, seen(project), path=[])
    [file] = place.place.rglob("METADATA")
    file.write_text("Name: y")
    assert not fits(place)
    place.keep(made, seen(project), path=[])
    record = place.place / "record.json"
    for text in ("", "[]", "{}", json.dumps({**place.read(), "probes": {"unknown": {"x": "y"}}})):
        record.write_text(text)
        assert not fits(place)


def test_what_depends_on_more_is_not_kept(place, made, project):
    place.keep(made, seen(project), path=[])
    assert place.keep(made, seen(project, outward=True), path=[]) is None
    assert not fits(place)


def test_what_changed_meanwhile_is_not_kept(place, made, project):
    before = seen(project)
    (project / "setup.py").write_text("setup() # saved while it was built")
    assert place.keep(made, before, path=[]) is None
    before = seen(project)
    (project / "src/new").mkdir()
    assert place.keep(made, before, path=[]) is None
    assert place.read() == {}


def test_projects_of_one_name_are_told_apart(tmp_path):
    places = {Kept(tmp_path, tmp_path / name / "same").place for name in "ab"}
    assert len(places) == 2


def test_another_run_may_have_removed_it(place, made, project, tmp_path):
    place.keep(made, seen(project), path=[])
    place.forget()
    assert not place.copy(tmp_path / "copy")
