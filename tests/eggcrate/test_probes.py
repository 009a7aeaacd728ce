import os

import pytest

from eggcrate import probes


@pytest.fixture
def folder(tmp_path):
    """A folder with something of every kind."""
    path = tmp_path / "folder"
    (path / "inside").mkdir(parents=True)
    (path / "inside/file").write_text("one")
    (path / "link").symlink_to("inside")
    return path


def changed(kind, path, change):
    measured = probes.measure({kind: [str(path)]})
    assert probes.hold(measured)
    change()
    return not probes.hold(measured)


@pytest.mark.parametrize("kind", sorted(set(probes.KINDS) - {"variable", "matches"}))
def test_what_is_not_there_is_told_from_what_is(kind, folder):
    assert changed(kind, folder / "more", (folder / "more").mkdir)
    assert probes.KINDS[kind](str(folder / "missing")) is None


def test_content_is_bytes_and_mode(folder):
    file = folder / "inside/file"
    assert not changed("content", file, lambda: (file.write_text("one"), os.utime(file, (1, 1))))
    assert changed("content", file, lambda: file.write_text("two"))
    assert changed("content", file, lambda: file.chmod(0o755))


def test_place_is_only_which_it_is(folder):
    assert not changed("place", folder, lambda: (folder / "inside/file").unlink())
    (folder / "other").mkdir()

    def replace():
        (folder / "other").rename(folder / "aside")
        (folder / "other").mkdir()

    assert changed("place", folder / "other", replace)


@pytest.mark.parametrize("name", [".hidden", "__pycache__", "x.egg-info", "x.pyc"])
def test_names_leave_out_what_is_generated(folder, name):
    assert not changed("names", folder, (folder / name).mkdir)


def test_names_are_those_of_the_first_level(folder):
    assert not changed("names", folder, (folder / "inside/more").mkdir)
    assert changed("names", folder, (folder / "more").mkdir)
    assert changed("names", folder, (folder / "more").rmdir)


def test_an_egg_is_told_by_the_dates_of_its_first_level(folder):
    assert changed("egg", folder, (folder / "inside/file").unlink)
    assert not changed("egg", folder, (folder / "__pycache__").mkdir)
    assert changed("egg", folder, (folder / "more").touch)
    assert changed("egg", folder, lambda: (folder / "more").write_text("longer"))


@pytest.mark.parametrize("kind", ["stamps", "tree"])
def test_trees_are_followed_down(folder, kind):
    assert changed(kind, folder, lambda: (folder / "inside/file").write_text("longer"))
    assert changed(kind, folder, (folder / "inside/more").touch)
    assert changed(kind, folder, (folder / "inside/more").unlink)
    assert not changed(kind, folder, (folder / "inside/__pycache__").mkdir)


def test_a_tree_is_what_is_in_it(folder):
    file, link = folder / "inside/file", folder / "link"
    assert not changed("tree", folder, lambda: os.utime(file, (1, 1)))
    assert changed("tree", folder, lambda: file.chmod(0o755))
    assert changed("tree", folder, lambda: (link.unlink(), link.symlink_to("inside/file")))
    assert changed("tree", link, lambda: (link.unlink(), link.symlink_to("inside")))


def test_a_tree_tells_where_a_file_is(folder):
    (folder / "inside/deep").mkdir()
    (folder / "inside/deep/last").touch()
    moved = (folder / "inside/deep/last").rename
    assert changed("tree", folder, lambda: moved(folder / "inside/last"))


def test_patterns(folder):
    pattern = folder / "in*"
    assert not changed("matches", pattern, (folder / "other").mkdir)
    assert changed("matches", pattern, (folder / "inner").mkdir)
    assert changed("matches", folder / "third", (folder / "third").mkdir)


def test_variables_are_not_disclosed(monkeypatch):
    monkeypatch.setenv("EGGCRATE_X", "secret")
    assert "secret" not in str(probes.measure({"variable": ["EGGCRATE_X"]}))
    assert changed("variable", "EGGCRATE_X", lambda: monkeypatch.setenv("EGGCRATE_X", ""))
    assert changed("variable", "EGGCRATE_X", lambda: monkeypatch.delenv("EGGCRATE_X"))


def test_of_what_was_measured_twice_the_last_counts():
    one, two = {"content": {"a": "1", "b": "1"}}, {"content": {"b": "2"}, "names": {"c": None}}
    merged = {"content": {"a": "1", "b": "2"}, "names": {"c": None}}
    assert probes.merge(one, two) == merged
    assert one == {"content": {"a": "1", "b": "1"}}
