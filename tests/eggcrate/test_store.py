import errno
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from eggcrate import bytecode, eggs, record, unpack
from eggcrate.cache import Cache
from eggcrate.eggs import MARK, Mark
from support import crafted
from support.crafted import tree

FILES = {
    "crate/__init__.py": "def where():\n    return __file__\n",
    "crate/deep/er/module.py": "x = 1\n",
    "crate/template.py": "{{ no }} python\n",
    "crate/data.txt": "text",
    "crate/program": "#!/bin/sh\n",
}
COMPILED = bytecode.path("crate/__init__.py")


class Kept:
    """A wheel, an egg that was made of it, and what is kept of that one."""

    def __init__(self, folder):
        self.made = crafted.wheel(folder / "wheels", FILES, executable=["crate/program"])
        self.folder = folder
        self.cache = Cache(eggs=folder / "cache" / "eggs")
        self.egg = self.unpack("first")
        self.fresh = tree(self.egg)
        [self.place] = self.cache.eggs.iterdir()
        self.original = self.place / self.made[1].sha256 / self.egg.name

    def unpack(self, folder):
        return Path(unpack.unpack(*self.made, self.folder / folder, self.cache).path)

    def forge(self, path, data):
        """Change a file that is kept, and RECORD and the mark accordingly."""
        forge(self.original, path, data, put)

    def is_whole(self):
        """Tell whether all of the next egg is linked."""
        return inodes(self.unpack("whole")).keys() == inodes(self.original).keys()


def forge(egg, path, data, write):
    write(egg / path, data)
    own = egg / eggs.record_of(egg)
    rows = {name: (digest, "") for name, digest in record.parse(own.read_text()).items()}
    rows[path] = record.digest(data), len(data)
    write(own, record.dumps(rows).encode())
    mark = replace(Mark.read(egg), record=record.digest(own.read_bytes()))
    write(egg / MARK, mark.dumps().encode())


def put(path, data):
    """Write a file anew, as whoever has it open elsewhere would not notice."""
    mode, times = path.stat().st_mode, (path.stat().st_atime, path.stat().st_mtime)
    path.unlink()
    path.write_bytes(data)
    path.chmod(mode & 0o777)
    os.utime(path, times)


def inodes(egg):
    """Return inode -> file, less those that each egg has of its own."""
    own = {MARK, eggs.record_of(egg)}
    found = {str(path.relative_to(egg)): path for path in egg.rglob("*") if path.is_file()}
    return {path.stat().st_ino: name for name, path in found.items() if name not in own}


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path)


@pytest.fixture
def uncompiled(monkeypatch):
    """Compile nothing."""
    monkeypatch.setattr(bytecode, "compiled", None)


def test_the_next_egg_has_the_same_files(kept, uncompiled):
    egg = kept.unpack("second")
    assert tree(egg) == kept.fresh
    assert inodes(egg) == inodes(kept.egg) == inodes(kept.original)
    assert list(eggs.damage(egg)) == []


def test_nobody_changes_them_by_accident(kept):
    modes = {path.stat().st_mode & 0o777 for path in kept.egg.rglob("*") if path.is_file()}
    assert modes == {0o444, 0o555}


def overwrite(path, data):
    """Change a file where it is, in all the places that it is linked to."""
    mode, times = path.stat().st_mode, (path.stat().st_atime, path.stat().st_mtime)
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(mode & 0o777)
    os.utime(path, times)


@pytest.mark.parametrize("path", ["crate/data.txt", COMPILED])
def test_an_egg_that_is_forged_where_it_is_forges_no_other(kept, path):
    data = (kept.egg / path).read_bytes()
    forge(kept.egg, path, data[:-1] + bytes([data[-1] ^ 4]), overwrite)
    assert list(eggs.damage(kept.egg)) == []
    assert tree(kept.unpack("second")) == kept.fresh
    assert kept.is_whole()


def test_a_pipe_is_not_waited_for(kept):
    for path in ("crate/data.txt", COMPILED):
        (kept.original / path).unlink()
        os.mkfifo(kept.original / path, 0o444)
    assert tree(kept.unpack("second")) == kept.fresh


def test_it_is_kept_for_this_python_alone(kept):
    assert kept.place.name.startswith(bytecode.COMPILER)
    assert eggs.ABI in kept.place.name
    assert kept.place.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("path", [*FILES, COMPILED, MARK, "RECORD"])
