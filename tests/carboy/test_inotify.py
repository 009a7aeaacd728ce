import contextlib
import errno
import os
import select

import pytest

from carboy import inotify
from carboy.inotify import Inotify


@pytest.fixture
def queue():
    with contextlib.closing(Inotify()) as queue:
        yield queue


def test_directories_in_which_something_happens(queue, tmp_path):
    folders = [tmp_path / name for name in ("one", "two", "é three")]
    for folder in folders:
        folder.mkdir()
        queue.add(folder)
    assert queue.read() == set()
    (folders[0] / "x").touch()
    (folders[2] / "x").touch()
    assert queue.read() == {folders[0], folders[2]}
    assert queue.read() == set()


@pytest.mark.parametrize(
    "event",
    [
        lambda path: path.write_text("x"),
        lambda path: path.unlink(),
        lambda path: path.rename(path.with_name("y")),
        lambda path: path.rename(path.parent.parent / "y"),
        lambda path: os.utime(path, (1, 1)),
        lambda path: path.with_name("new").mkdir(),
        lambda path: path.with_name("link").symlink_to(path),
    ],
)
def test_what_counts_as_an_event(queue, tmp_path, event):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "x").touch()
    queue.add(folder)
    event(folder / "x")
    assert queue.read() == {folder}


def test_reading_is_no_event(queue, tmp_path):
    (tmp_path / "x").touch()
    queue.add(tmp_path)
    (tmp_path / "x").read_bytes()
    os.listdir(tmp_path)  # noqa: PTH208  # opens the directory itself
    assert queue.read() == set()


def test_adding_twice_tells_once(queue, tmp_path):
    queue.add(tmp_path)
    queue.add(tmp_path)
    (tmp_path / "x").touch()
    assert queue.read() == {tmp_path}


def test_a_deleted_directory_is_told(queue, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    queue.add(folder)
    folder.rmdir()
    assert queue.read() == {folder}


def test_more_events_than_one_read_holds(queue, tmp_path):
    queue.add(tmp_path)
    for number in range(1500):
        (tmp_path / f"a rather long name to fill the buffer with {number}").touch()
    assert queue.read() == {tmp_path}
    assert queue.read() == set()


def test_lost_events(queue, tmp_path, monkeypatch):
    queue.add(tmp_path)
    overflow = inotify._EVENT.pack(-1, inotify._OVERFLOW, 0, 0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "read", lambda *_: overflow)
        assert queue.read() is None
    (tmp_path / "x").touch()
    assert queue.read() == {tmp_path}


def test_the_descriptor_wakes_and_is_not_inherited(queue, tmp_path):
    queue.add(tmp_path)
    assert select.select([queue], [], [], 0)[0] == []
    (tmp_path / "x").touch()
    assert select.select([queue], [], [], 5)[0] == [queue]
    assert not os.get_inheritable(queue.fileno())


@pytest.mark.parametrize(("name", "number"), [("gone", errno.ENOENT), ("file", errno.ENOTDIR)])
def test_what_cannot_be_watched(queue, tmp_path, name, number):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=os.strerror(number)) as refused:
        queue.add(tmp_path / name)
    assert refused.value.errno == number


def test_closing_closes():
    queue = Inotify()
    queue.close()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(queue.fileno())


def test_other_systems_have_none(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(OSError, match="inotify"):
        Inotify()
