import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eggcrate.witness import Witness


@pytest.fixture
def watch(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def watch(read, **options):
        witness = Witness(**options)
        with witness.watching():
            read()
        return witness

    return watch


def test_files_that_are_read(watch, tmp_path):
    (tmp_path / "there").write_text("text")

    def read():
        (tmp_path / "there").read_text()
        with pytest.raises(FileNotFoundError):
            Path("missing").read_text()
        os.close(os.open(b"there", os.O_RDONLY))

    witness = watch(read)
    assert set(witness.files) == {str(tmp_path / "there"), str(tmp_path / "missing")}
    assert witness.files[str(tmp_path / "missing")] is None
    assert witness.files[str(tmp_path / "there")].split()[1] == "4"
    assert not witness.written
    assert not witness.outward


def test_what_is_written_first_is_not_read(watch, tmp_path):
    def read():
        (tmp_path / "made").write_text("text")
        (tmp_path / "made").read_text()
        (tmp_path / "made").rename(tmp_path / "moved")
        (tmp_path / "moved").read_text()

    witness = watch(read)
    assert not witness.files
    assert witness.written == {str(tmp_path / "made"), str(tmp_path / "moved")}


def test_folders_that_are_listed(watch, tmp_path):
    (tmp_path / "folder/inner").mkdir(parents=True)
    witness = watch(lambda: list(os.walk("folder")))
    assert set(witness.folders) == {str(tmp_path / "folder"), str(tmp_path / "folder/inner")}
    assert all(witness.folders.values())
    assert set(watch(os.listdir).folders) == {str(tmp_path)}


def test_the_source_of_a_compiled_module(watch, tmp_path):
    source = tmp_path / "module.py"
    source.touch()
    compiled = Path(importlib.util.cache_from_source(str(source)))
    compiled.parent.mkdir()
    compiled.touch()
    assert set(watch(compiled.read_bytes).files) == {str(source)}


def test_what_lies_outside_does_not_count(watch, tmp_path):
    for name in ("in", "inside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()

    def read():
        (tmp_path / "in/file").read_text()
        (tmp_path / "inside/file").read_text()
        list(Path(sys.base_prefix).iterdir())

    witness = watch(read, outside=[str(tmp_path / "in")])
    assert set(witness.files) == {str(tmp_path / "inside/file")}
    assert not witness.folders


def test_variables_that_are_read(watch, monkeypatch):
    monkeypatch.setenv("EGGCRATE_X", "x")
    names = {"EGGCRATE_X", "EGGCRATE_Y", "EGGCRATE_Z", "EGGCRATE_W"}

    def read():
        assert os.environ["EGGCRATE_X"] == "x"
        assert os.getenv("EGGCRATE_Y") is None
        assert "EGGCRATE_Z" not in os.environ
        assert os.environ.setdefault("EGGCRATE_W", "w") == "w"
        assert len(os.environ) == len(dict(os.environ))

    assert watch(read).variables == names
    assert os.environ.pop("EGGCRATE_W") == "w"


def test_nobody_asks_for_each_variable_of_a_copy(watch, monkeypatch):
    monkeypatch.setenv("EGGCRATE_X", "x")

    def read():
        os.environ.copy()
        assert os.environ["EGGCRATE_X"] == "x"
        dict(os.environ, MORE="1")

    assert watch(read).variables == {"EGGCRATE_X"}


def test_programs(watch):
    assert watch(lambda: subprocess.run(["true"], check=True)).outward


def test_only_what_happens_meanwhile(watch, tmp_path):
    witness = watch(lambda: None)
    (tmp_path / "file").write_text("")
    (tmp_path / "file").read_text()
    os.environ.get("EGGCRATE_X")
    assert not witness.files
    assert not witness.variables
    with witness.watching():
        (tmp_path / "file").read_text()
    assert set(witness.files) == {str(tmp_path / "file")}
