import sys
from types import SimpleNamespace

import pytest

from eggcrate.shelf import Shelf


@pytest.fixture(autouse=True)
def looked_at(monkeypatch):
    """What pkg_resources was asked for; here every folder is an egg of its own name."""
    paths = []

    def find_distributions(path, only):
        paths.append(path)
        name, version, *_ = path.rpartition("/")[2].split("-")
        yield SimpleNamespace(
            location=path, project_name=name, version=version, has_version=lambda: True
        )

    fake = SimpleNamespace(find_distributions=find_distributions, EGG_DIST=3)
    monkeypatch.setitem(sys.modules, "pkg_resources", fake)
    return paths


def valid(path, name, version):
    return version != "0"


@pytest.fixture
def folder(tmp_path):
    for name in ("stout-1.0-py3.egg", "malt-0-py3.egg", ".eggcrate-x", "notes.txt"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_the_valid_eggs_are_there_and_looked_at_once(folder, looked_at):
    shelf = Shelf(folder, valid)
    for _ in range(2):
        [found] = shelf.distributions()
        assert (found.project_name, found.precedence) == ("stout", 3)
    assert len(looked_at) == 2


def test_an_added_egg_is_there(folder):
    shelf = Shelf(folder, valid)
    shelf.distributions()
    added = shelf.add(str(folder / "porter-1.0-py3.egg"))
    assert added[0] in shelf.distributions()
    assert shelf.has(str(folder / "porter-1.0-py3.egg"))
    assert shelf.has(str(folder / "stout-1.0-py3.egg"))
    assert not shelf.has(str(folder / "malt-0-py3.egg"))


def test_what_is_replaced_is_said(folder, caplog):
    caplog.set_level("INFO")
    accepted = set()
    shelf = Shelf(folder, lambda path, name, version: name in accepted)
    assert shelf.distributions() == []
    accepted.add("malt")
    shelf.add(str(folder / "malt-0-py3.egg"))
    shelf.add(str(folder / "malt-0-py3.egg"))
    [record] = caplog.records
    assert record.getMessage().startswith(f"Replaced {folder / 'malt-0-py3.egg'}")


def test_a_folder_that_is_not_there_is_empty(tmp_path):
    assert Shelf(tmp_path / "missing", valid).distributions() == []
