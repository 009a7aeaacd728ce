import pytest

from eggcrate import command


@pytest.fixture
def root(tmp_path, monkeypatch):
    root = tmp_path / "project"
    (root / "etc").mkdir(parents=True)
    (root / "buildout.cfg").touch()
    (root / "etc/production.cfg").touch()
    (tmp_path / "other.cfg").touch()
    monkeypatch.chdir(tmp_path)
    return root


def test_locate_looks_in_the_working_folder_first(root, monkeypatch):
    assert command.locate("buildout.cfg", root) == root / "buildout.cfg"
    assert command.locate("etc/production.cfg", root) == root / "etc/production.cfg"
    monkeypatch.chdir(root / "etc")
    assert command.locate("production.cfg", root) == root / "etc/production.cfg"


def test_locate_leaves_other_configurations_to_buildout(root):
    assert command.locate("other.cfg", root) is None
    assert command.locate("missing.cfg", root) is None
    assert command.locate("https://example.com/buildout.cfg", root) is None
