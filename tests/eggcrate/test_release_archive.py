import gzip
import hashlib
import os
import stat
import tarfile

import pytest

from eggcrate.release import archive
from eggcrate.release.archive import Member

TIME = 1_700_000_000


def members(folder):
    (folder / "module.py").write_bytes(b"x = 1\n")
    return [
        Member("lib/module.py", folder / "module.py"),
        Member("bin/run", b"#!/bin/sh\n", executable=True),
        Member("var", target="../var"),
        Member("etc"),
        Member("lib/" + "ü" * 150 + ".txt", b"text"),
    ]


def listing(digests):
    return Member("manifest", "".join(f"{d} {n}\n" for n, d in sorted(digests.items())).encode())


def write(path, found):
    archive.write(path, "name-1", found, TIME, listing)
    return path.read_bytes()


def test_the_same_members_give_the_same_bytes(tmp_path):
    first = write(tmp_path / "a.tar.gz", members(tmp_path))
    os.utime(tmp_path / "module.py", (1, 1))
    (tmp_path / "module.py").chmod(0o600)
    umask = os.umask(0o077)
    try:
        second = write(tmp_path / "other name.tar.gz", reversed(members(tmp_path)))
    finally:
        os.umask(umask)
    assert first == second


def test_members_are_of_nobody_and_of_one_date(tmp_path):
    write(tmp_path / "a.tar.gz", members(tmp_path))
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        found = {member.name: member for member in tar}
    names = ["", "/bin", "/bin/run", "/etc", "/lib", "/lib/module.py", "/lib/" + "ü" * 150 + ".txt"]
    assert list(found) == [f"name-1{name}" for name in (*names, "/var", "/manifest")]
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in found.values()} == {
        (0, 0, "", "", TIME)
    }
    assert found["name-1/bin/run"].mode == 0o755
    assert found["name-1/lib/module.py"].mode == 0o644
    assert found["name-1/lib"].isdir()
    assert found["name-1/lib"].mode == 0o755
    assert found["name-1/var"].linkname == "../var"


def test_the_last_member_knows_the_others(tmp_path):
    write(tmp_path / "a.tar.gz", members(tmp_path))
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        text = tar.extractfile("name-1/manifest").read().decode()
    digest = hashlib.sha256(b"x = 1\n").hexdigest()
    assert f"{digest} lib/module.py\n" in text


def test_the_head_of_gzip_tells_nothing(tmp_path):
    data = write(tmp_path / "a.tar.gz", members(tmp_path))
    assert data[3] == 0  # no flags: no name
    assert data[4:8] == bytes(4)  # no date
    assert gzip.decompress(data)


def test_the_file_has_the_usual_mode(tmp_path):
    write(tmp_path / "a.tar.gz", [])
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a.tar.gz").stat().st_mode) == 0o666 & ~mask


def test_nothing_is_left_of_an_archive_that_failed(tmp_path):
    missing = Member("b", tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError):
        archive.write(tmp_path / "out" / "a.tar.gz", "name", [missing], TIME, listing)
    assert list((tmp_path / "out").iterdir()) == []
