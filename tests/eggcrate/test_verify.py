import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from eggcrate import bytecode, eggs, record, unpack, verify
from eggcrate.cache import Cache
from eggcrate.eggs import MARK, Mark
from eggcrate.lockfile import File, Lock
from support import crafted

FILES = {"crate/__init__.py": "x = 1\n", "crate/data.txt": "text", "top.py": "y = 2\n"}
PYC = bytecode.path("top.py")


class Installed:
    """An egg, its lock, and a cache that has its wheel."""

    def __init__(self, folder):
        path, file = crafted.wheel(folder, FILES)
        self.cache = Cache(folder / "cache")
        self.cache.add(file, path.rename(self.cache.folder() / "download"))
        self.lock = Lock({("crate-thing", "1.0"): (file,)})
        self.folder = folder / "eggs"
        self.egg = Path(unpack.unpack(self.cache.find(file), file, self.folder).path)
        self.record = eggs.record_of(self.egg)

    def problems(self, lock=None, cache=None):
        return [str(p) for p in verify.verify([self.egg], lock or self.lock, cache)]

    def cover(self):
        """Write RECORD and mark anew, as whoever changes an egg might do."""
        rows = {
            path: (record.digest(data), len(data))
            for path, (data, _, _) in crafted.tree(self.egg).items()
            if path not in (self.record, MARK)
        }
        text = record.dumps({**rows, self.record: ("", ""), MARK: ("", "")})
        (self.egg / self.record).write_text(text)
        mark = replace(Mark.read(self.egg), record=record.digest(text.encode()))
        (self.egg / MARK).write_text(mark.dumps())


@pytest.fixture
def installed(tmp_path):
    return Installed(tmp_path)


def test_an_egg_as_it_was_made(installed, capsys):
    assert installed.problems(cache=installed.cache) == []
    assert verify.run(installed.folder, installed.lock, installed.cache) == 0
    assert verify.run([], None) == 0
    assert capsys.readouterr() == ("1 egg verified\n0 eggs verified\n", "")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("top.py", None, "top.py is missing"),
        ("top.py", "evil = 1\n", "top.py was changed"),
        ("crate/data.txt", "Text", "crate/data.txt was changed"),
        ("crate/evil.py", "", "crate/evil.py was added"),
        ("evil.pth", "import evil\n", "evil.pth was added"),
        (PYC, "", f"{PYC} was changed"),
        (bytecode.path("crate/evil.py"), "", f"{bytecode.path('crate/evil.py')} was added"),
    ],
)
def test_what_was_changed_is_named(installed, capsys, name, text, reason):
    path = installed.egg / name
    path.unlink() if text is None else path.write_text(text)
    assert installed.problems() == [f"Crate-Thing 1.0: {reason}"]
    assert verify.run(installed.folder, installed.lock) == 1
    said = capsys.readouterr()
    assert said.out == f"Crate-Thing 1.0: {reason}\n"
    assert "bin/buildout" in said.err


def test_a_link_is_no_file(installed, tmp_path):
    path = installed.egg / "top.py"
    path.rename(tmp_path / "top.py")
    path.symlink_to(tmp_path / "top.py")
    assert installed.problems() == ["Crate-Thing 1.0: top.py is not a regular file"]


def test_a_record_or_a_mark_that_was_changed(installed):
    whole = (installed.egg / installed.record).read_text()
    (installed.egg / installed.record).write_text(whole + "evil.py,,\n")
    assert installed.problems() == [f"Crate-Thing 1.0: {installed.record} was changed"]
    (installed.egg / installed.record).write_text(whole)
    (installed.egg / MARK).write_text("{")
    assert installed.problems() == ["Crate_Thing 1.0: .eggcrate.json is missing or cannot be read"]


def test_who_changes_the_record_too_is_found_by_the_wheel(installed):
    (installed.egg / "crate/data.txt").write_text("evil")
    (installed.egg / "evil.txt").write_text("evil")
    shutil.rmtree(installed.egg / "crate/__pycache__")
    (installed.egg / "crate/__init__.py").unlink()
    installed.cover()
    assert installed.problems() == []
    wheel = "crate_thing-1.0-py3-none-any.whl"
    assert installed.problems(cache=installed.cache) == [
        f"Crate-Thing 1.0: {name} is not as in {wheel}"
        for name in ("crate/__init__.py", "crate/data.txt", "evil.txt")
    ]


def test_bytecode_is_compared_with_its_source(installed):
    data = (installed.egg / PYC).read_bytes()
    for evil in (
        bytecode.compiled(b"y = 3\n", "top.py", bytecode.mtime(data)),
        data[:4] + b"\1" + data[5:],  # never compared with its source by Python
        b"",
    ):
        (installed.egg / PYC).write_bytes(evil)
        installed.cover()
        said = [f"Crate-Thing 1.0: {PYC} is not what top.py gives"]
        assert installed.problems(cache=installed.cache) == said


def test_bytecode_without_a_source_is_named(installed):
    (installed.egg / bytecode.path("gone.py")).write_bytes((installed.egg / PYC).read_bytes())
    installed.cover()
    assert installed.problems(cache=installed.cache) == [
        f"Crate-Thing 1.0: {bytecode.path('gone.py')} has no source"
    ]


def test_bytecode_of_another_release_of_python_cannot_be_compared(installed):
    (installed.egg / PYC).write_bytes(b"of another release")
    installed.cover()
    mark = replace(Mark.read(installed.egg), compiler=f"{bytecode.TAG}-3.0.0")
    (installed.egg / MARK).write_text(mark.dumps())
    assert installed.problems() == []


def test_an_egg_of_another_artifact_or_python_is_named(installed):
    other = Lock({("crate-thing", "1.0"): (File("crate_thing-1.0.tar.gz", "a" * 64),)})
    [said] = installed.problems(lock=other)
    assert said.startswith("Crate-Thing 1.0: .eggcrate.json names crate_thing-1.0-py3-none-any.whl")
    assert said.endswith("which is not in the lock")
    mark = replace(Mark.read(installed.egg), abi=".cpython-30.so")
    (installed.egg / MARK).write_text(mark.dumps())
    [said] = installed.problems()
    assert said == "Crate-Thing 1.0: .eggcrate.json is of another distribution or another Python"


def test_in_a_folder_those_count_that_the_lock_has(installed):
    (installed.folder / "stock-1.0-py3.11.egg").mkdir()
    (installed.folder / "file.egg").touch()
    old = shutil.copytree(installed.egg, installed.folder / "Crate_Thing-0.9-py3.11.egg")
    assert verify.verify(installed.folder, installed.lock) == []
    assert len(verify.verify(installed.folder, None)) == 2
    assert len(verify.verify([old], installed.lock)) == 1
    lock = Lock({**installed.lock.entries, ("stock", "1.0"): ()})
    assert verify.verify(installed.folder, lock) == []
    lock = Lock({**installed.lock.entries, ("stock", "1.0"): (File("s-1.0.zip", "e" * 64),)})
    [problem] = verify.verify(installed.folder, lock)
    assert str(problem) == "stock 1.0: .eggcrate.json is missing or cannot be read"
