import pytest

from eggcrate import editable


class Distribution:
    def __init__(self, location, record=None):
        self.location = str(location)
        self.record = record

    def has_metadata(self, name):
        return name == "RECORD" and self.record is not None

    def get_metadata_lines(self, name):
        return self.record


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.pth").write_text("# a comment\n\n/elsewhere/src\nrelative\n")
    (tmp_path / "b.pth").write_text("import finder; finder.install()")
    return tmp_path


def test_only_the_files_of_its_record_are_read(folder):
    record = ["a.pth,sha256=x,1", "../../bin/c.pth,,", "a.dist-info/RECORD,,", "missing.pth,,"]
    found = editable.read(Distribution(folder, record))
    assert found.folders == ["/elsewhere/src", str(folder / "relative")]
    assert found.code == []


def test_code_is_taken(folder):
    found = editable.read(Distribution(folder, ["b.pth,,"]))
    assert found.code == ["import finder; finder.install()"]


def test_without_a_record_every_file_is_read(folder):
    found = editable.read(Distribution(folder))
    assert found.folders[0] == "/elsewhere/src"
    assert found.code


def test_code_in_an_egg_is_not_run(folder):
    egg = folder / "x.egg"
    egg.mkdir()
    (egg / "hook.pth").write_text("import os\nsub\n")
    found = editable.read(Distribution(egg))
    assert found == editable.Lines([str(egg / "sub")], [])


def test_a_file_has_no_lines(folder):
    assert editable.read(Distribution(folder / "a.pth")) == editable.Lines()
