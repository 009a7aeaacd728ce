import os
import stat

import pytest

from eggcrate import files


def test_write_sets_the_mode_whatever_the_umask(tmp_path):
    old = os.umask(0o077)
    try:
        assert files.write(tmp_path / "f", "ü\n", mode=0o755)
    finally:
        os.umask(old)
    assert (tmp_path / "f").read_bytes() == "ü\n".encode()
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o755


def test_write_leaves_an_equal_file_alone(tmp_path):
    files.write(tmp_path / "f", "a")
    before = (tmp_path / "f").stat()
    assert not files.write(tmp_path / "f", "a")
    assert (tmp_path / "f").stat() == before


def test_write_replaces_a_link_and_not_its_target(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "f").symlink_to("target")
    assert files.write(tmp_path / "f", "new")
    assert (tmp_path / "target").read_text() == "old"
    assert (tmp_path / "f").read_text() == "new"


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "x").touch()
    with pytest.raises(OSError, match="directory"):
        files.write(tmp_path / "f", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_link_replaces_what_differs(tmp_path):
    assert files.link(tmp_path / "l", "one")
    assert not files.link(tmp_path / "l", "one")
    assert files.link(tmp_path / "l", "two")
    assert (tmp_path / "l").readlink().name == "two"


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path, left = tmp_path / "it.tar", tmp_path / ".new-it.tar-killed"
    path.write_text("old")
    left.touch()
    os.utime(left, (1, 1))
    with pytest.raises(ZeroDivisionError), files.replacing(path) as file:
        print(file.write(b"half") // 0)
    assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])
    saved = os.umask(0o027)
    try:
        with files.replacing(path) as file:
            file.write(b"new")
            assert path.read_text() == "old"
    finally:
        os.umask(saved)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o640)
    assert list(tmp_path.iterdir()) == [path]