@pytest.mark.parametrize("change", ["flip", "cut", "remove", "link"])
def test_what_is_damaged_is_made_again(kept, path, change):
    path = eggs.record_of(kept.original) if path == "RECORD" else path
    target = kept.original / path
    data = bytearray(target.read_bytes())
    if change == "flip":
        data[len(data) // 2] ^= 4
        put(target, bytes(data))
    elif change == "cut":
        put(target, bytes(data[: len(data) // 2]))
    elif change == "remove":
        target.unlink()
    else:
        target.rename(kept.folder / "elsewhere")
        target.symlink_to(kept.folder / "elsewhere")
    assert tree(kept.unpack("second")) == kept.fresh
    assert tree(kept.original) == kept.fresh
    assert kept.is_whole()
    assert [found.name for found in kept.place.iterdir()] == [kept.made[1].sha256]


def test_an_edit_in_an_egg_goes_no_further(kept):
    path = kept.egg / "crate/__init__.py"
    path.chmod(0o644)
    path.write_text("edited = True\n")
    assert (kept.original / "crate/__init__.py").read_text() == "edited = True\n"
    assert tree(kept.unpack("second")) == kept.fresh
    assert kept.is_whole()


def test_only_the_wheel_says_what_is_in_it(kept):
    kept.forge("crate/__init__.py", b"evil = True\n")
    assert tree(kept.unpack("second")) == kept.fresh


@pytest.mark.parametrize("name", ["crate/__init__.py", "crate/other.py"])
def test_bytecode_is_of_its_source_and_time(kept, name):
    moment = int((kept.original / name).stat().st_mtime) if "init" in name else 1
    other = bytecode.compiled(b"evil = True\n", name, moment)
    kept.forge(COMPILED, other)
    assert tree(kept.unpack("second")) == kept.fresh


@pytest.mark.parametrize("place", [".", "..", "../.."])
def test_a_folder_that_others_can_write_is_not_trusted(kept, place, uncompiled):
    (kept.place / place).chmod(0o770)
    with pytest.raises(TypeError):  # it compiles
        kept.unpack("second")
    (kept.place / place).chmod(0o1777)  # like /tmp: what is in it cannot be renamed
    kept.unpack("second")


@pytest.mark.parametrize("mode", [0o464, 0o446])
def test_a_file_that_others_can_write_is_not_trusted(kept, mode):
    (kept.original / COMPILED).chmod(mode)
    egg = kept.unpack("second")
    assert (egg / COMPILED).stat().st_ino != (kept.egg / COMPILED).stat().st_ino
    assert tree(egg) == kept.fresh


def test_what_is_anothers_is_not_trusted(kept, monkeypatch):
    owner = kept.place.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert not inodes(kept.unpack("second")).keys() & inodes(kept.egg).keys()


def test_it_is_copied_to_another_file_system(kept, monkeypatch, uncompiled):
    def refuse(*_, **__):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refuse)
    egg = kept.unpack("second")
    assert tree(egg) == kept.fresh
    assert not inodes(egg).keys() & inodes(kept.egg).keys()


def test_it_is_kept_on_another_file_system(kept, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", refuse)
        kept.cache = replace(kept.cache, eggs=kept.folder / "other")
        kept.unpack("second")
    monkeypatch.setattr(bytecode, "compiled", None)
    assert tree(kept.unpack("third")) == kept.fresh


def test_nothing_is_kept_where_nothing_can_be(kept):
    (kept.folder / "file").touch()
    kept.cache = replace(kept.cache, eggs=kept.folder / "file" / "eggs")
    assert tree(kept.unpack("second")) == kept.fresh


def test_a_full_disk_leaves_nothing(kept, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("eggcrate.store._copy", refuse)
    kept.cache = replace(kept.cache, eggs=kept.folder / "other")
    assert tree(kept.unpack("second")) == kept.fresh
    [place] = kept.cache.eggs.iterdir()
    assert not list(place.iterdir())


def test_what_killed_builds_have_left_is_removed_in_time(kept):
    young, old = kept.place / ".new-a", kept.place / ".new-b"
    for path in (young, old):
        (path / "crate").mkdir(parents=True)
    past = time.time() - 2 * 24 * 60 * 60
    os.utime(old, (past, past))
    (kept.original / MARK).unlink()
    kept.unpack("second")
    assert young.exists()
    assert not old.exists()
