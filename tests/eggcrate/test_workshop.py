import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eggcrate import workshop
from eggcrate.workshop import Workshop, leftovers

HOLDING = """\
import sys
from pathlib import Path
from eggcrate.workshop import Workshop
print(Workshop(Path(sys.argv[1])).folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "deep" / "eggs"


def make(shop, name="a.egg", text="new"):
    (shop.folder / name).mkdir()
    (shop.folder / name / "file").write_text(text)
    return name


def contents(folder):
    return {path.name: (path / "file").read_text() for path in folder.iterdir()}


def never(path):
    raise AssertionError(path)


def test_an_egg_gets_into_its_place(folder):
    with Workshop(folder) as shop:
        assert shop.folder.parent == folder
        assert shop.folder.name.startswith(".")
        shop.place(make(shop), never)
    assert contents(folder) == {"a.egg": "new"}


def test_a_workshop_that_was_not_used_leaves_nothing(folder):
    with Workshop(folder):
        pass
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("accepted", "text"), [(True, "old"), (False, "new")])
def test_what_is_there_is_replaced_unless_it_will_do(folder, accepted, text):
    (folder / "a.egg").mkdir(parents=True)
    (folder / "a.egg/file").write_text("old")
    with Workshop(folder) as shop:
        shop.place(make(shop), lambda path: accepted)
    assert contents(folder) == {"a.egg": text}


@pytest.mark.parametrize("kind", ["file", "link", "dangling", "empty"])
def test_whatever_is_there_is_replaced(folder, kind, tmp_path):
    folder.mkdir(parents=True)
    path = folder / "a.egg"
    if kind == "file":
        path.touch()
    elif kind == "empty":
        path.mkdir()
    else:
        (tmp_path / "elsewhere").mkdir() if kind == "link" else None
        path.symlink_to(tmp_path / "elsewhere")
    with Workshop(folder) as shop:
        shop.place(make(shop), lambda path: False)
    assert contents(folder) == {"a.egg": "new"}
    assert not path.is_symlink()


def test_another_error_is_told(folder, monkeypatch):
    with Workshop(folder) as shop, pytest.raises(FileNotFoundError):
        shop.place("missing.egg", never)


def test_two_builds_at_once(folder):
    """The second finds what the first has placed meanwhile."""
    with Workshop(folder) as first, Workshop(folder) as second:
        make(first), make(second, text="second")
        first.place("a.egg", never)
        second.place("a.egg", lambda path: (path / "file").read_text() == "new")
    assert contents(folder) == {"a.egg": "new"}


def test_a_workshop_in_use_is_no_leftover(folder):
    with Workshop(folder) as shop, holder(folder) as process:
        assert {path.parent for path in folder.glob("*/lock")} == {shop.folder, process.folder}
        assert list(leftovers(folder)) == []
        process.kill()
        process.wait()
        [leftover] = leftovers(folder)
        assert leftover.path == process.folder
        assert leftover.placed == []
        [said] = leftover.remove()
        assert str(process.folder) in said
        assert list(leftovers(folder)) == []


def holder(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, folder],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    process.folder = folder / Path(process.stdout.readline().strip()).name
    return process


def test_a_workshop_that_is_taken_for_a_leftover_is_made_again(folder, monkeypatch):
    """Another build may look just between the making of the folder and its lock."""
    claim, taken = workshop._claim, []

    def taking(path):
        if not taken:
            taken.append(path)
            path.rmdir()
        return claim(path)

    monkeypatch.setattr(workshop, "_claim", taking)
    with Workshop(folder) as shop:
        assert [shop.folder] == list(folder.iterdir())
        assert shop.folder not in taken


def test_what_was_moved_aside_and_not_removed_is_a_leftover(folder):
    folder.mkdir(parents=True)
    for name in ("folder.old", "file.old"):
        (folder / f"{workshop.PREFIX}{name}").mkdir() if "folder" in name else (
            folder / f"{workshop.PREFIX}{name}"
        ).touch()
    (folder / "b.egg").mkdir()
    assert len([line for found in leftovers(folder) for line in found.remove()]) == 2
    assert [path.name for path in folder.iterdir()] == ["b.egg"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may remove anything")
def test_what_may_not_be_removed_stays_without_a_word(folder):
    kept = folder / f"{workshop.PREFIX}x.old" / "deep"
    kept.mkdir(parents=True)
    (kept / "file").touch()
    kept.chmod(0o500)
    assert [line for found in leftovers(folder) for line in found.remove()] == []
    kept.chmod(0o700)


def test_discarding_what_is_gone_already(folder):
    folder.mkdir(parents=True)
    workshop.discard(folder / "gone.egg")
    assert list(folder.iterdir()) == []


def test_what_was_placed_is_synced_before_the_list_of_it_goes(folder, monkeypatch):
    seen = []
    monkeypatch.setattr(workshop, "_sync", lambda path: seen.append(sorted(path.glob(".*/*"))))
    with Workshop(folder) as shop:
        for name in ("a.egg", "b.egg"):
            shop.place(make(shop, name), never)
    [[*names]] = seen
    assert [path.name for path in names] == ["a.egg.placed", "b.egg.placed", "lock"]
    assert not shop.folder.exists()


def test_an_error_of_the_disk_keeps_the_list(folder, monkeypatch):
    def full(path):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(workshop, "_sync", full)
    with pytest.raises(OSError, match="Input/output"), Workshop(folder) as shop:
        shop.place(make(shop), never)
    [leftover] = leftovers(folder)
    assert leftover.placed == ["a.egg"]


def test_syncing_works_here(tmp_path):
    workshop._sync(tmp_path)
    with pytest.raises(FileNotFoundError):
        workshop._sync(tmp_path / "missing")
